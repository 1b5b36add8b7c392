"""Whether one method is better than another, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from .results import Results

_LEVEL = 0.05


@dataclass(frozen=True)
class Comparison:
    """Ours against a peer, lower is better.

    Attributes:
        ours: Our mean.
        peer: The peer's name.
        theirs: The peer's mean.
        seeds: How many seeds both have; the test is on these, the means are on all.
        p: Of the two-sided Wilcoxon signed-rank test.
    """

    ours: float
    peer: str
    theirs: float
    seeds: int
    p: float

    @property
    def verdict(self) -> str:
        if self.p >= _LEVEL:
            return "not distinguishable"
        return "better" if self.ours < self.theirs else "worse"


def compare(ours: Mapping[int, float], peer: str, theirs: Mapping[int, float]) -> Comparison:
    """Two methods by seed -> regret."""
    seeds = sorted(ours.keys() & theirs.keys())
    p = _wilcoxon([ours[seed] - theirs[seed] for seed in seeds])
    return Comparison(fmean(ours.values()), peer, fmean(theirs.values()), len(seeds), p)


def against_best(
    results: Results,
    table: str,
    method: str,
    rivals: tuple[str, ...],
    budget: int,
    kind: str = "test_regret",
) -> Comparison | None:
    """A method against the rival with the lowest mean; None if either has not been run so far."""
    ours = results.regret(table, method, budget, kind)
    found = {rival: results.regret(table, rival, budget, kind) for rival in rivals}
    means = {rival: fmean(values.values()) for rival, values in found.items() if values}
    if not ours or not means:
        return None
    best = min(means, key=lambda rival: means[rival])
    return compare(ours, best, found[best])


def _wilcoxon(differences: list[float]) -> float:
    from scipy.stats import wilcoxon

    if not any(differences):
        return 1.0
    return float(wilcoxon(differences, zero_method="pratt", method="approx").pvalue)
