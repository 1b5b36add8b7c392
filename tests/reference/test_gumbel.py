"""Gumbel-softmax and its straight-through form against their formulas, in float64."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from trial_api import LayerChoice
from trial_api.mutators import GumbelSoftmaxMutator, HardGumbelMutator
from trial_api.mutators._gumbel import gumbel_softmax
from trial_api.mutators._hard_gumbel import straight_through_one
from trial_api.mutators._noise import GumbelNoise

EULER = 0.5772156649015329


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


class Times(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


FACTORS = (1.0, -2.0, 0.5)


def test_the_noise_is_standard_gumbel():
    draws = GumbelNoise(0).like(torch.zeros(400, 500))
    assert draws.mean().item() == pytest.approx(EULER, abs=0.01)
    assert draws.var().item() == pytest.approx(torch.pi**2 / 6, rel=0.01)
    for x in (-1.0, 0.0, 2.0):  # the distribution function is exp(-exp(-x))
        expected = torch.exp(-torch.exp(torch.tensor(-x))).item()
        assert (draws <= x).double().mean().item() == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_the_weights(temperature):
    logits, noise = torch.randn(4, 5), GumbelNoise(1).like(torch.zeros(4, 5))
    powers = torch.exp((logits + noise) / temperature)
    expected = powers / powers.sum(dim=1, keepdim=True)
    assert torch.allclose(gumbel_softmax(logits, noise, temperature), expected, rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.3, 2.0])
def test_the_gradient_of_the_weights(temperature):
    """dy_i / dl_j = y_i (delta_ij - y_j) / temperature."""
    logits = torch.randn(5, requires_grad=True)
    noise = GumbelNoise(1).like(logits)

    def weights(given: Tensor) -> Tensor:
        return gumbel_softmax(given, noise, temperature)

    y = weights(logits).detach()
    expected = (torch.diag(y) - torch.outer(y, y)) / temperature
    assert torch.allclose(torch.autograd.functional.jacobian(weights, logits), expected)


def test_a_straight_through_one():
    soft = torch.tensor(0.3, requires_grad=True)
    one = straight_through_one(soft)
    assert one.item() == 1.0
    (2 * one).backward()
    assert soft.grad.item() == 2.0


def soft_weights(mutator: nn.Module, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The logits of a mutator with one key, and the softened weights for some noise, by hand."""
    logits = next(mutator.parameters()).detach().clone().requires_grad_()
    return logits, torch.softmax((logits + noise) / mutator.temperature, -1)[0]


def test_the_gradient_of_a_soft_mixture():
    model = nn.Sequential(LayerChoice([Times(factor) for factor in FACTORS], key="k"))
    mutator = GumbelSoftmaxMutator(model, seed=0, temperature=0.7, scale=1.0)
    mutator.reset()
    x = torch.randn(4, 2)
    model(x).square().sum().backward()
    logits, weights = soft_weights(mutator, GumbelNoise(1).like(torch.zeros(1, 3)))
    output = (weights @ torch.tensor(FACTORS)) * x
    output.square().sum().backward()
    assert torch.allclose(next(mutator.parameters()).grad, logits.grad)


def test_the_gradient_of_one_path():
    """dL/dl = (dL/dy_c) dy~_c/dl for the sampled c, with y_c = 1: GDAS, equation 7."""
    model = nn.Sequential(LayerChoice([Times(factor) for factor in FACTORS], key="k"))
    mutator = HardGumbelMutator(model, seed=0, temperature=0.7, scale=1.0)
    mutator.reset()
    x = torch.randn(4, 2)
    model(x).square().sum().backward()
    logits, weights = soft_weights(mutator, GumbelNoise(1).like(torch.zeros(1, 3)))
    c = int(weights.argmax())
    output = FACTORS[c] * x
    through_gate = (2 * output * output).sum()  # dL/dy_c where y_c = 1
    (through_gate * weights[c]).backward()
    assert torch.allclose(next(mutator.parameters()).grad, logits.grad)
    expected = (2 * output * x).sum()  # dL/d(factor), as if the path stood alone
    assert torch.allclose(model[0][c].factor.grad, expected)
    assert all(model[0][i].factor.grad is None for i in range(3) if i != c)


def test_the_expected_gradient_against_finite_differences():
    """Reparameterization: with the same noise, the mean gradient is the gradient of the mean."""
    temperature, draws = 1.0, 20_000
    logits = torch.tensor([0.3, -0.4, 0.1])
    values = torch.tensor(FACTORS)
    noise = GumbelNoise(3).like(torch.zeros(draws, 3))

    def mean_loss(given: Tensor) -> Tensor:
        weights = gumbel_softmax(given.expand(draws, 3), noise, temperature)
        return (weights @ values).square().mean()

    leaf = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(mean_loss(leaf), leaf)
    step = 1e-5
    for index in range(3):
        shift = step * torch.eye(3)[index]
        difference = (mean_loss(logits + shift) - mean_loss(logits - shift)) / (2 * step)
        assert gradient[index].item() == pytest.approx(difference.item(), rel=1e-6)


def test_low_temperatures_estimate_the_gradient_of_the_exact_expectation():
    """The relaxation tends to E_{c ~ softmax}[f(c)], whose gradient has a closed form."""
    logits = torch.tensor([0.3, -0.4, 0.1])
    values = torch.tensor(FACTORS)
    leaf = logits.clone().requires_grad_()
    (torch.softmax(leaf, 0) @ values.square()).backward()
    noise = GumbelNoise(3).like(torch.zeros(400_000, 3))
    soft = logits.clone().requires_grad_()
    weights = gumbel_softmax(soft.expand_as(noise), noise, 0.2)
    (weights @ values).square().mean().backward()
    assert torch.allclose(soft.grad, leaf.grad, atol=0.15)
    assert torch.nn.functional.cosine_similarity(soft.grad, leaf.grad, dim=0) > 0.98
