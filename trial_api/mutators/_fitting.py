"""The architecture that probabilities have come to, within the constraints of the space."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random

from nas_tuners.contract.architecture import vector_of
from nas_tuners.contract.constraints import Constraint, attempts_of, nothing_fits
from nas_tuners.contract.search_space import SearchSpace

from ._selection import Selection

_logger = logging.getLogger(__name__)

_HOTTEST = 1024.0  # at which all candidates are nearly as likely
_COMPARED = 100  # draws that fit, of which the likeliest counts
_TINY = 1e-300  # a probability of zero, for its logarithm

Rows = Mapping[str, Sequence[float]]
"""key -> a number a candidate."""
Decided = Mapping[str, Selection]


def broken_constraint(
    space: SearchSpace, chosen: Mapping[str, Sequence[int]]
) -> Constraint | None:
    """The first constraint that the candidates of these indices break; None if all hold."""
    return space.broken_constraint(vector_of(space, chosen)) if space.constraints else None


def indices_of(decision: Decided) -> dict[str, list[int]]:
    """key -> the candidates that run."""
    return {key: list(one.indices) for key, one in decision.items()}


def likeliest_fitting(
    derive: Callable[[Rows], dict[str, Selection]],
    probabilities: Rows,
    *,
    gates: Collection[str],
    space: SearchSpace,
    chosen: Callable[[Decided], dict[str, list[int]]] = indices_of,
) -> dict[str, Selection]:
    """What is derived from probabilities, or something near it that keeps to all constraints.

    Where a constraint is broken, architectures are drawn from the probabilities, at temperatures
    that rise, until some fit. In the likeliest of them one key after the other, the most certain
    first, goes back to its likeliest candidate where that still fits. The same probabilities
    always come to the same architecture.

    Args:
        derive: Numbers of the candidates -> the architecture of the largest.
        probabilities: Of the candidates.
        gates: The keys whose probabilities are of an independent gate each.
        space: Whose constraints are kept.
        chosen: The indices in ``space`` of what a decision runs.

    Raises:
        SearchSpaceError: if none of as many draws as the constraints allow keeps to them.
    """

    def broken(numbers: Rows) -> Constraint | None:
        return broken_constraint(space, chosen(derive(numbers)))

    first = broken(probabilities)
    if first is None:
        return derive(probabilities)
    _logger.info("the likeliest architecture breaks the constraint %r: one near it", first.name)
    drawn = _fitting_draws(probabilities, gates, broken, attempts_of(space.constraints))
    numbers = max(drawn, key=lambda one: _log_likelihood(one, probabilities, gates))
    certain_first = sorted(probabilities, key=lambda key: -max(probabilities[key]))
    for key in 2 * certain_first:  # again, as what goes back may make room for others
        restored = {**numbers, key: probabilities[key]}
        if broken(restored) is None:
            numbers = restored
    return derive(numbers)


def _fitting_draws(
    probabilities: Rows,
    gates: Collection[str],
    broken: Callable[[Rows], Constraint | None],
    attempts: int,
) -> list[Rows]:
    """Numbers of which the largest in a row is drawn; of gates, those above one half."""
    rng, refusals = Random(0), Counter[str]()
    fitting: list[Rows] = []
    draw = {key: _gate if key in gates else _raced for key in probabilities}
    for number in range(attempts):
        temperature = _HOTTEST ** (number / attempts)
        numbers = {
            key: [draw[key](one, temperature, rng) for one in row]
            for key, row in probabilities.items()
        }
        by = broken(numbers)
        if by is not None:
            refusals[by.name] += 1
            continue
        fitting.append(numbers)
        if len(fitting) == _COMPARED:
            break
    if not fitting:
        raise nothing_fits(refusals)
    return fitting


def _log_likelihood(numbers: Rows, probabilities: Rows, gates: Collection[str]) -> float:
    """Of what the largest numbers choose."""
    total = 0.0
    for key, row in probabilities.items():
        if key in gates:
            chosen = [p if n > 0.5 else 1 - p for n, p in zip(numbers[key], row, strict=True)]
        else:
            chosen = [max(zip(numbers[key], row, strict=True))[1]]
        total += sum(math.log(max(probability, _TINY)) for probability in chosen)
    return total


def _raced(probability: float, temperature: float, rng: Random) -> float:
    """Of several the largest is as likely as its probability, at temperature 1."""
    weight: float = probability ** (1 / temperature)
    return weight / (rng.expovariate(1.0) or 1.0)


def _gate(probability: float, temperature: float, rng: Random) -> float:
    """Above one half as likely as its probability, at temperature 1."""
    opened = _raced(probability, temperature, rng)
    closed = _raced(1 - probability, temperature, rng)
    return opened / (opened + closed)
