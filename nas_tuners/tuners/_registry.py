"""Tuners by name: the registered ones, and any class by its import path."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from nas_tuners._classes import check_arguments, import_class, parameters_of
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
    check_arguments(target, {**takes, **outer}, arguments, where="tuner.args")
    options = {"optimize_mode": optimize_mode, "seed": seed} | dict(arguments)
    inner = {k: v for k, v in options.items() if k in takes or k in arguments.keys() - outer}
    try:
        with _calm(name):
            made = target(**inner)
        if adapter is not None:
            made = adapter(made, **{k: options[k] for k in outer if k in options})
    except NasTunersError as error:
        raise ConfigError([Problem("tuner", str(error))]) from error
    except (TypeError, ValueError) as error:
        raise ConfigError([Problem("tuner.args", f"{target.__name__}: {error}")]) from error
    assert isinstance(made, Tuner)
    return made


@contextmanager
def without_experimental_warnings() -> Iterator[None]:
    """Silence what Optuna says of samplers that may change; nobody here chose their classes."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _calm(name: str) -> AbstractContextManager[None]:
    """Short names are a choice of this package; who names a class is warned of it."""
    return without_experimental_warnings() if registered_name(name) in SAMPLERS else nullcontext()


def registered_name(name: str) -> str | None:
    """The registered tuner or sampler that is meant, or None."""
    return _registered().get(plain(name))


def _registered() -> dict[str, str]:
    """Every accepted name, as :func:`plain` leaves it -> the registered one."""
    return {plain(known): known for known in (*TUNERS, *SAMPLERS)} | ALIASES


def find_class(name: str, code_directory: Path | None = None) -> type:
    """The class of a registered name or an import path.

    Raises:
        ConfigError: if there is none.
    """
    return import_class(_path_of(name), code_directory, where="tuner.name")


def _path_of(name: str) -> str:
    if ":" in name or "." in name:
        return name
    problem, registered = elsewhere(name), registered_name(name)
    if problem is None and registered is not None:
        return {**TUNERS, **SAMPLERS}[registered]
    known = [*sorted(TUNERS), *SAMPLERS]
    hint = did_you_mean(name, known) or did_you_mean(plain(name), _registered())
    message = problem or f"no tuner {name!r}{hint}"
    others = "in any case, also without 'Tuner'"
    path = "the import path of a class, such as optuna.samplers:TPESampler"
    listed = f"(known: {', '.join(known)}, {others}; or {path})"
    raise ConfigError([Problem("tuner.name", f"{message} {listed}")])


def options_of(target: type) -> Mapping[str, inspect.Parameter]:
    """What a class takes by keyword alone."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    return {name: p for name, p in parameters_of(target).items() if p.kind is keyword}


def adapter_of(target: type) -> type[Any] | None:
    """What makes a tuner of the class's instances; None if they are tuners."""
    if issubclass(target, Tuner):
        return None
    from optuna.samplers import BaseSampler

    from ._contract_tuner import ContractTuner
    from ._optuna_tuner import OptunaTuner

    return OptunaTuner if issubclass(target, BaseSampler) else ContractTuner
