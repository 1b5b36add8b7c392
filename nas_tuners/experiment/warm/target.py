"""What can be run warm: a Python script, a module, or a function."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nas_tuners.contract.errors import ConfigError

from ..configuration.config import Command

_OPTIONS = {"-u", "-B", "-O", "-OO", "-s"}  # of Python; those that the server can be started with
_OF_THE_SHELL = set("|&;<>()$`\\*?[]{}~#!\n")

_WHAT_CAN = (
    "warm trials are forked from a Python process, so the command must be `python script.py "
    "arguments` or `python -m module arguments`, without anything for a shell, or a `function` "
    "must be given instead"
)


@dataclass(frozen=True)
class WarmTarget:
    """What every trial runs.

    Attributes:
        kind: ``script``, ``module`` or ``function``.
        name: The script as the command names it, the module, or ``module:name``.
        arguments: What follows it.
        options: What Python itself is given.
    """

    kind: Literal["script", "module", "function"]
    name: str
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def target_of_function(function: str) -> WarmTarget:
    return WarmTarget("function", function)


def target_of_command(command: Command, *, cwd: Path, path: str) -> WarmTarget:
    """What a command runs.

    Args:
        command: A text without anything for the shell, or a list of arguments.
        cwd: Where it runs.
        path: Where programs are looked up.

    Raises:
        ConfigError: if it cannot be run warm.
    """
    words = _words(command)
    _require_this_python(words, cwd=cwd, path=path)
    options = _leading_options(words[1:])
    rest = words[1 + len(options) :]
    if len(rest) > 1 and rest[0] == "-m":
        return WarmTarget("module", rest[1], tuple(rest[2:]), options)
    if not rest or rest[0].startswith("-"):
        found = f"{rest[0]!r} after `python`" if rest else "`python` alone"
        raise _refused(f"{found} cannot be warm")
    return WarmTarget("script", rest[0], tuple(rest[1:]), options)


def _words(command: Command) -> list[str]:
    if not isinstance(command, str):
        return list(command)
    special = sorted(_OF_THE_SHELL & set(command))
    if special:
        raise _refused(f"the command {command!r} has {special[0]!r}, which may be for a shell")
    try:
        return shlex.split(command)
    except ValueError as error:
        raise _refused(f"the command {command!r} cannot be split: {error}") from error


def _require_this_python(words: Sequence[str], *, cwd: Path, path: str) -> None:
    name = words[0] if words else ""
    relative = os.path.dirname(name) and not os.path.isabs(name)
    found = str(cwd / name) if relative else shutil.which(name, path=path)
    if found is None or not _is_this_python(found):
        raise _refused(f"{name!r} is not the Python that runs nas-tuners ({sys.executable})")


def _is_this_python(program: str) -> bool:
    """Whether it is the same program in the same environment."""
    same_folder = os.path.realpath(os.path.dirname(program)) == os.path.realpath(
        os.path.dirname(sys.executable)
    )
    return same_folder and os.path.realpath(program) == os.path.realpath(sys.executable)


def _leading_options(words: Sequence[str]) -> tuple[str, ...]:
    options: list[str] = []
    for word in words:
        if word not in _OPTIONS:
            break
        options.append(word)
    return tuple(options)


def _refused(why: str) -> ConfigError:
    return ConfigError(f"{why}; {_WHAT_CAN}", "warm")
