"""Which commands can be run warm."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.experiment.configuration.config import Command
from nas_tuners.experiment.local.launcher import LocalLauncher
from nas_tuners.experiment.warm.target import WarmTarget, target_of_command


@pytest.mark.parametrize(
    ("command", "target"),
    [
        ("python train.py", WarmTarget("script", "train.py")),
        (
            "python3 -u 'my train.py' --lr 1",
            WarmTarget("script", "my train.py", ("--lr", "1"), ("-u",)),
        ),
        ((sys.executable, "-m", "a.b", "$x"), WarmTarget("module", "a.b", ("$x",))),
    ],
)
def test_what_can_be_warm(tmp_path: Path, command: Command, target: WarmTarget) -> None:
    path = str(Path(sys.executable).parent)
    assert target_of_command(command, cwd=tmp_path, path=path) == target


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("python a.py && echo x", "has '&', which may be for a shell"),
        ("X=1 python a.py", "'X=1' is not the Python that runs nas-tuners"),
        ("/bin/sh a.sh", "'/bin/sh' is not the Python that runs nas-tuners"),
        (("torchrun", "a.py"), "'torchrun' is not the Python that runs nas-tuners"),
        (("python", "-c", "print(1)"), "'-c' after `python` cannot be warm"),
        ("python", "`python` alone cannot be warm"),
        ("python 'a.py", "cannot be split: No closing quotation"),
        ("", "'' is not the Python that runs nas-tuners"),
    ],
)
def test_what_cannot(tmp_path: Path, command: Command, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LocalLauncher(command, warm=True, cwd=tmp_path, trials=tmp_path, environment={})
    assert message in str(caught.value)
    assert "must be `python script.py arguments`" in str(caught.value)


def test_another_environment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(os.path.realpath(sys.executable))
    with pytest.raises(ConfigError, match="is not the Python that runs"):
        target_of_command(("bin/python", "a.py"), cwd=tmp_path, path="")
