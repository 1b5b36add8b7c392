"""Architectures as rows of numbers, for linear models that cost little and see interactions."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, final

import numpy as np

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._features import Array, Features

_UNITS = 256  # random features
_SAMPLE = 256  # architectures that show the mean and the size of the columns


class Rows(NamedTuple):
    """The columns of some architectures: (n, any width) each."""

    common: Array
    """A constant, and what else is known beforehand of an architecture."""
    single: Array
    """The effect of each alternative by itself."""
    mixed: Array
    """Random functions of all decisions together."""

    def weighted(self, share: float) -> Array:
        """One matrix, with ``share`` of the variance in what is mixed."""
        single, mixed = np.sqrt(1 - share) * self.single, np.sqrt(share) * self.mixed
        return np.concatenate([self.common, single, mixed], axis=1)

    def with_common(self, column: Array) -> Rows:
        """With one more common column."""
        return self._replace(common=np.column_stack([self.common, column]))


@final
class RandomFeatures:
    """Makes rows of architectures.

    What is single are the blocks of :class:`~nas_tuners.tuners._features.Features`, and how often
    candidates are chosen that several decisions share. What is mixed are rectified random
    projections of the blocks, a random layer of a network (Cho, Saul, Kernel Methods for Deep
    Learning, 2009: the limit of infinitely many is the arc-cosine kernel). Over random
    architectures both have mean 0 and squared length 1 on average.

    Args:
        space: The search space.
        rng: Draws the projections.
    """

    def __init__(self, space: SearchSpace, rng: Random) -> None:
        self._features = Features(space)
        generator = np.random.default_rng(rng.getrandbits(64))
        size = np.sqrt(max(self._features.blocks, 1))
        self._projections = generator.normal(size=(self._features.width, _UNITS)) / size
        self._offsets = generator.normal(size=_UNITS)
        columns = self._columns([space.sample(rng) for _ in range(_SAMPLE)])
        self._means = [c.mean(axis=0) for c in columns]
        self._lengths = [float(np.sqrt(c.var(axis=0).sum())) or 1.0 for c in columns]

    def rows(self, vectors: Sequence[IndexVector]) -> Rows:
        """The rows of canonical vectors."""
        single, mixed = (
            (columns - mean) / length
            for columns, mean, length in zip(
                self._columns(vectors), self._means, self._lengths, strict=True
            )
        )
        return Rows(np.ones((len(vectors), 1)), single, mixed)

    def _columns(self, vectors: Sequence[IndexVector]) -> tuple[Array, Array]:
        blocks = self._features.encode(vectors)
        single = np.concatenate([blocks, *self._features.counts(blocks)], axis=1)
        return single, np.maximum(blocks @ self._projections + self._offsets, 0.0)
