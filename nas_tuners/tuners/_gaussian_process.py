"""Gaussian-process regression on architectures.

Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006: the posterior is algorithm
2.1 (equations 2.25, 2.26), the marginal likelihood equation 2.30, its gradient equation 5.9.
"""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from ._features import Array
from ._kernel import ArchitectureKernel, Rows

_JITTER = 1e-6  # repeated rows must not make the matrix singular
_REACH = 4.0  # log-parameters stay within so much of their prior means


class Posterior(NamedTuple):
    """Marginal distributions of the noiseless function: mean and standard deviation."""

    mean: Array
    deviation: Array


@final
class GaussianProcess:
    """A Gaussian process conditioned on results.

    Args:
        kernel: The covariance.
        parameters: Of the kernel.
        rows: The architectures with results; (n,).
        targets: Their results, of about unit variance; (n,).
        extra_noise: Variance of each result beyond the common noise; (n,).

    Raises:
        numpy.linalg.LinAlgError: if the covariance is not positive definite.
    """

    def __init__(
        self,
        kernel: ArchitectureKernel,
        parameters: Array,
        rows: Rows,
        targets: Array,
        extra_noise: Array,
    ) -> None:
        self._kernel, self._parameters, self._rows = kernel, parameters, rows
        covariance = kernel.matrix(parameters, rows, rows)
        covariance[np.diag_indices(len(rows))] += kernel.noise(parameters) + extra_noise + _JITTER
        self._factor = cholesky(covariance, lower=True)
        self._weights = cho_solve((self._factor, True), targets)

    def posterior(self, rows: Rows) -> Posterior:
        """The function at other architectures."""
        cross = self._kernel.matrix(self._parameters, self._rows, rows)
        solved = solve_triangular(self._factor, cross, lower=True)
        variance = self._kernel.diagonal(self._parameters, rows) - (solved * solved).sum(axis=0)
        return Posterior(cross.T @ self._weights, np.sqrt(np.maximum(variance, 1e-10)))

    def mean(self, rows: Rows) -> Array:
        """The mean alone, which is cheaper."""
        cross = self._kernel.matrix(self._parameters, rows, self._rows)
        mean: Array = cross @ self._weights
        return mean


def fit_parameters(
    kernel: ArchitectureKernel, rows: Rows, targets: Array, extra_noise: Array, *, steps: int = 30
) -> Array:
    """The kernel parameters of maximum posterior density, from the prior mean by L-BFGS-B."""
    from scipy.optimize import minimize

    def loss(parameters: Array) -> tuple[float, Array]:
        return negative_log_posterior(kernel, parameters, rows, targets, extra_noise)

    bounds = [(mean - _REACH, mean + _REACH) for mean in kernel.prior_mean]
    start = kernel.prior_mean
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps}
    )
    parameters: Array = found.x if np.isfinite(found.fun) else start
    return parameters


def negative_log_posterior(
    kernel: ArchitectureKernel, parameters: Array, rows: Rows, targets: Array, extra_noise: Array
) -> tuple[float, Array]:
    """-log p(targets | parameters) - log p(parameters), and its gradient."""
    value, gradient = negative_log_likelihood(kernel, parameters, rows, targets, extra_noise)
    away = (parameters - kernel.prior_mean) / kernel.prior_deviation
    return value + 0.5 * float(away @ away), gradient + away / kernel.prior_deviation


def negative_log_likelihood(
    kernel: ArchitectureKernel, parameters: Array, rows: Rows, targets: Array, extra_noise: Array
) -> tuple[float, Array]:
    """The negative logarithm of the marginal likelihood, and its gradient."""
    n = len(rows)
    covariance = kernel.matrix(parameters, rows, rows)
    covariance[np.diag_indices(n)] += kernel.noise(parameters) + extra_noise + _JITTER
    factor = cholesky(covariance, lower=True)
    alpha = cho_solve((factor, True), targets)
    value = 0.5 * targets @ alpha + np.log(np.diag(factor)).sum() + 0.5 * n * np.log(2 * np.pi)
    slope = 0.5 * (cho_solve((factor, True), np.eye(n)) - np.outer(alpha, alpha))
    return float(value), kernel.gradient(parameters, rows, slope)
