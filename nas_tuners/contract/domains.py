"""The value sets of single decisions, addressed by index.

A decision's entry in an index vector is an ``int`` in ``range(size)`` for a finite domain and the
value itself (a ``float``) for an infinite one. Four domains carry every search-space type, so no
tuner branches on the kind of a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from statistics import NormalDist
from typing import TypeGuard, Union

Entry = Union[int, float]

# Quantiles are clipped here, so that an unbounded prior never returns an infinity.
_TAIL = 1e-9


@dataclass(frozen=True)
class Categorical:
    """One of ``size`` alternatives without an order."""

    size: int

    def contains(self, entry: object) -> bool:
        return _is_int(entry) and 0 <= entry < self.size  # type: ignore[operator]

    def sample(self, rng: Random) -> int:
        return int(rng.random() * self.size)

    def mutate(self, entry: Entry, rng: Random) -> int:
        """Any other alternative, uniformly."""
        other = int(rng.random() * (self.size - 1))
        return other + (other >= entry)

    def chosen(self, entry: Entry) -> tuple[int, ...]:
        return (int(entry),)


@dataclass(frozen=True)
class Subset:
    """Between ``low`` and ``high`` distinct ones of ``n`` candidates.

    Subsets are ranked by length, then in colexicographic order (the combinatorial number system:
    Knuth, TAOCP 4A, 7.2.1.3, theorem L).
    """

    n: int
    low: int
    high: int

    @property
    def size(self) -> int:
        return _subset_size(self.n, self.low, self.high)

    def contains(self, entry: object) -> bool:
        return _is_int(entry) and 0 <= entry < self.size  # type: ignore[operator]

    def sample(self, rng: Random) -> int:
        """Uniform over subsets, not over lengths."""
        return rng.randrange(self.size)

    def mutate(self, entry: Entry, rng: Random) -> int:
        """One move drawn uniformly from :meth:`neighbours`."""
        chosen = list(self.chosen(entry))
        k = len(chosen)
        swaps = k * (self.n - k)
        adds = self.n - k if k < self.high else 0
        drops = k if k > self.low else 0
        move = rng.randrange(swaps + adds + drops)
        rest = [index for index in range(self.n) if index not in chosen]
        if move < swaps:
            chosen[move % k] = rest[move // k]
        elif move < swaps + adds:
            chosen.append(rest[move - swaps])
        else:
            del chosen[move - swaps - adds]
        return self.index(sorted(chosen))

    def neighbours(self, entry: Entry) -> list[int]:
        """Every subset one move away: one candidate swapped, added or dropped."""
        chosen = self.chosen(entry)
        rest = [index for index in range(self.n) if index not in chosen]
        swaps = [{*chosen} - {old} | {new} for old in chosen for new in rest]
        adds = [{*chosen, new} for new in rest] if len(chosen) < self.high else []
        drops = [{*chosen} - {old} for old in chosen] if len(chosen) > self.low else []
        return [self.index(sorted(move)) for move in swaps + adds + drops]

    def chosen(self, entry: Entry) -> tuple[int, ...]:
        """The sorted candidate indices of a rank."""
        return _unrank(int(entry), self.n, self.low, self.high)

    def index(self, chosen: Sequence[int]) -> int:
        """The rank of sorted candidate indices."""
        shorter = sum(math.comb(self.n, length) for length in range(self.low, len(chosen)))
        return shorter + sum(math.comb(c, i + 1) for i, c in enumerate(chosen))


@dataclass(frozen=True)
class Prior:
    """A one-dimensional prior: uniform or normal, of the value or of its logarithm.

    ``a`` and ``b`` are the bounds (uniform) or mean and standard deviation (normal), on the scale
    on which the prior is uniform or normal.
    """

    a: float
    b: float
    log: bool = False
    normal: bool = False

    def value(self, unit: float) -> float:
        """The quantile function; ``unit`` in [0, 1]."""
        if self.normal:
            x = NormalDist(self.a, self.b).inv_cdf(min(max(unit, _TAIL), 1 - _TAIL))
        else:
            x = self.a + unit * (self.b - self.a)
        return _exp(x) if self.log else x

    def unit(self, value: float) -> float:
        """The distribution function; inverse of :meth:`value`."""
        if self.log and value <= 0:
            return 0.0
        x = math.log(value) if self.log else value
        if self.normal:
            return NormalDist(self.a, self.b).cdf(x)
        if self.a == self.b:  # bounds so near that their logarithms are equal
            return 0.5
        return min(max((x - self.a) / (self.b - self.a), 0.0), 1.0)


@dataclass(frozen=True)
class Grid:
    """Finitely many ordered numbers: the multiples of ``step``, clipped to ``[low, high]``.

    Probabilities follow the prior: a value collects the mass that rounds to it.
    """

    low: float
    high: float
    step: float
    prior: Prior

    @property
    def first(self) -> int:
        return round(self.low / self.step)

    @property
    def size(self) -> int:
        return round(self.high / self.step) - self.first + 1

    def contains(self, entry: object) -> bool:
        return _is_int(entry) and 0 <= entry < self.size  # type: ignore[operator]

    def sample(self, rng: Random) -> int:
        return self.from_unit(rng.random())

    def mutate(self, entry: Entry, rng: Random) -> int:
        """Any other value of the grid, uniformly."""
        other = rng.randrange(self.size - 1)
        return other + (other >= entry)

    def value(self, entry: Entry) -> float:
        """The number at an index: an ``int`` where step and value are whole."""
        number = min(max(_tidy((self.first + int(entry)) * self.step), self.low), self.high)
        whole = float(self.step).is_integer() and float(number).is_integer()
        return int(number) if whole else float(number)

    def index(self, value: float) -> int | None:
        """The index whose value this is, or None."""
        nearest = self.nearest(value)
        return nearest if _is_close(self.value(nearest), value, self.step) else None

    def from_unit(self, unit: float) -> int:
        return self.nearest(self.prior.value(unit))

    def to_unit(self, entry: Entry) -> float:
        return self.prior.unit(self.value(entry))

    def nearest(self, value: float) -> int:
        """The index whose value is nearest."""
        inside = min(max(value, self.low), self.high)
        return min(max(round(inside / self.step) - self.first, 0), self.size - 1)


@dataclass(frozen=True)
class Continuous:
    """Infinitely many ordered numbers; the entry is the value. ``step`` 0 means unrounded."""

    prior: Prior
    step: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    @property
    def size(self) -> float:
        return math.inf

    def contains(self, entry: object) -> bool:
        if not is_finite_number(entry) or not self.low <= entry <= self.high:
            return False
        if not self.step:
            return True
        return _is_close(entry - math.remainder(entry, self.step), entry, self.step)

    def sample(self, rng: Random) -> float:
        return self.from_unit(rng.random())

    def mutate(self, entry: Entry, rng: Random) -> float:
        """A normal step of a tenth of the prior's mass, reflected at the ends."""
        unit = self.to_unit(entry)
        for _ in range(20):
            moved = abs(unit + rng.gauss(0.0, 0.1)) % 2.0
            value = self.from_unit(2.0 - moved if moved > 1.0 else moved)
            if value != entry:
                return value
        # A prior narrower than its rounding: the next number there is.
        up = _tidy(entry + self.step) if self.step else entry
        up = max(up, math.nextafter(entry, math.inf))
        return up if up <= self.high else math.nextafter(entry, -math.inf)

    def from_unit(self, unit: float) -> float:
        value = min(max(self.prior.value(unit), self.low), self.high)
        if not self.step:
            return value
        rounded = _tidy(round(value / self.step) * self.step)
        return int(rounded) if float(self.step).is_integer() else rounded

    def to_unit(self, entry: Entry) -> float:
        return self.prior.unit(float(entry))


Domain = Union[Categorical, Subset, Grid, Continuous]


def is_finite_number(value: object) -> TypeGuard[int | float]:
    """Whether this is an ``int`` or a ``float`` (a ``bool`` is neither) that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_int(entry: object) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool)


def _is_close(number: float, other: float, step: float) -> bool:
    """Equal but for rounding errors, which stay far below a step."""
    return math.isclose(number, other, rel_tol=1e-14, abs_tol=step * 1e-6)


def _tidy(number: float) -> float:
    """0.1 * 3 is 0.3 for the people who read it."""
    return number if float(number).is_integer() else float(f"{number:.15g}")


def _exp(x: float) -> float:
    return math.exp(min(x, 709.0))


@lru_cache(maxsize=4096)
def _subset_size(n: int, low: int, high: int) -> int:
    return sum(math.comb(n, length) for length in range(low, high + 1))


@lru_cache(maxsize=4096)
def _unrank(rank: int, n: int, low: int, high: int) -> tuple[int, ...]:
    length = low
    while rank >= (count := math.comb(n, length)):
        rank -= count
        length += 1
    chosen: list[int] = []
    candidate = n - 1
    for position in range(length, 0, -1):
        while math.comb(candidate, position) > rank:
            candidate -= 1
        rank -= math.comb(candidate, position)
        chosen.append(candidate)
        candidate -= 1
    return tuple(reversed(chosen))
