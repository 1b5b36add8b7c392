"""The Gaussian process against dense textbook formulas in double precision."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy import stats

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._features import Array, Features
from nas_tuners.tuners._gaussian_process import (
    GaussianProcess,
    fit_parameters,
    negative_log_likelihood,
    negative_log_posterior,
)
from nas_tuners.tuners._kernel import ArchitectureKernel, Rows

SPACE = SearchSpace(SPACES["layers"] | SPACES["inputs"])
LONG = SearchSpace(
    {f"op_{i}": {"_type": "layer_choice", "_value": list("abc")} for i in range(70)}
)
JITTER = 1e-6


def _rows(
    space: SearchSpace, count: int, seed: int = 0, *, scores: bool = False
) -> tuple[ArchitectureKernel, Rows]:
    features = Features(space)
    kernel = ArchitectureKernel(features)
    rng = Random(seed)
    encoded = features.encode([space.sample(rng) for _ in range(count)])
    given = np.array([rng.gauss(0, 1) for _ in range(count)]) if scores else None
    return kernel, kernel.rows(encoded, given)


def _numbers(kernel: ArchitectureKernel, count: int, seed: int = 1) -> tuple[Array, Array, Array]:
    """Parameters around the prior mean, targets, extra noise."""
    rng = np.random.default_rng(seed)
    parameters = kernel.prior_mean + 0.5 * rng.normal(size=len(kernel.prior_mean))
    return parameters, rng.normal(size=count), rng.exponential(size=count)


def _covariance(kernel: ArchitectureKernel, parameters: Array, rows: Rows, extra: Array) -> Array:
    noise = np.exp(parameters[-1]) + extra + JITTER
    covariance: Array = kernel.matrix(parameters, rows, rows) + np.diag(noise)
    return covariance


@pytest.mark.parametrize("scores", [False, True])
def test_the_posterior_is_that_of_the_textbook(scores: bool) -> None:
    """Rasmussen and Williams, equations 2.25 and 2.26, with an explicit inverse."""
    kernel, rows = _rows(SPACE, 20, scores=scores)
    _, others = _rows(SPACE, 15, seed=5, scores=scores)
    parameters, targets, extra = _numbers(kernel, 20)
    inverse = np.linalg.inv(_covariance(kernel, parameters, rows, extra))
    cross = kernel.matrix(parameters, rows, others)
    mean = cross.T @ inverse @ targets
    variance = np.diag(kernel.matrix(parameters, others, others) - cross.T @ inverse @ cross)
    process = GaussianProcess(kernel, parameters, rows, targets, extra)
    found = process.posterior(others)
    assert found.mean == pytest.approx(mean, rel=1e-8, abs=1e-10)
    assert found.deviation == pytest.approx(np.sqrt(variance), rel=1e-7)
    assert process.mean(others) == pytest.approx(found.mean, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("space", [SPACE, LONG], ids=["mixed", "70 keys"])
def test_the_likelihood_is_that_of_a_multivariate_normal(space: SearchSpace) -> None:
    kernel, rows = _rows(space, 15)
    parameters, targets, extra = _numbers(kernel, 15)
    covariance = _covariance(kernel, parameters, rows, extra)
    expected = -stats.multivariate_normal(np.zeros(15), covariance).logpdf(targets)
    value, _ = negative_log_likelihood(kernel, parameters, rows, targets, extra)
    assert value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("space", [SPACE, LONG], ids=["mixed", "70 keys"])
def test_gradients_are_those_of_finite_differences(space: SearchSpace, scores: bool) -> None:
    kernel, rows = _rows(space, 15, scores=scores)
    parameters, targets, extra = _numbers(kernel, 15)
    for function in (negative_log_likelihood, negative_log_posterior):
        step = 1e-5
        numeric = [
            (
                function(kernel, parameters + step * one, rows, targets, extra)[0]
                - function(kernel, parameters - step * one, rows, targets, extra)[0]
            )
            / (2 * step)
            for one in np.eye(len(parameters))
        ]
        _, gradient = function(kernel, parameters, rows, targets, extra)
        assert gradient == pytest.approx(np.array(numeric), rel=1e-5, abs=1e-7)


def test_the_prior_of_the_parameters_is_normal() -> None:
    """Up to the constant that no parameter changes."""
    kernel, rows = _rows(SPACE, 10)
    parameters, targets, extra = _numbers(kernel, 10)

    def prior(at: Array) -> float:
        with_prior, _ = negative_log_posterior(kernel, at, rows, targets, extra)
        return with_prior - negative_log_likelihood(kernel, at, rows, targets, extra)[0]

    expected = [
        -stats.norm(kernel.prior_mean, kernel.prior_deviation).logpdf(at).sum()
        for at in (parameters, kernel.prior_mean)
    ]
    assert prior(parameters) - prior(kernel.prior_mean) == pytest.approx(expected[0] - expected[1])


def test_the_fit_is_a_maximum_of_the_posterior_density() -> None:
    kernel, rows = _rows(SPACE, 60)
    _, targets, extra = _numbers(kernel, 60)
    targets = targets + 2 * rows.features[:, 0]
    fitted = fit_parameters(kernel, rows, targets, extra, steps=200)
    best, gradient = negative_log_posterior(kernel, fitted, rows, targets, extra)
    assert np.abs(gradient).max() < 1e-2
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = fitted + 0.1 * rng.normal(size=len(fitted))
        assert negative_log_posterior(kernel, other, rows, targets, extra)[0] > best


def test_the_decision_that_matters_gets_the_largest_relevance() -> None:
    """And results that are a function of the architecture get little noise."""
    kernel, rows = _rows(SearchSpace(SPACES["layers"]), 80)
    fourth = rows.features[:, 12:16] @ np.array([-1.0, 2.0, 0.0, -2.0])
    second = rows.features[:, 4:8] @ np.array([1.0, 1.0, -1.0, -1.0])
    targets = (fourth * second - np.mean(fourth * second)) / np.std(fourth * second)
    fitted = fit_parameters(kernel, rows, targets, np.zeros(80))
    assert {*np.argsort(fitted[:6])[-2:]} == {1, 3}
    assert kernel.noise(fitted) < 0.02


def test_the_spread_of_repeated_results_is_noise() -> None:
    kernel, rows = _rows(SPACE, 20)
    repeated = kernel.rows(np.repeat(rows.features, 3, axis=0))
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.normal(size=20), 3)
    for variance in (0.04, 0.5):
        targets = truth + rng.normal(scale=np.sqrt(variance), size=60)
        fitted = fit_parameters(kernel, repeated, targets, np.zeros(60))
        assert kernel.noise(fitted) == pytest.approx(variance, rel=0.5)


def test_what_is_very_noisy_counts_for_nothing() -> None:
    kernel, rows = _rows(SPACE, 12)
    _, others = _rows(SPACE, 8, seed=5)
    parameters, targets, _ = _numbers(kernel, 12)
    extra = np.zeros(12)
    extra[10:] = 1e12
    kept = kernel.rows(rows.features[:10])
    with_noisy = GaussianProcess(kernel, parameters, rows, targets, extra).posterior(others)
    without = GaussianProcess(kernel, parameters, kept, targets[:10], extra[:10]).posterior(others)
    assert with_noisy.mean == pytest.approx(without.mean, abs=1e-6)
    assert with_noisy.deviation == pytest.approx(without.deviation, abs=1e-6)


def test_repeated_results_and_results_without_spread_are_no_trouble() -> None:
    kernel, rows = _rows(SPACE, 5)
    repeated = kernel.rows(np.repeat(rows.features, 20, axis=0))
    for targets in (np.zeros(100), np.tile([1.0, -1.0], 50)):
        fitted = fit_parameters(kernel, repeated, targets, np.zeros(100))
        found = GaussianProcess(kernel, fitted, repeated, targets, np.zeros(100)).posterior(rows)
        assert np.isfinite([found.mean, found.deviation]).all()
        assert found.mean == pytest.approx(np.zeros(5), abs=1e-6)
