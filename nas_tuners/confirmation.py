"""Choosing the winner of a search by measuring the few best again.

The best of many noisy results is partly the luckiest: its value promises more than the
architecture holds, and another one may be better. New runs with new seeds tell.
:func:`confirm` does it all; :func:`candidates_of`, :func:`plan` and :func:`summarize` are its
parts, for runs that happen elsewhere.
"""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from statistics import mean
from typing import TYPE_CHECKING, Any

from ._candidates import (
    Candidate,
    Direction,
    Outcome,
    candidates_of,
    direction_of,
    value_or_reason,
)
from ._posterior import pooled_deviation, probability_of_best
from .contract.errors import ExperimentError

if TYPE_CHECKING:
    from optuna.study import Study

__all__ = [
    "Candidate",
    "Confirmation",
    "Confirmed",
    "Run",
    "candidates_of",
    "confirm",
    "plan",
    "summarize",
]

_logger = logging.getLogger(__name__)

Evaluate = Callable[[dict[str, Any], int], Any]


@dataclass(frozen=True)
class Run:
    """One measurement to make: of which candidate, with which seed.

    The parameters are its own: a run that changes them changes no other.
    """

    place: int
    parameters: dict[str, Any]
    seed: int


@dataclass(frozen=True)
class Confirmed:
    """What new runs say about an architecture.

    Attributes:
        parameters: The architecture.
        search_value: What the search measured; not part of the mean.
        values: What the new runs measured.
        mean: Of ``values``; None without any.
        standard_error: Of the mean, from the noise of all candidates together; None where the
            noise is unknown, because no candidate has two values or they differ by more than a
            float can tell.
        probability: That no other candidate has a better mean; None where the noise is unknown.
        failures: Why runs gave no value.
    """

    parameters: dict[str, Any]
    search_value: float
    values: tuple[float, ...]
    mean: float | None
    standard_error: float | None
    probability: float | None
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Confirmation:
    """The candidates, the best first; those without a value last. Prints as a table."""

    candidates: tuple[Confirmed, ...]

    @property
    def winner(self) -> Confirmed:
        """The candidate with the best mean of new runs.

        Raises:
            ExperimentError: if every run failed.
        """
        first = self.candidates[0]
        if first.mean is None:
            raise ExperimentError(f"no run succeeded; the first failed with: {first.failures[0]}")
        return first

    def __str__(self) -> str:
        return "\n".join([_row(*_HEAD), *(_row(*_cells(row)) for row in self.candidates)])


def confirm(
    results: Study | Iterable[Mapping[str, Any]],
    evaluate: Evaluate,
    *,
    top_k: int = 5,
    seeds: int | Sequence[int] = 3,
    optimize_mode: Direction | None = None,
    progress: bool = False,
) -> Confirmation:
    """Measure the best architectures of a search again and choose the winner by that.

    The values of the search itself are left out of the means: the candidates were chosen for being
    high, so they are too high ("winner's curse"). Noise is taken to be normal and equally strong
    for all candidates; see :func:`nas_tuners.confirmation.summarize`.

    Args:
        results: A study, or records ``{"parameter": {...}, "value": number}``, in which both may
            be JSON text, as NNI exports them. What occurs more than once counts with the mean of
            its values.
        evaluate: Called as ``evaluate(parameters, seed)``; returns the value. Parameters are what
            a tuner emits, where the study knows its search space, else ``trial.params`` or the
            record's; each run gets a copy. What raises or returns no finite number is a failed
            run: it is reported, and is not a value.
        top_k: How many architectures are measured.
        seeds: How many runs each, with seeds 1, 2, ...; or the seeds. They should not be those of
            the search.
        optimize_mode: Of records, ``"maximize"`` if None; a study has its own.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: for wrong arguments, or a study of several objectives.
        ExperimentError: if there is no result to choose from.

    Example::

        chosen = nas_tuners.confirm(study, train, top_k=5, seeds=3)
        print(chosen)  # one line an architecture: mean, standard error, probability of being best
        chosen.winner.parameters
    """
    direction = direction_of(results, optimize_mode)
    candidates = candidates_of(results, top_k, optimize_mode=direction)
    runs: Iterable[Run] = plan(candidates, seeds)
    if progress:
        from tqdm import tqdm

        runs = tqdm(list(runs), unit="run")
    outcomes = [(run, _outcome(evaluate, run)) for run in runs]
    return summarize(candidates, outcomes, optimize_mode=direction)


def plan(candidates: Sequence[Candidate], seeds: int | Sequence[int]) -> list[Run]:
    """Every candidate with every seed, seed by seed, so that what is stopped early is fair.

    Raises:
        ValueError: if there is no seed, or one occurs twice.
    """
    chosen = range(1, seeds + 1) if isinstance(seeds, int) else seeds
    whole = isinstance(chosen, Sequence) and all(map(_is_whole, chosen))
    if isinstance(seeds, bool) or not whole or not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(
            "`seeds` must be a positive number or different whole numbers, "
            f"but got (seeds={seeds!r})."
        )
    return [
        Run(place, copy.deepcopy(candidate.parameters), seed)
        for seed in chosen
        for place, candidate in enumerate(candidates)
    ]


def summarize(
    candidates: Sequence[Candidate],
    outcomes: Iterable[tuple[Run, Outcome]],
    *,
    optimize_mode: Direction = "maximize",
) -> Confirmation:
    """What the runs say.

    The probability of being best is that of the mean, not of a single run: the posterior under
    normal noise of one common variance and a non-informative prior, which makes each mean's
    posterior a t distribution with the pooled degrees of freedom (Gelman et al., Bayesian Data
    Analysis, 3rd edition, section 3.2). Two runs of one candidate are the least it takes.

    Args:
        candidates: What was measured.
        outcomes: The runs of :func:`plan`, all or some, each with its value or, if it failed, a
            text that says why.
        optimize_mode: Whether high or low values are better.
    """
    values: list[list[float]] = [[] for _ in candidates]
    failures: list[list[str]] = [[] for _ in candidates]
    for run, outcome in outcomes:
        if isinstance(outcome, str):
            failures[run.place].append(f"seed {run.seed}: {outcome}")
        else:
            values[run.place].append(outcome)
    sign = 1.0 if optimize_mode == "maximize" else -1.0
    probabilities = probability_of_best([[sign * v for v in group] for group in values])
    deviation, _ = pooled_deviation(values)
    rows = [
        Confirmed(
            candidate.parameters,
            candidate.search_value,
            tuple(group),
            mean(group) if group else None,
            deviation / math.sqrt(len(group)) if group and math.isfinite(deviation) else None,
            probabilities[place] if probabilities else None,
            tuple(failures[place]),
        )
        for place, (candidate, group) in enumerate(zip(candidates, values, strict=True))
    ]
    rows.sort(key=lambda row: -math.inf if row.mean is None else sign * row.mean, reverse=True)
    return Confirmation(tuple(rows))


def _is_whole(seed: object) -> bool:
    return isinstance(seed, Integral) and not isinstance(seed, bool)


def _outcome(evaluate: Evaluate, run: Run) -> Outcome:
    try:
        outcome = value_or_reason(evaluate(run.parameters, run.seed))
    except Exception as error:  # whatever training raises; the other runs still count
        outcome = f"{type(error).__name__}: {error}"
    if isinstance(outcome, str):
        _logger.warning("Run %d with seed %d failed: %s", run.place, run.seed, outcome)
    return outcome


# ---- as text ------------------------------------------------------------------------------------

_HEAD = ("mean", "+-", "runs", "failed", "P(best)", "search", "architecture")


def _cells(row: Confirmed) -> tuple[str, ...]:
    return (
        _text(row.mean),
        _text(row.standard_error),
        str(len(row.values)),
        str(len(row.failures) or ""),
        "-" if row.probability is None else f"{row.probability:.3f}",
        _text(row.search_value),
        json.dumps(row.parameters, ensure_ascii=False, default=str),
    )


def _text(number: float | None) -> str:
    return "-" if number is None else f"{number:.6g}"


def _row(*cells: str) -> str:
    widths = (10, 9, 4, 6, 7, 10)
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=False)]
    return "  ".join([*numbers, cells[-1]])
