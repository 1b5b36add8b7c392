"""Points that fill the space evenly."""

from __future__ import annotations

from random import Random
from typing import Any, final

from nas_tuners.contract.domains import Categorical, Domain, Entry, Subset
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Tuner

_BITS = 30  # of a coordinate
_LENGTH = 2**20  # points of the sequence; then it starts again


@final
class QMCTuner(Tuner):
    """Quasi-Monte Carlo: more even than random, and as blind to results.

    Bergstra, Bengio: Random Search for Hyper-Parameter Optimization, JMLR 2012
    (https://jmlr.org/papers/v13/bergstra12a.html), section 5: the points of a low-discrepancy
    sequence, one coordinate a decision. The point of a trial is that of its number, so workers and
    resumed searches share one sequence without having to agree on anything. (Optuna's
    ``QMCSampler`` counts its points in the study instead, which no tuner could replay.)

    Asking costs O(number of decisions x trial number), a few milliseconds at trial 10,000;
    telling costs O(1).

    Args:
        qmc_type: ``"sobol"`` or ``"halton"``.
        scramble: Whether ``seed`` randomizes the sequence. Without it every search is the same,
            and starts with the first candidate of every decision.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = QMCTuner(seed=0)
    """

    multi_objective = True
    _attempts = 1  # a trial has one point
    _refusable = 1

    def __init__(
        self,
        *,
        qmc_type: str = "sobol",
        scramble: bool = True,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        if qmc_type not in ("sobol", "halton"):
            raise ValueError(
                f"`qmc_type` must be 'sobol' or 'halton', but got (qmc_type={qmc_type!r})."
            )
        if not isinstance(scramble, bool):
            raise ValueError(f"`scramble` must be True or False, but got (scramble={scramble!r}).")
        self.qmc_type = qmc_type
        self.scramble = scramble

    def _prepare(self, space: SearchSpace) -> None:
        dimension = max(1, len(space.decisions))
        self._sequence = _sequence(self.qmc_type, dimension, self.scramble, self.seed)

    def _propose(self, ask: Ask) -> IndexVector:
        self._sequence.reset()
        place = ask.number % _LENGTH
        if place:
            self._sequence.fast_forward(place)
        point = self._sequence.random(1)[0].tolist()
        return self.space.canonical(
            [
                _entry(decision.domain, unit, ask.rng)
                for decision, unit in zip(self.space.decisions, point, strict=False)
            ]
        )


def _sequence(qmc_type: str, dimension: int, scramble: bool, seed: int) -> Any:
    from scipy.stats import qmc

    if seed < 0:  # which NumPy refuses
        seed = Random(f"{seed}:sequence").getrandbits(63)
    if qmc_type == "sobol":
        return qmc.Sobol(dimension, scramble=scramble, bits=_BITS, seed=seed)
    return qmc.Halton(dimension, scramble=scramble, seed=seed)


def _entry(domain: Domain, unit: float, rng: Random) -> Entry:
    if not isinstance(domain, (Categorical, Subset)):
        return domain.from_unit(unit)
    start = int(unit * 2**_BITS) * domain.size >> _BITS
    return start + rng.randrange(max(1, domain.size >> _BITS))  # more subsets than coordinates
