"""Tuners by name: the registered ones, and any class by its import path."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import ConfigError, NasTunersError, Problem, did_you_mean

from ._base import OptimizeMode, Tuner

TUNERS: dict[str, str] = {
    "BatchTuner": "nas_tuners.tuners._batch:BatchTuner",
    "GridSearchTuner": "nas_tuners.tuners._grid_search:GridSearchTuner",
    "RandomTuner": "nas_tuners.tuners._random:RandomTuner",
    "RegularizedEvolutionTuner": (
        "nas_tuners.tuners._regularized_evolution:RegularizedEvolutionTuner"
    ),
}


def make_tuner(
    name: str,
    arguments: Mapping[str, Any],
    *,
    optimize_mode: OptimizeMode,
    seed: int,
    code_directory: Path | None = None,
) -> Tuner:
    """Make a tuner from the words of a configuration.

    Args:
        name: A registered name, in any case, with or without "Tuner"; or the import path of a
            class, ``module:Class`` or ``module.Class``: a :class:`Tuner`, a class with the methods
            of NNI's contract, or an Optuna sampler.
        arguments: Keyword arguments of the class.
        optimize_mode: Passed on if the class takes it.
        seed: Passed on if the class takes it.
        code_directory: Where to look for the module first.

    Raises:
        ConfigError: naming ``tuner.name`` or ``tuner.args.<argument>``.
    """
    target = _find(name, code_directory)
    takes = _parameters(target)
    _check_arguments(target, takes, arguments)
    shared = {"optimize_mode": optimize_mode, "seed": seed}
    known = {key: value for key, value in shared.items() if key in takes}
    try:
        made = target(**(known | dict(arguments)))
        return made if isinstance(made, Tuner) else _adapt(made, optimize_mode, seed)
    except NasTunersError as error:
        raise ConfigError([Problem("tuner", str(error))]) from error
    except (TypeError, ValueError) as error:
        raise ConfigError([Problem("tuner.args", f"{target.__name__}: {error}")]) from error


def registered_name(name: str) -> str | None:
    """The registered name that is meant, or None."""
    plain = name.lower().removesuffix("tuner").rstrip("_")
    short = {known.lower().removesuffix("tuner"): known for known in TUNERS}
    return short.get(plain.replace("_", ""))


def _find(name: str, code_directory: Path | None) -> type:
    registered = registered_name(name)
    if registered is None and ":" not in name and "." not in name:
        names = ", ".join(sorted(TUNERS))
        hint = did_you_mean(name, TUNERS)
        path = "the import path of a class, such as optuna.samplers:TPESampler"
        message = f"no tuner {name!r}{hint} (known: {names}; or {path})"
        raise ConfigError([Problem("tuner.name", message)])
    path = TUNERS[registered] if registered else name
    module_name, _, class_name = path.rpartition(":" if ":" in path else ".")
    module = _import(module_name, code_directory)
    target = getattr(module, class_name, None)
    if not isinstance(target, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        hint = did_you_mean(class_name, classes)
        message = f"module {module_name!r} has no class {class_name!r}{hint}"
        raise ConfigError([Problem("tuner.name", message)])
    return target


def _import(module_name: str, code_directory: Path | None) -> Any:
    if code_directory is not None and str(code_directory) not in sys.path:
        sys.path.insert(0, str(code_directory))
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        where = f" (looked in {code_directory} first)" if code_directory else ""
        message = f"cannot import {module_name!r}{where}: {type(error).__name__}: {error}"
        raise ConfigError([Problem("tuner.name", message)]) from error


def _parameters(target: type) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}


def _check_arguments(
    target: type, takes: Mapping[str, inspect.Parameter], arguments: Mapping[str, Any]
) -> None:
    kinds = {parameter.kind for parameter in takes.values()}
    problems = [
        Problem(
            f"tuner.args.{name}",
            f"{target.__name__} takes no such argument{did_you_mean(name, takes)} "
            f"(it takes: {', '.join(takes) or 'none'})",
        )
        for name in arguments
        if name not in takes and inspect.Parameter.VAR_KEYWORD not in kinds
    ]
    if problems:
        raise ConfigError(problems)


def _adapt(made: Any, optimize_mode: OptimizeMode, seed: int) -> Tuner:
    from optuna.samplers import BaseSampler

    from ._contract_tuner import ContractTuner
    from ._optuna_tuner import OptunaTuner

    adapter: type[Any] = OptunaTuner if isinstance(made, BaseSampler) else ContractTuner
    tuner: Tuner = adapter(made, optimize_mode=optimize_mode, seed=seed)
    return tuner
