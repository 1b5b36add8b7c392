"""Whether what a trial runs is there, as far as that is certain without running it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError

from .configuration.checks import function_problems
from .configuration.config import Command, ExperimentConfig
from .local.spawners import trial_environment

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_FLAGS = {"-u", "-B", "-O", "-OO", "-s", "-S", "-E", "-I"}  # of Python, which say no file
_OF_THE_SHELL = set("|&;<>()$`\\*?[]{}~#!=\n")  # a word with one of these may become another


def require_trial_code(config: ExperimentConfig, advice: str) -> None:
    """Refuse to run trials that would all fail, for what they run is not here.

    Args:
        config: Of trials on this machine; those that Ray places are not looked at.
        advice: What to do about it.

    Raises:
        ExperimentError: if a script, a program or a module is certainly missing.
    """
    if config.launcher.name != "local":
        return
    if not config.code_directory.is_dir():
        missing = [f"no such folder: {config.code_directory}"]
    else:
        missing = [*_missing_files(config), *(str(p) for p in function_problems(config))]
    if missing:
        raise ExperimentError(f"the trials' code is not here: {'; '.join(missing)}; {advice}")


def _missing_files(config: ExperimentConfig) -> Iterator[str]:
    """The program of a command, or the script that it gives to Python, if it is not there."""
    words, here = _words(config.command or ()), config.code_directory
    if not words or _is_open(words[0]):
        return
    script = _script(words)
    if not _is_program(words[0], here, trial_environment(config.environment)):
        yield f"no program {words[0]!r} {f'in {here}' if '/' in words[0] else 'on the PATH'}"
    elif script is not None and not (here / script).exists():
        yield f"no file {script!r} in {here}"


def _words(command: Command) -> list[str]:
    """None at all where a shell may make something else of them."""
    if not isinstance(command, str):
        return list(command)
    if _is_open(command.replace("=", "")):
        return []
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _is_open(word: str) -> bool:
    return bool(_OF_THE_SHELL & set(word))


def _is_program(word: str, here: Path, environment: Mapping[str, str]) -> bool:
    """Asks the shell, which knows its own commands; it only looks."""
    found = subprocess.run(
        ["/bin/sh", "-c", 'command -v "$1"', "nas-tuners", word],
        cwd=here,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return found.returncode == 0


def _script(words: Sequence[str]) -> str | None:
    """What Python is told to run, if that is a file by a plain name."""
    if not _PYTHON.fullmatch(os.path.basename(words[0])):
        return None
    rest = [word for word in words[1:] if word not in _FLAGS]
    if not rest or rest[0].startswith("-") or _is_open(rest[0]):
        return None
    return rest[0]
