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
from ._names import ALIASES, SAMPLERS, elsewhere, plain

TUNERS: dict[str, str] = {
    "BatchTuner": "nas_tuners.tuners._batch:BatchTuner",
    "BayesianTuner": "nas_tuners.tuners._bayesian:BayesianTuner",
    "GridSearchTuner": "nas_tuners.tuners._grid_search:GridSearchTuner",
    "LocalSearchTuner": "nas_tuners.tuners._local_search:LocalSearchTuner",
    "PPOTuner": "nas_tuners.tuners._ppo:PPOTuner",
    "PredictorEvolutionTuner": ("nas_tuners.tuners._predictor_evolution:PredictorEvolutionTuner"),
    "QMCTuner": "nas_tuners.tuners._qmc:QMCTuner",
    "RandomTuner": "nas_tuners.tuners._random:RandomTuner",
    "RegularizedEvolutionTuner": (
        "nas_tuners.tuners._regularized_evolution:RegularizedEvolutionTuner"
    ),
    "ReinforceTuner": "nas_tuners.tuners._reinforce:ReinforceTuner",
    "SPOSEvolutionTuner": "nas_tuners.tuners._spos_evolution:SPOSEvolutionTuner",
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
        name: A registered name, in any case, with or without "Tuner", or the short name of an
            Optuna sampler; or the import path of a class, ``module:Class`` or ``module.Class``: a
            :class:`Tuner`, a class with the methods of NNI's contract, or an Optuna sampler.
        arguments: Keyword arguments of the class; for a sampler also those of
            :class:`~nas_tuners.OptunaTuner`.
        optimize_mode: Passed on if the class takes it.
        seed: Passed on if the class takes it.
        code_directory: Where to look for the module first.

    Raises:
        ConfigError: naming ``tuner.name`` or ``tuner.args.<argument>``.
    """
    target = find_class(name, code_directory)
    adapter = adapter_of(target)
    takes, outer = parameters_of(target), options_of(adapter) if adapter else {}
    _check_arguments(target, {**takes, **outer}, arguments)
    options = {"optimize_mode": optimize_mode, "seed": seed} | dict(arguments)
    inner = {k: v for k, v in options.items() if k in takes or k in arguments.keys() - outer}
    try:
        made = target(**inner)
        if adapter is not None:
            made = adapter(made, **{k: options[k] for k in outer if k in options})
    except NasTunersError as error:
        raise ConfigError([Problem("tuner", str(error))]) from error
    except (TypeError, ValueError) as error:
        raise ConfigError([Problem("tuner.args", f"{target.__name__}: {error}")]) from error
    assert isinstance(made, Tuner)
    return made


def registered_name(name: str) -> str | None:
    """The registered tuner or sampler that is meant, or None."""
    short = {plain(known): known for known in (*TUNERS, *SAMPLERS)} | ALIASES
    return short.get(plain(name))


def find_class(name: str, code_directory: Path | None = None) -> type:
    """The class of a registered name or an import path.

    Raises:
        ConfigError: if there is none.
    """
    path = _path_of(name)
    module_name, _, class_name = path.rpartition(":" if ":" in path else ".")
    module = _import(module_name, code_directory)
    target = getattr(module, class_name, None)
    if not isinstance(target, type):
        classes = [key for key, value in vars(module).items() if isinstance(value, type)]
        hint = did_you_mean(class_name, classes)
        message = f"module {module_name!r} has no class {class_name!r}{hint}"
        raise ConfigError([Problem("tuner.name", message)])
    return target


def _path_of(name: str) -> str:
    if ":" in name or "." in name:
        return name
    problem, registered = elsewhere(name), registered_name(name)
    if problem is None and registered is not None:
        return {**TUNERS, **SAMPLERS}[registered]
    known = [*sorted(TUNERS), *SAMPLERS]
    hint = did_you_mean(name, known)
    path = "the import path of a class, such as optuna.samplers:TPESampler"
    message = problem or f"no tuner {name!r}{hint}"
    raise ConfigError([Problem("tuner.name", f"{message} (known: {', '.join(known)}; or {path})")])


def _import(module_name: str, code_directory: Path | None) -> Any:
    if code_directory is not None and str(code_directory) not in sys.path:
        sys.path.insert(0, str(code_directory))
    try:
        return importlib.import_module(module_name)
    except Exception as error:
        where = f" (looked in {code_directory} first)" if code_directory else ""
        message = f"cannot import {module_name!r}{where}: {type(error).__name__}: {error}"
        raise ConfigError([Problem("tuner.name", message)]) from error


def parameters_of(target: type) -> Mapping[str, inspect.Parameter]:
    """What a class takes; nothing where that cannot be known."""
    try:
        return inspect.signature(target).parameters
    except (TypeError, ValueError):
        return {}


def options_of(target: type) -> Mapping[str, inspect.Parameter]:
    """What a class takes by keyword alone."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    return {name: p for name, p in parameters_of(target).items() if p.kind is keyword}


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


def adapter_of(target: type) -> type[Any] | None:
    """What makes a tuner of the class's instances; None if they are tuners."""
    if issubclass(target, Tuner):
        return None
    from optuna.samplers import BaseSampler

    from ._contract_tuner import ContractTuner
    from ._optuna_tuner import OptunaTuner

    return OptunaTuner if issubclass(target, BaseSampler) else ContractTuner
