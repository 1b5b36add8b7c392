"""How alike two architectures are: the covariance of their results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._features import Array, Features, squared_distances

_ARD = 60  # decisions that may each have a relevance of their own


@dataclass(frozen=True)
class Rows:
    """Encoded architectures: features, counts of shared candidates, and scores from elsewhere."""

    features: Array
    counts: list[Array]
    scores: Array | None = None

    def __len__(self) -> int:
        return len(self.features)


class ArchitectureKernel:
    """A sum of ways in which architectures may be alike.

    With phi the features of :class:`~._features.Features`, whose half squared distance h_d in
    decision d is the Hamming distance for plain alternatives; c_g how often each candidate of a
    list that several decisions share is chosen, divided by the root of their number; D decisions
    and G such lists::

        k(x, x') = 1                                                  (a constant)
                 + a_1 sum_d phi_d . phi'_d / D                       (single decisions)
                 + a_2 exp(-sum_d theta_d h_d)                        (all interactions)
                 + a_3 sum_g c_g . c'_g / G                           (candidates anywhere)
                 + a_4 exp(-sum_g lambda_g |c_g - c'_g|^2)            (the mix of candidates)
                 + w z z'                                             (scores from elsewhere)

    The first and third are a Bayesian linear model whose effects are shared: that of an operation
    on an edge is its effect anywhere plus what is particular to the edge. The second is the
    exponential Hamming kernel with automatic relevance determination (a product of a kernel for
    each decision: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, sections
    4.2.4 and 5.1; for categories: Ru et al., Bayesian Optimisation over Multiple Continuous and
    Categorical Inputs, 2020, equation 3). The fourth sees an architecture as a bag of operations.
    What the data do not support is given a small amplitude by the marginal likelihood.

    Parameters are logarithms, in one vector: theta (one a decision, or one for all where there are
    more than 60), a_1 to a_4, lambda (one a list), and the noise. Each has a normal prior of
    deviation 1 around a mean that suits spaces of 5 to 50 decisions.

    Args:
        features: Of the search space.
    """

    def __init__(self, features: Features) -> None:
        self._features = features
        self._blocks = max(features.blocks, 1)
        self._relevances = features.blocks if features.blocks <= _ARD else 1
        self._groups = len(features.shared)
        theta = np.full(self._relevances, np.log(4.0 / self._blocks))
        amplitudes = np.log([0.25, 0.5, 0.3, 0.3])
        lengths = np.full(self._groups, np.log(0.5))
        self.prior_mean = np.concatenate([theta, amplitudes, lengths, np.log([0.1])])
        self.prior_deviation = np.ones(len(self.prior_mean))

    def rows(self, features: Array, scores: Array | None = None) -> Rows:
        """What the kernel needs to know of encoded architectures."""
        return Rows(features, self._features.counts(features), scores)

    def noise(self, parameters: Array) -> float:
        """The variance of repeated results."""
        return float(np.exp(parameters[-1]))

    def matrix(self, parameters: Array, first: Rows, second: Rows) -> Array:
        """k(x, x') for all pairs: (len(first), len(second))."""
        total: Array = 1.0 + np.sum(self._parts(parameters, first, second), axis=0)
        if first.scores is not None and second.scores is not None:
            total += SCORE_VARIANCE * np.outer(first.scores, second.scores)
        return total

    def diagonal(self, parameters: Array, rows: Rows) -> Array:
        """k(x, x) of every row."""
        single, product, anywhere, mix = self._amplitudes(parameters)
        total: Array = 1.0 + product + single * _squares(rows.features) / self._blocks
        for counts in rows.counts:
            total += (mix + anywhere * _squares(counts)) / self._groups
        if rows.scores is not None:
            total += SCORE_VARIANCE * rows.scores**2
        return total

    def gradient(self, parameters: Array, rows: Rows, weights: Array) -> Array:
        """sum_ij weights_ij dK_ij / dparameter, the noise on the diagonal included.

        Args:
            parameters: Where.
            rows: The architectures.
            weights: A symmetric matrix, such as dL/dK.
        """
        parts = self._parts(parameters, rows, rows)
        return np.concatenate(
            [
                self._relevance_gradient(parameters, rows, weights * parts[1]),
                [np.sum(weights * part) for part in parts],
                self._length_gradient(parameters, rows, weights * parts[3]),
                [self.noise(parameters) * np.trace(weights)],
            ]
        )

    def _parts(self, parameters: Array, first: Rows, second: Rows) -> list[Array]:
        """The four terms that have an amplitude."""
        amplitudes = self._amplitudes(parameters)
        products = first.features @ second.features.T
        differences = self._differences(parameters, first, second, products)
        parts = [products / self._blocks, np.exp(-differences)]
        parts += self._shared_parts(parameters, first, second)
        return [a * part for a, part in zip(amplitudes, parts, strict=True)]

    def _differences(self, parameters: Array, first: Rows, second: Rows, products: Array) -> Array:
        """sum_d theta_d h_d of all pairs."""
        theta = np.exp(parameters[: self._relevances])
        if self._relevances != 1:
            scale = np.sqrt(theta[self._features.block_of])
            return squared_distances(first.features * scale, second.features * scale) / 2
        squares = _squares(first.features)[:, None] + _squares(second.features)
        differences: Array = theta * np.maximum(squares / 2 - products, 0.0)
        return differences

    def _shared_parts(self, parameters: Array, first: Rows, second: Rows) -> list[Array]:
        """The two terms of shared candidates; zero where there are none."""
        linear, away = np.zeros((2, len(first), len(second)))
        for length, a, b in zip(
            self._lengths(parameters), first.counts, second.counts, strict=True
        ):
            linear += a @ b.T / self._groups
            away += length * squared_distances(a, b)
        return [linear, np.exp(-away) if self._groups else away]

    def _relevance_gradient(self, parameters: Array, rows: Rows, weighted: Array) -> Array:
        """d/dlog theta_d of the product is -theta_d h_d times the product."""
        phi, sums = rows.features, weighted.sum(axis=1)
        # sum_ij w_ij |phi_i - phi_j|^2 / 2 = sum_i w_i |phi_i|^2 - sum_ij w_ij phi_i phi_j
        columns = sums @ (phi * phi) - np.einsum("if,if->f", phi, weighted @ phi)
        blocks = self._features.sum_blocks(columns)
        if self._relevances != len(blocks):
            blocks = blocks.sum(keepdims=True)
        gradient: Array = -np.exp(parameters[: self._relevances]) * blocks
        return gradient

    def _length_gradient(self, parameters: Array, rows: Rows, weighted: Array) -> Array:
        lengths = self._lengths(parameters)
        gradient = [
            -length * np.sum(weighted * squared_distances(counts, counts))
            for length, counts in zip(lengths, rows.counts, strict=True)
        ]
        return np.array(gradient)

    def _amplitudes(self, parameters: Array) -> Array:
        amplitudes: Array = np.exp(parameters[self._relevances : self._relevances + 4])
        return amplitudes

    def _lengths(self, parameters: Array) -> Array:
        lengths: Array = np.exp(parameters[self._relevances + 4 : -1])
        return lengths


SCORE_VARIANCE = 0.25
"""Of the weight of scores from elsewhere, around its prior mean."""


def _squares(rows: Array) -> Array:
    squares: Array = np.einsum("ij,ij->i", rows, rows)
    return squares
