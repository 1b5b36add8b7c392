"""How many architectures a search space holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .domains import Categorical, Domain, Subset

if TYPE_CHECKING:
    from .search_space import SearchSpace

_STATES = 20_000  # of the counting below; a space that needs more gets an upper bound


def count_architectures(space: SearchSpace) -> int | float:
    """Count by dynamic programming over decisions in order.

    The state is the set of later decisions already known to be inactive; decisions that are
    nobody's parent only multiply.
    """
    sizes = [decision.domain.size for decision in space.decisions]
    if math.inf in sizes:
        return math.inf
    children: dict[int, list[tuple[int, frozenset[int]]]] = {}
    for position, decision in enumerate(space.decisions):
        for condition in decision.conditions:
            children.setdefault(condition.parent, []).append((position, condition.allowed))
    counts: dict[frozenset[int], int] = {frozenset(): 1}
    for position in space.order:
        below = children.get(position, [])
        outcomes = _outcomes(space.decisions[position].domain, below)
        orphans = frozenset(child for child, _ in below)
        following: dict[frozenset[int], int] = {}
        for inactive, count in counts.items():
            rest = inactive - {position}
            cases = [(orphans, 1)] if position in inactive else outcomes
            for off, ways in cases:
                state = rest | off
                following[state] = following.get(state, 0) + count * ways
        if len(following) > _STATES:
            return math.prod(int(size) for size in sizes)
        counts = following
    return sum(counts.values())


def describe_size(size: int | float) -> str:
    """``"1 architecture"``, ``"1,280 architectures"``, ``"4.0e+21 architectures"``."""
    if size == math.inf:
        return "infinitely many architectures"
    if size == 1:
        return "1 architecture"
    number = f"{size:,}" if size < 10**9 else _scientific(int(size))
    return f"{number} architectures"


def describe_space(space: SearchSpace) -> str:
    """``"1 key, 2 architectures"``."""
    count = len(space.specs)
    return f"{count} key{'s' if count != 1 else ''}, {describe_size(space.size)}"


# ---- the encoded space --------------------------------------------------------------------------


def _outcomes(
    domain: Domain, below: Sequence[tuple[int, frozenset[int]]]
) -> list[tuple[frozenset[int], int]]:
    """(children switched off, number of entries that do so)."""
    size = int(domain.size)
    if not below or size > 100_000:
        return [(frozenset(), size)]
    assert isinstance(domain, (Categorical, Subset))
    ways: dict[frozenset[int], int] = {}
    for entry in range(size):
        chosen = domain.chosen(entry)
        off = frozenset(child for child, allowed in below if allowed.isdisjoint(chosen))
        ways[off] = ways.get(off, 0) + 1
    return list(ways.items())


def _scientific(size: int) -> str:
    digits = str(size) if size.bit_length() < 10_000 else ""
    if not digits:
        return f"about 2^{size.bit_length()}"
    return f"{digits[0]}.{digits[1]}e+{len(digits) - 1}"
