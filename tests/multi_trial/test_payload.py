"""What travels to trials, and what cannot."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.multi_trial import FunctionalEvaluator
from nas_tuners.multi_trial.payload import FILE, Payload, dump, load, modules_of, save
from nas_tuners.multi_trial.source import ModelSpace, source_of, taken_apart
from tests.multi_trial.kit import Net, judge


def payload_of(space: ModelSpace, evaluator: FunctionalEvaluator) -> Payload:
    source = source_of(space)
    return Payload(source, source.blueprint(), evaluator)


def test_what_can_be_imported_goes_by_its_name(tmp_path: Path) -> None:
    data = dump(payload_of(Net(4), FunctionalEvaluator(judge, bonus=2)))
    save(tmp_path, data)
    loaded = load(tmp_path)
    assert taken_apart(loaded.source) == (Net, {"classes": 4})
    assert loaded.evaluator.arguments == {"bonus": 2}
    assert loaded.evaluator.function is judge  # type: ignore[attr-defined]
    assert "tests.multi_trial.kit" in modules_of(data)
    assert not {"functools", "builtins", "__main__"} & {*modules_of(data)}
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_what_cannot_be_imported_goes_by_value(tmp_path: Path) -> None:
    factor = 3

    class Local(Net):
        pass

    def scaled(model_cls: Any) -> float:
        return factor * judge(model_cls)

    space = lambda: Local()  # noqa: E731
    save(tmp_path, dump(payload_of(space, FunctionalEvaluator(scaled))))
    code = f"""
        from pathlib import Path
        from nas_tuners.multi_trial.payload import load
        loaded = load(Path({str(tmp_path)!r}))
        print(type(loaded.source.make()).__qualname__, loaded.evaluator.function.__name__)
    """
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    name, function = done.stdout.split()
    assert name == "Local"
    assert function == "scaled"


def test_every_argument_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()

    def train(model_cls: Any, data: Any) -> None: ...

    with pytest.raises(ConfigError) as told:
        dump(payload_of(Net(2, backbone=lock), FunctionalEvaluator(train, data=lock)))
    where = [problem.where for problem in told.value.problems]
    assert where == ["argument 'backbone' of Net", "argument 'data' of the evaluator train"]
    message = told.value.problems[0].message
    assert message.startswith("cannot be sent to trials: TypeError: cannot pickle '_thread.lock'")
    assert "make it in the constructor" in message


def test_a_script_without_cloudpickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be imported needs none; what cannot is named, with what to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert dump(payload_of(Net, FunctionalEvaluator(judge)))
    monkeypatch.setattr(judge, "__module__", "__main__")
    with pytest.raises(ConfigError) as told:
        dump(payload_of(Net, FunctionalEvaluator(judge)))
    assert "judge is of a script or a notebook; pip install 'nas-tuners[notebook]'" in str(
        told.value
    )


def test_a_large_payload_is_told(caplog: pytest.LogCaptureFixture) -> None:
    dump(payload_of(Net, FunctionalEvaluator(judge, bonus=b" " * 100_000_001)))
    assert "model space and evaluator are 100 MB, which every trial reads" in caplog.text


def test_a_folder_without_one_and_one_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="this experiment was not started from Python"):
        load(tmp_path)
    (tmp_path / FILE).write_bytes(pickle.dumps(Net).replace(b"kit", b"not"))
    with pytest.raises(ExperimentError, match="cannot be read: ModuleNotFoundError"):
        load(tmp_path)
