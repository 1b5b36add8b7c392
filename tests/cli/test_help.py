from __future__ import annotations

import pytest

from nas_tuners import __version__
from tests.experiment_kit import Project

COMMANDS = [
    "run",
    "resume",
    "status",
    "top",
    "view",
    "stop",
    "export",
    "confirm",
    "ss-gen",
    "tuners",
    "bench",
]


def test_help_lists_the_commands_and_the_exit_codes(project: Project) -> None:
    shown = project.command("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert f"    {command} " in shown.stdout
    assert "130  interrupted" in shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(project: Project, command: str) -> None:
    shown = project.command(command, "--help")
    assert shown.returncode == 0
    assert f"usage: nas-tuners {command}" in shown.stdout


def test_version(project: Project) -> None:
    assert project.command("--version").stdout == f"nas-tuners {__version__}\n"


def test_an_unknown_command_suggests_the_nearest(project: Project) -> None:
    done = project.command("exprot")
    assert done.returncode == 2
    assert "no command 'exprot'; did you mean 'export'?" in done.stderr


def test_no_command(project: Project) -> None:
    done = project.command()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resume", "--max-trials", "none"], "whole number of at least 1, got 'none'"),
        (["resume", "--max-duration", "soon"], "or like '30s', '10m', '2h', '1d', got 'soon'"),
        (["top", "-n", "0"], "whole number of at least 1, got '0'"),
        (["stop", "--timeout", "soon"], "or like '30s', '10m', '2h', '1d', got 'soon'"),
        (["ss-gen"], "--trial-command"),
        (["ss-gen", "-t", "x", "--timeout", "never"], "or like '30s'"),
        (["ss-gen", "-t", "x", "--model", "a:B"], "not allowed with"),
    ],
)
def test_wrong_arguments(project: Project, arguments: list[str], message: str) -> None:
    done = project.command(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
