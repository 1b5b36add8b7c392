from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig
from nas_tuners.experiment.configuration.parts import LauncherConfig, TunerConfig
from nas_tuners.experiment.trial_code import require_trial_code


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "train.py").touch()
    (tmp_path / "my train.py").touch()
    (tmp_path / "package").mkdir()
    (tmp_path / "train").write_text("#!/bin/sh\n")
    (tmp_path / "train").chmod(0o755)
    return tmp_path


def check(code: Path, command: str | tuple[str, ...] | None = None, **others: object) -> None:
    config = ExperimentConfig(
        name="x",
        tuner=TunerConfig("random"),
        code_directory=code,
        experiments_directory=code,
        command=command,
        search_space=SearchSpace({"a": {"_type": "layer_choice", "_value": ["x"]}}),
        **others,  # type: ignore[arg-type]
    )
    require_trial_code(config, "look elsewhere")


@pytest.mark.parametrize(
    "command",
    [
        "python train.py --lr=0.1",
        "python -u train.py",
        "python 'my train.py'",
        "python package",
        "python -m missing.train",
        "python -c 'pass'",
        "python -W ignore missing.py",
        "python $HERE/missing.py",
        "python {somewhere}/missing.py",
        "python missing*.py",
        "cd package && python missing.py",
        "HERE=1 python missing.py",
        "HERE=1 missing",
        "exec python missing.py",
        "env python missing.py",
        "sh missing.sh",
        "./train missing.py",
        "test -e train",
        ("python", "train.py", "{x}"),
        ("python", "my train.py"),
        ("python", "{somewhere}/x.py"),
        (sys.executable, "train.py"),
        ("./train",),
        ("sh", "-c", "python missing.py"),
        "python",
        "python 'unfinished",
    ],
)
def test_what_may_be_right_is_not_refused(code: Path, command: str | tuple[str, ...]) -> None:
    check(code, command)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python missing.py", "no file 'missing.py' in "),
        ("python3 -u package/missing.py --lr=0.1", "no file 'package/missing.py' in "),
        (("python", "/missing/train.py"), "no file '/missing/train.py' in "),
        ((sys.executable, "missing.py", "train.py"), "no file 'missing.py' in "),
        ("no-such-program train.py", "no program 'no-such-program' on the PATH"),
        (("no-such-program",), "no program 'no-such-program' on the PATH"),
        ("./missing", "no program './missing' in "),
    ],
)
def test_what_is_certainly_missing(
    code: Path, command: str | tuple[str, ...], message: str
) -> None:
    with pytest.raises(ExperimentError, match="the trials' code is not here: ") as caught:
        check(code, command)
    assert message in str(caught.value)
    assert str(caught.value).endswith("; look elsewhere")


def test_a_program_of_the_trials_own_path(code: Path) -> None:
    check(code, "train", environment={"PATH": f"{code}:/bin:/usr/bin"})


def test_functions(code: Path) -> None:
    (code / "train.py").write_text("def evaluate(parameters): return 1.0\n")
    check(code, function="train:evaluate")
    with pytest.raises(ExperimentError, match="not here: function: no module 'missing'"):
        check(code, function="missing:evaluate")


def test_no_folder(code: Path) -> None:
    with pytest.raises(ExperimentError, match=r"no such folder: .*/gone; look elsewhere"):
        check(code / "gone", "python train.py")


def test_what_ray_sends_is_not_looked_for_here(code: Path) -> None:
    check(code, "python missing.py", launcher=LauncherConfig("ray"))
