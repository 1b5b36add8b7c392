"""The ensemble of linear models against dense textbook formulas."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy.stats import multivariate_t

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners import _linear_ensemble
from nas_tuners.tuners._linear_ensemble import (
    Parameters,
    draw_weights,
    fit_parameters,
    last_fit,
)
from nas_tuners.tuners._random_features import RandomFeatures, Rows

PARAMETERS = Parameters(share=0.3, noise=0.2, scale=1.5)


def _problem(n: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, width)), rng.normal(size=n), rng.normal(size=width)


def _posterior(
    rows: np.ndarray, targets: np.ndarray, prior_mean: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bishop 2006, equations 3.50 and 3.51, with S0 = s^2 I and beta = 1 / (r s^2)."""
    s2 = PARAMETERS.scale**2
    beta = 1 / (PARAMETERS.noise * s2)
    prior = np.eye(rows.shape[1]) / s2
    covariance = np.linalg.inv(prior + beta * rows.T @ rows)
    return covariance @ (prior @ prior_mean + beta * rows.T @ targets), covariance


@pytest.mark.parametrize(("n", "width"), [(4, 7), (9, 5), (6, 6), (1, 3)])
def test_mean_and_members_are_the_posterior(n: int, width: int) -> None:
    """More weights than results and fewer: each has its own formula."""
    rows, targets, prior_mean = _problem(n, width)
    rng = np.random.default_rng(0)
    weights = draw_weights(rows, targets, PARAMETERS, prior_mean, 40_000, rng)
    mean, covariance = _posterior(rows, targets, prior_mean)
    np.testing.assert_allclose(weights[:, 0], mean, rtol=1e-10)
    deviations = np.sqrt(np.diag(covariance))
    members = (weights[:, 1:] - mean[:, None]) / deviations[:, None]
    correlation = covariance / np.outer(deviations, deviations)
    np.testing.assert_allclose(members.mean(axis=1), 0.0, atol=0.03)
    np.testing.assert_allclose(members @ members.T / 40_000, correlation, atol=0.04)


def test_hyper_parameters_have_the_largest_marginal_likelihood() -> None:
    """With s^2 ~ inverse gamma (1/2, 1/2) the targets have a t distribution of one degree."""
    rng = np.random.default_rng(1)
    rows = Rows(np.ones((30, 1)), rng.normal(size=(30, 8)), rng.normal(size=(30, 20)))
    for targets in (rows.single @ rng.normal(size=8), rng.normal(size=30)):
        found = fit_parameters(rows, targets)
        likelihood = {
            (share, noise): multivariate_t(
                np.zeros(30), _covariance(rows, share, noise), df=1
            ).logpdf(targets)
            for share in _linear_ensemble._SHARES
            for noise in _linear_ensemble._NOISES
        }
        assert max(likelihood, key=likelihood.__getitem__) == (found.share, found.noise)
        square = targets @ np.linalg.solve(_covariance(rows, *found[:2]), targets)
        assert found.scale**2 == pytest.approx((1 + square) / 31)


def _covariance(rows: Rows, share: float, noise: float) -> np.ndarray:
    design = rows.weighted(share)
    matrix: np.ndarray = design @ design.T + noise * np.eye(len(design))
    return matrix


def test_linear_results_without_noise_are_called_so() -> None:
    rng = np.random.default_rng(2)
    rows = Rows(np.ones((60, 1)), rng.normal(size=(60, 8)), rng.normal(size=(60, 20)))
    found = fit_parameters(rows, rows.single @ rng.normal(size=8))
    assert (found.share, found.noise) == (0.03, 0.01)
    assert fit_parameters(rows, rng.normal(size=60)).noise >= 1.0


@pytest.mark.parametrize("name", ["layers", "inputs", "conditional", "numbers"])
def test_rows_have_mean_zero_and_length_one(name: str) -> None:
    space = SearchSpace(SPACES[name])
    features, rng = RandomFeatures(space, Random(0)), Random(1)
    rows = features.rows([space.sample(rng) for _ in range(2_000)])
    assert (rows.common == 1).all()
    for columns in (rows.single, rows.mixed):
        assert np.abs(columns.mean(axis=0)).max() < 0.1
        assert (columns**2).sum(axis=1).mean() == pytest.approx(1.0, abs=0.15)


def test_fits_are_ever_rarer_and_never_far_behind() -> None:
    sizes = [last_fit(n) for n in range(1, 20_000)]
    assert sizes[:99] == [*range(1, 100)]
    assert sizes == sorted(sizes)
    assert all(n - size <= n / 50 for n, size in enumerate(sizes, start=1))
    assert len(set(sizes)) < 700
