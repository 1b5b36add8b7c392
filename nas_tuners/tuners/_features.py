"""Architectures as rows of numbers, for models that predict how good they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import numpy as np
from numpy.typing import NDArray

from nas_tuners.contract.domains import (
    Categorical,
    Continuous,
    Domain,
    Entry,
    Grid,
    Subset,
    is_finite_number,
)
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import Spec, ValueChoice

Array = NDArray[np.float64]

_TABLE = 4096  # values a decision may have to be looked up; beyond, they are computed
_BINS = 16  # of a number
_ORDER = 0.75  # how much the order of numbers says; the rest is that they differ


class Features:
    """One block of columns a decision, such that distances between rows mean something.

    Half the squared distance of two blocks lies in [0, 1]. It is

    - of alternatives: 1 where they differ (Hamming);
    - of three numbers or more that a ``choice`` lists in order, such as widths: a quarter of
      that, and three quarters of the distance of their ranks;
    - of subsets: the size of the symmetric difference, relative to the largest possible;
    - of numbers: the distance on the scale of their prior, in 16 steps (thermometer code).

    The block of an inactive decision is zero. Decisions without an alternative have no block.

    Args:
        space: The search space.

    Attributes:
        width: The number of columns.
        blocks: The number of blocks.
        block_of: column -> block.
        shared: Groups of blocks that decide among the same candidates, such as the operations on
            the edges of a cell.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._positions = [i for i, d in enumerate(space.decisions) if d.domain.size > 1]
        self._blocks = [
            _make_block(space.decisions[i].domain, space.decision_specs[i])
            for i in self._positions
        ]
        widths = [block.width for block in self._blocks]
        self.blocks = len(widths)
        self.width = sum(widths)
        self.block_of = np.repeat(np.arange(self.blocks), widths)
        self._starts = np.cumsum([0, *widths])
        self.shared = _groups([repr(space.decision_specs[i]) for i in self._positions])

    def encode(self, vectors: Sequence[IndexVector]) -> Array:
        """The rows of canonical vectors: (n, width)."""
        rows = np.zeros((len(vectors), self.width))
        if not len(vectors):
            return rows
        columns = [*zip(*vectors, strict=True)]
        for index, block in enumerate(self._blocks):
            column = columns[self._positions[index]]
            first, last = self._starts[index], self._starts[index + 1]
            if None in column:
                active = [entry is not None for entry in column]
                rows[active, first:last] = block.rows([e for e in column if e is not None])
            else:
                rows[:, first:last] = block.rows(column)
        return rows

    def sum_blocks(self, columns: Array) -> Array:
        """Sums over the columns of each block: (width,) -> (blocks,)."""
        return np.bincount(self.block_of, weights=columns, minlength=self.blocks).astype(float)

    def counts(self, rows: Array) -> list[Array]:
        """For each group of :attr:`shared`: how often each candidate is chosen, in all its blocks.

        Scaled so that the squared distance of two counts is 2 on average, at most, where the
        decisions are independent; it reaches twice the size of the group.
        """
        result = []
        for group in self.shared:
            width = self._blocks[group[0]].width
            columns = np.concatenate([self._starts[block] + np.arange(width) for block in group])
            shape = (len(rows), len(group), width)
            result.append(rows[:, columns].reshape(shape).sum(axis=1) / np.sqrt(len(group)))
        return result


def squared_distances(first: Array, second: Array) -> Array:
    """Of all pairs of rows: (len(first), len(second))."""
    squares = (first * first).sum(axis=1)[:, None] + (second * second).sum(axis=1)[None, :]
    distances: Array = np.maximum(squares - 2.0 * (first @ second.T), 0.0)
    return distances


# ---- blocks -------------------------------------------------------------------------------------


class _Table:
    """A row for each of the few values of a decision."""

    def __init__(self, table: Array) -> None:
        self._table, self.width = table, table.shape[1]

    def rows(self, entries: Sequence[Entry]) -> Array:
        rows: Array = self._table[np.array(entries, dtype=int)]
        return rows


class _ManySubsets:
    """Rows of subsets that are too many to be listed."""

    def __init__(self, domain: Subset) -> None:
        self._domain, self.width = domain, domain.n

    def rows(self, entries: Sequence[Entry]) -> Array:
        rows = [_subset_row(self._domain, int(rank)) for rank in entries]  # of any size: no array
        return np.stack(rows) if rows else np.zeros((0, self.width))


class _ManyNumbers:
    """Rows of numbers that are too many to be listed."""

    width = _BINS

    def __init__(self, domain: Grid | Continuous) -> None:
        self._domain = domain

    def rows(self, entries: Sequence[Entry]) -> Array:
        return _thermometer(np.array([self._domain.to_unit(entry) for entry in entries]), _BINS)


def _make_block(domain: Domain, spec: Spec) -> Union[_Table, _ManySubsets, _ManyNumbers]:
    if isinstance(domain, Categorical):
        return _Table(_ordered_rows(domain.size) if _is_ordered(spec) else np.eye(domain.size))
    if isinstance(domain, Continuous) or domain.size > _TABLE:
        return _ManySubsets(domain) if isinstance(domain, Subset) else _ManyNumbers(domain)
    if isinstance(domain, Subset):
        return _Table(np.stack([_subset_row(domain, rank) for rank in range(domain.size)]))
    return _Table(_thermometer(_grid_units(domain), min(domain.size - 1, _BINS)))


def _is_ordered(spec: Spec) -> bool:
    """Whether the options are three numbers or more, in order."""
    if not isinstance(spec, ValueChoice) or len(spec.options) < 3:
        return False
    if not all(is_finite_number(option) for option in spec.options):
        return False
    return list(spec.options) in (sorted(spec.options), sorted(spec.options, reverse=True))


def _ordered_rows(size: int) -> Array:
    ranks = _thermometer(np.linspace(0.0, 1.0, size), size - 1)
    rows: Array = np.hstack([np.sqrt(1 - _ORDER) * np.eye(size), np.sqrt(_ORDER) * ranks])
    return rows


def _subset_row(domain: Subset, rank: int) -> Array:
    row = np.zeros(domain.n)
    row[list(domain.chosen(rank))] = 1.0
    scaled: Array = row / np.sqrt(_largest_difference(domain) / 2)
    return scaled


def _largest_difference(domain: Subset) -> int:
    """The largest symmetric difference of two subsets, which have ``low`` to ``high`` of ``n``."""
    n, low, high = domain.n, domain.low, domain.high
    if 2 * high <= n:
        return 2 * high
    return min(n, 2 * n - 2 * low)


def _grid_units(domain: Grid) -> Array:
    """The numbers on the scale of their prior, the first 0 and the last 1."""
    units = np.array([domain.to_unit(index) for index in range(domain.size)])
    if units[0] == units[-1]:  # too near for the prior to tell them apart
        return np.linspace(0.0, 1.0, domain.size)
    scaled: Array = (units - units[0]) / (units[-1] - units[0])
    return scaled


def _thermometer(units: Array, bins: int) -> Array:
    """Column j rises from 0 to its full height while the unit crosses the j-th of ``bins`` steps.

    Half the squared distance of two rows is the distance of the units, exactly on the steps.
    """
    filled = np.clip(units[:, None] * bins - np.arange(bins), 0.0, 1.0)
    height: Array = filled * np.sqrt(2.0 / bins)
    return height


def _groups(labels: Sequence[str]) -> list[list[int]]:
    found: dict[str, list[int]] = {}
    for block, label in enumerate(labels):
        found.setdefault(label, []).append(block)
    return [group for group in found.values() if len(group) > 1]
