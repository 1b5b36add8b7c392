"""Classes that a configuration names by their import path, and the arguments they take."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean


def import_class(path: str, code_directory: Path | None, *, where: str) -> type:
    """The class at ``module:Class`` or ``module.Class``.

    Args:
        path: The import path.
        code_directory: Where to look for the module first.
        where: The key of the configuration, for the error.

    Raises:
        ConfigError: if there is none.
    """
    module_name, _, class_name = path.rpartition(":" if ":" in path else ".")
    module = _import(module_name, code_directory, hint=hint_at_module(path), where=where)
    target = getattr(module, class_name, None)
    if not isinstance(target, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        hint = hint_at_module(path) or did_you_mean(class_name, classes)
        message = f"module {module_name!r} has no class {class_name!r}{hint}"
        raise ConfigError([Problem(where, message)])
    return target


def parameters_of(target: type) -> Mapping[str, inspect.Parameter]:
    """What a class takes; nothing where that cannot be known."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}


def check_arguments(
    target: type,
    takes: Mapping[str, inspect.Parameter],
    arguments: Iterable[str],
    *,
    where: str,
) -> None:
    """Check that a class takes all of the arguments.

    Raises:
        ConfigError: naming each that it does not, under the key ``where``.
    """
    kinds = {parameter.kind for parameter in takes.values()}
    problems = [
        Problem(
            f"{where}.{name}",
            f"{target.__name__} takes no such argument{did_you_mean(name, takes)} "
            f"(it takes: {', '.join(takes) or 'none'})",
        )
        for name in arguments
        if name not in takes and inspect.Parameter.VAR_KEYWORD not in kinds
    ]
    if problems:
        raise ConfigError(problems)


def _import(module_name: str, code_directory: Path | None, *, hint: str, where: str) -> Any:
    if code_directory is not None and str(code_directory) not in sys.path:
        sys.path.insert(0, str(code_directory))
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        looked = f" (looked in {code_directory} first)" if code_directory else ""
        message = f"cannot import {module_name!r}{looked}: {type(error).__name__}: {error}{hint}"
        raise ConfigError([Problem(where, message)]) from error


def hint_at_module(path: str) -> str:
    """For those who name a file, as in ``folder/code.py:Mine``."""
    file, suffix, class_name = path.partition(".py")
    if not suffix or class_name[:1] not in ("", ":", "."):
        return ""
    parts = PurePath(file).parts
    whole = all(part.isidentifier() for part in parts)
    module = ".".join(parts) if whole else PurePath(file).name
    where = "" if whole else ", found in its own folder"
    return f"; did you mean '{module}:{class_name.lstrip(':.') or 'CLASS'}'{where}?"
