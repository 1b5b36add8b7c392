"""Write the search space of a model class: ``python -m trial_api._generate module:Class``.

The file is named by the environment variable ``NAS_TUNERS_GEN_SEARCH_SPACE``. The module is looked
up from the current folder. Exit code 2 and a message on standard error where that is impossible.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import NasTunersError, did_you_mean
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE

_USAGE = "usage: python -m trial_api._generate module:Class"


class _GenerateError(Exception):
    """The message for the user, on its way to standard error."""


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    try:
        _generate(arguments, environment)
    except (_GenerateError, NasTunersError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _generate(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    from .nn._next import write_space

    if len(arguments) != 1:
        raise _GenerateError(_USAGE)
    file = environment.get(GEN_SEARCH_SPACE)
    if not file:
        raise _GenerateError(f"{GEN_SEARCH_SPACE} must name the file to write")
    write_space(_space_of(arguments[0]), Path(file), of=arguments[0])


def _space_of(target: str) -> SearchSpace:
    """The search space of ``module:Class``."""
    from torch import nn

    from .nn import search_space

    factory = _find(target)
    if not isinstance(factory, nn.Module):
        if not callable(factory):
            raise _GenerateError(f"{target} is neither a class nor a function: {factory!r}")
        _require_no_arguments(target, factory)
    try:
        return search_space(factory)
    except NasTunersError:
        raise
    except Exception as error:
        traceback.print_exc()
        raise _GenerateError(f"{target}() raised {_describe(error)}") from error


def _find(target: str) -> Any:
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise _GenerateError(f"expected module:Class, got {target!r}")
    module = _import(module_name)
    if not hasattr(module, name):
        hint = did_you_mean(name, dir(module))
        raise _GenerateError(f"module {module_name!r} has no attribute {name!r}{hint}")
    return getattr(module, name)


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _GenerateError(f"module {name!r} imports what is missing: {error}") from error
        where = f"looked in {Path.cwd()} and in the installed packages"
        raise _GenerateError(f"no module named {error.name!r} ({where})") from error
    except Exception as error:
        traceback.print_exc()
        raise _GenerateError(f"importing {name!r} raised {_describe(error)}") from error


def _require_no_arguments(target: str, factory: Any) -> None:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return  # something written in C; calling it will tell
    flexible = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty and parameter.kind not in flexible
    ]
    if needed:
        raise _GenerateError(
            f"{target} needs arguments ({', '.join(needed)}); give them defaults, or write a "
            "function without arguments that builds the model and name that: module:function"
        )


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
