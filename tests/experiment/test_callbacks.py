from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas_tuners.callbacks import Callback, TensorBoardCallback
from nas_tuners.contract.errors import ConfigError
from nas_tuners.experiment.configuration.parts import CallbackConfig
from nas_tuners.experiment.events.callbacks import Guarded, make_callbacks
from nas_tuners.experiment.events.events import EVENTS, BestChanged, ExperimentEvent, Waiting

MODULE = """
from nas_tuners.callbacks import Callback

class Mine(Callback):
    def __init__(self, limit, *, word="a"):
        if limit < 0:
            raise ValueError("`limit` must not be negative")
        self.limit, self.word = limit, word

class Open(Callback):
    def __init__(self, **options):
        self.options = options

class Server(Callback):
    def __init__(self):
        raise OSError("no answer")

class Other:
    pass
"""

BEST = BestChanged(time=0.0, experiment="e", trial=1, value=0.5)


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module, whose name no other test uses."""
    (tmp_path / "my_callbacks.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "my_callbacks", raising=False)
    return tmp_path


def make(name: str, code: Path, **arguments: Any) -> Callback:
    (made,) = make_callbacks([CallbackConfig(name, arguments)], code)
    return made


def message(name: str, code: Path | None = None, **arguments: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        make_callbacks([CallbackConfig(name, arguments)], code)
    return str(caught.value)


def test_a_class_of_ones_own_by_its_import_path(code: Path) -> None:
    made: Any = make("my_callbacks:Mine", code, limit=3, word="b")
    assert (type(made).__name__, made.limit, made.word) == ("Mine", 3, "b")


def test_any_argument_goes_to_a_class_that_takes_any(code: Path) -> None:
    made: Any = make("my_callbacks:Open", code, colour="red")
    assert made.options == {"colour": "red"}


@pytest.mark.parametrize("name", ["tensorboard", "TensorBoard"])
def test_a_short_name(name: str) -> None:
    pytest.importorskip("tensorboard")
    (made,) = make_callbacks([CallbackConfig(name, {"logdir": "runs"})])
    assert isinstance(made, TensorBoardCallback)


def test_an_unknown_name() -> None:
    assert message("mlfow") == (
        "callbacks[0].name: no callback 'mlfow'; did you mean 'mlflow'? "
        "(known: mlflow, tensorboard, wandb; or the import path of a class, module:Class)"
    )


def test_a_module_that_is_not_there(tmp_path: Path) -> None:
    assert message("no_such_module:Mine", tmp_path) == (
        f"callbacks[0].name: cannot import 'no_such_module' (looked in {tmp_path} first): "
        "ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_a_class_that_is_not_there(code: Path) -> None:
    expected = "module 'my_callbacks' has no class 'Mien'; did you mean 'Mine'?"
    assert message("my_callbacks:Mien", code) == f"callbacks[0].name: {expected}"


def test_a_class_that_is_no_callback(code: Path) -> None:
    assert message("my_callbacks:Other", code) == (
        "callbacks[0].name: my_callbacks:Other is no callback; "
        "derive it from nas_tuners.callbacks.Callback"
    )


def test_an_argument_that_it_does_not_take(code: Path) -> None:
    assert message("my_callbacks:Mine", code, limit=1, wrod="b") == (
        "callbacks[0].args.wrod: Mine takes no such argument; did you mean 'word'? "
        "(it takes: limit, word)"
    )


def test_an_argument_that_is_missing_or_refused(code: Path) -> None:
    assert "callbacks[0].args: Mine: " in message("my_callbacks:Mine", code)
    expected = "callbacks[0].args: Mine: `limit` must not be negative"
    assert message("my_callbacks:Mine", code, limit=-1) == expected


def test_a_class_that_cannot_be_made(code: Path) -> None:
    expected = "callbacks[0].name: Server cannot be made: OSError: no answer"
    assert message("my_callbacks:Server", code) == expected


def test_all_mistakes_at_once(code: Path) -> None:
    configs = [CallbackConfig("mlfow"), CallbackConfig("my_callbacks:Mine", {"x": 1, "y": 2})]
    with pytest.raises(ConfigError) as caught:
        make_callbacks(configs, code)
    where = [problem.where for problem in caught.value.problems]
    assert where == ["callbacks[0].name", "callbacks[1].args.x", "callbacks[1].args.y"]


def test_every_event_has_a_method() -> None:
    assert {f"on_{name}" for name in EVENTS} | {"on_event"} == {
        name for name in vars(Callback) if name.startswith("on_")
    }


class Fragile(Callback):
    """Fails while it is told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.broken = False

    def on_event(self, event: ExperimentEvent) -> None:
        self.calls.append(f"any: {event.name}")

    def on_best_changed(self, event: BestChanged) -> None:
        self.calls.append(f"best: {event.trial}")
        if self.broken:
            raise RuntimeError("no answer from postgresql://ann:s3cret@db/nas")


def test_the_method_for_all_comes_first() -> None:
    callback = Fragile()
    Guarded(callback).handle(BEST)
    Guarded(callback).handle(Waiting(time=0.0, experiment="e", reason="no GPU"))
    assert callback.calls == ["any: best_changed", "best: 1", "any: waiting"]


def test_a_mistake_is_logged_without_passwords(caplog: pytest.LogCaptureFixture) -> None:
    callback = Fragile()
    callback.broken = True
    Guarded(callback).handle(BEST)
    assert "Callback Fragile failed on best_changed:\nTraceback" in caplog.text
    assert "postgresql://ann:***@db/nas" in caplog.text
    assert "s3cret" not in caplog.text


def test_three_failures_in_a_row_switch_it_off(caplog: pytest.LogCaptureFixture) -> None:
    callback = Fragile()
    guarded = Guarded(callback)
    for broken in (True, True, False, True, True, True, False):
        callback.broken = broken
        guarded.handle(BEST)
    assert callback.calls.count("best: 1") == 6
    expected = "Callback Fragile failed 3 times in a row; it is switched off for this run."
    assert caplog.messages[-1] == expected
