"""Landscapes made from a seed, with a known optimum; they need no files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise as neighbours
from pathlib import Path
from random import Random
from typing import final

import numpy as np
from numpy.typing import NDArray

from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import InputChoice, LayerChoice, Spec, ValueChoice

from .tables import Table

_Effects = NDArray[np.float64]
_SAMPLE = 2_000  # architectures from which the scale is taken


@final
@dataclass(frozen=True)
class SyntheticTable(Table):
    """Each decision has an effect, some pairs have another, and validation has noise on top.

    Pairs are links of one chain through the decisions, so the optimum is known exactly. The unit
    is the standard deviation over random architectures, which are 0 on average. The noise of an
    architecture is always the same: it comes from a hash.

    Attributes:
        singles: Per decision, the effect of each entry.
        pairs: (decision, decision) -> effect of both entries together.
        noise: Standard deviation of validation - test.
        best_validation: That of the optimum without noise; a lucky architecture may exceed it.
    """

    name: str
    space: SearchSpace
    singles: tuple[_Effects, ...]
    pairs: Mapping[tuple[int, int], _Effects]
    noise: float
    best_test: float
    best_validation: float

    def validation(self, vector: IndexVector) -> float | None:
        return self.test(vector) + self.noise * _normal(self.name, vector)

    def test(self, vector: IndexVector) -> float:
        return _value(vector, self.singles, self.pairs)


def separable(_: Path) -> Table:
    """12 decisions of 4 operations, each with its own effect; little noise."""
    return _make("synthetic-separable", _layers(12, 4), links=0, noise=0.1)


def pairwise(_: Path) -> Table:
    """12 decisions of 4 operations, in which neighbours depend on each other."""
    return _make("synthetic-pairwise", _layers(12, 4), links=11, noise=0.1)


def darts(_: Path) -> Table:
    """The size of DARTS: 28 operations out of 8, and 8 times two inputs out of 2 to 5."""
    specs: dict[str, Spec] = {}
    for cell in ("normal_cell", "reduction_cell"):
        specs |= {f"{cell}_op{edge}": LayerChoice(_names("op", 8)) for edge in range(14)}
        specs |= {f"{cell}_in{n}": InputChoice(_names("node", n), 2) for n in range(2, 6)}
    return _make("synthetic-darts", specs, links=18, noise=0.2)


def widths(_: Path) -> Table:
    """Widths of 6 layers, 8 to 64: ever smaller gains, and a cost like multiply-adds."""
    name, layers, numbers = "synthetic-widths", 6, tuple(range(8, 65, 8))
    rng = np.random.default_rng(_seed(name))
    units = np.array(numbers) / 8.0
    gains, rates = rng.uniform(0.5, 1.5, layers), rng.uniform(0.15, 0.6, layers)
    singles = [g * (1.0 - np.exp(-rate * units)) for g, rate in zip(gains, rates, strict=True)]
    cost = -0.015 * np.outer(units, units)
    pairs = {(layer, layer + 1): cost for layer in range(layers - 1)}
    specs: dict[str, Spec] = {f"width_{i}": ValueChoice(numbers) for i in range(layers)}
    return _table(name, specs, list(range(layers)), singles, pairs, noise=0.1)


def _layers(keys: int, candidates: int) -> dict[str, Spec]:
    return {f"layer_{key}": LayerChoice(_names("op", candidates)) for key in range(keys)}


def _names(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}_{index}" for index in range(count))


def _make(name: str, specs: Mapping[str, Spec], *, links: int, noise: float) -> SyntheticTable:
    rng = np.random.default_rng(_seed(name))
    sizes = [int(spec.domain.size) for spec in specs.values()]
    chain = [int(position) for position in rng.permutation(len(sizes))]
    singles = [rng.normal(size=size) for size in sizes]
    linked = sorted(rng.choice(len(sizes) - 1, size=links, replace=False))
    ends = [(chain[link], chain[link + 1]) for link in linked]
    pairs = {(a, b): rng.normal(size=(sizes[a], sizes[b])) for a, b in ends}
    return _table(name, specs, chain, singles, pairs, noise=noise)


def _table(
    name: str,
    specs: Mapping[str, Spec],
    chain: list[int],
    singles: list[_Effects],
    pairs: dict[tuple[int, int], _Effects],
    *,
    noise: float,
) -> SyntheticTable:
    space = SearchSpace.from_specs(specs)
    _standardize(space, singles, pairs)
    best = _optimum(chain, singles, pairs)
    return SyntheticTable(name, space, tuple(singles), pairs, noise, best, best)


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def _standardize(
    space: SearchSpace, singles: list[_Effects], pairs: dict[tuple[int, int], _Effects]
) -> None:
    rng = Random(0)
    values = [_value(space.sample(rng), singles, pairs) for _ in range(_SAMPLE)]
    mean, scale = float(np.mean(values)), float(np.std(values))
    for position, effects in enumerate(singles):
        singles[position] = (effects - mean / len(singles)) / scale
    for ends, effects in pairs.items():
        pairs[ends] = effects / scale


def _value(
    vector: IndexVector,
    singles: tuple[_Effects, ...] | list[_Effects],
    pairs: Mapping[tuple[int, int], _Effects],
) -> float:
    entries = [int(entry or 0) for entry in vector]
    value = sum(float(singles[i][entry]) for i, entry in enumerate(entries))
    return value + sum(float(table[entries[a], entries[b]]) for (a, b), table in pairs.items())


def _optimum(
    chain: list[int], singles: list[_Effects], pairs: Mapping[tuple[int, int], _Effects]
) -> float:
    """The best sum over the chain, by dynamic programming: best so far for each last entry."""
    best = singles[chain[0]]
    for before, here in neighbours(chain):
        link = pairs.get((before, here), np.zeros((len(best), len(singles[here]))))
        best = (best[:, None] + link).max(axis=0) + singles[here]
    return float(best.max())


def _normal(name: str, vector: IndexVector) -> float:
    return Random(f"{name}:{vector}").gauss(0.0, 1.0)
