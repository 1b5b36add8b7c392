"""What can be compared: tuners by name, and samplers of Optuna as Optuna runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .protocol import Progress, Trace, run, run_sampler
from .tables import Table

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

_SET_BY_PROTOCOL = {"seed": "another for each search", "optimize_mode": "as the table needs it"}


def search(
    method: str,
    table: Table,
    evaluations: int,
    *,
    seed: int,
    workers: int = 1,
    arguments: Mapping[str, Any] | None = None,
    code_directory: Path | None = None,
    progress: Progress | None = None,
) -> Trace:
    """One search of a table.

    Args:
        method: A name in :data:`PEERS`, or what :func:`nas_tuners.tuners.make_tuner` takes.
        table: The table.
        evaluations: How many architectures are tried.
        seed: Of everything random.
        workers: Trials that run at the same time.
        arguments: Of the tuner.
        code_directory: Where to look for the module of a tuner first.
        progress: Called after each evaluation.

    Raises:
        ConfigError: if there is no such tuner, if it does not take the arguments, if these have
            what the protocol sets, or if a peer is given arguments or several workers.
        TunerError: if the tuner fails.
    """
    from nas_tuners.tuners import make_tuner

    if method.startswith("optuna-"):
        require_peer(method, arguments, workers)
        return run_sampler(table, PEERS[method](seed), evaluations, progress=progress)
    require_free(arguments or {})
    tuner = make_tuner(
        method,
        arguments or {},
        optimize_mode="maximize",
        seed=seed,
        code_directory=code_directory,
    )
    return run(table, tuner, evaluations, workers=workers, seed=seed, progress=progress)


def require_free(arguments: Mapping[str, Any]) -> None:
    """Raise :class:`ConfigError` if the arguments of a tuner have what the protocol sets."""
    problems = [
        Problem("", f"tuner argument {name!r} is set by the protocol ({how}); leave it out")
        for name, how in _SET_BY_PROTOCOL.items()
        if name in arguments
    ]
    if problems:
        raise ConfigError(problems)


def require_peer(method: str, arguments: Mapping[str, Any] | None, workers: int = 1) -> None:
    """Raise :class:`ConfigError` unless it is a peer, asked for as Optuna ships it."""
    if method not in PEERS:
        problem = f"no such sampler{did_you_mean(method, PEERS)} (known: {', '.join(PEERS)})"
        raise ConfigError([Problem(method, problem)])
    if arguments or workers > 1:
        problem = "runs as Optuna ships it: without arguments, with one worker"
        raise ConfigError([Problem(method, problem)])


def _tpe(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed)


def _tpe_univariate(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=False, constant_liar=False)


def _nsga2(seed: int) -> BaseSampler:
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler(seed=seed)


def _gp(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler

    from nas_tuners.tuners._registry import without_experimental_warnings

    with without_experimental_warnings():  # which Optuna 4 gives
        return GPSampler(seed=seed)


PEERS: dict[str, Callable[[int], BaseSampler]] = {
    "optuna-tpe": _tpe,  # what Optuna takes by default from version 5
    "optuna-tpe-univariate": _tpe_univariate,  # what Optuna 4 took
    "optuna-gp": _gp,
    "optuna-nsga2": _nsga2,
}
"""Optuna's samplers with their default arguments, in plain studies."""
