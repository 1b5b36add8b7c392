"""Single-Path NAS (https://arxiv.org/abs/1904.02877) against its formulas, by autograd."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api import SuperKernelConv2d
from trial_api.mutators import ThresholdMutator
from trial_api.oneshot._cost_loss import added_log
from trial_api.oneshot._cost_table import expected_cost


@pytest.fixture(autouse=True)
def _double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def parts(weight: Tensor) -> tuple[Tensor, Tensor]:
    """w_3x3 and w_5x5\\3x3, both of the larger shape."""
    inner = F.pad(weight[..., 1:-1, 1:-1], (1, 1, 1, 1))
    return inner, weight - inner


def straight_through(x: Tensor) -> Tensor:
    return (x > 0).double() - x.sigmoid().detach() + x.sigmoid()


@pytest.mark.parametrize("thresholds", [(0.0, 0.0), (0.0, 1e3), (1e3, 0.0), (1e3, 1e3)])
def test_output_and_gradients_of_a_skippable_layer(thresholds):
    """w = I(||w_3x3||^2 > t_skip) * (w_3x3 + I(||w_5x5\\3x3||^2 > t_5x5) * w_5x5\\3x3)."""
    model = SuperKernelConv2d(2, 3, (3, 5), skippable=True)
    with torch.no_grad():
        model.weight.mul_(0.5)  # sigmoids that do not saturate
    mutator = ThresholdMutator(model, scale=1.0)
    with torch.no_grad():
        # Relative to the norms, so that each gradient is well above zero.
        near = mutator._norms() * torch.tensor([0.5 if t == 0 else 1.5 for t in thresholds])
        mutator.thresholds.copy_(near)
    x, target = torch.randn(2, 2, 6, 6), torch.randn(2, 3, 6, 6)
    mutator.reset()
    ours = (model(x) * target).sum()
    weight, bias = model.weight, model["5x5"].bias
    got = torch.autograd.grad(ours, [weight, bias, mutator.thresholds])

    w = weight.detach().clone().requires_grad_()
    b = bias.detach().clone().requires_grad_()
    t = near.clone().requires_grad_()
    inner, ring = parts(w)
    keep = straight_through(inner.square().sum() - t[0])
    large = straight_through(ring.square().sum() - t[1])
    kernel = keep * (inner + large * ring)
    expected = (F.conv2d(x, kernel, keep * b, padding=2) * target).sum()
    torch.testing.assert_close(ours, expected)
    for ours_, theirs in zip(got, torch.autograd.grad(expected, [w, b, t]), strict=True):
        torch.testing.assert_close(ours_, theirs)
    assert got[2].abs().min() > 0 or thresholds[0] > 0


def test_the_scale_measures_norms_and_thresholds():
    model = SuperKernelConv2d(2, 3, (3, 5))
    norm = parts(model.weight.detach())[1].square().sum()
    mutator = ThresholdMutator(model, scale=4.0)
    with torch.no_grad():
        mutator.thresholds.fill_(0.1)
    mutator.reset()
    mutator._current()["model"].mask()[1].backward()
    x = norm / 4.0 - 0.1
    expected = -x.sigmoid() * (1 - x.sigmoid())
    torch.testing.assert_close(mutator.thresholds.grad, expected[None])
    by_itself = ThresholdMutator(SuperKernelConv2d(2, 3, (3, 5)))
    torch.testing.assert_close(by_itself._norms() / by_itself.scale, torch.ones(1))


def test_one_key_is_one_group():
    model = nn.Sequential(SuperKernelConv2d(1, 1, key="k"), SuperKernelConv2d(1, 1, key="k"))
    mutator = ThresholdMutator(model, scale=1.0)
    rings = [parts(layer.weight)[1].square().sum() for layer in model]
    torch.testing.assert_close(mutator._norms(), sum(rings)[None])
    assert len(mutator.thresholds) == 1


def test_the_loss_has_the_logarithm_of_the_cost():
    """CE + lambda log(R), with R = R_3x3 + I (R_5x5 - R_3x3) + the rest."""
    model = SuperKernelConv2d(2, 3, (3, 5))
    mutator = ThresholdMutator(model, scale=1.0)
    mutator.reset()
    costs, fixed, strength = {"model": [9.0, 25.0]}, 4.0, 0.3
    decided = {key: one.mask() for key, one in mutator._current().items()}
    cross_entropy = torch.tensor(2.0)
    cost = expected_cost(costs, decided, fixed=fixed)
    loss = added_log(cross_entropy, cost, strength=strength)
    torch.testing.assert_close(loss, 2.0 + strength * torch.log(torch.tensor(29.0)))
    loss.backward()
    x = parts(model.weight.detach())[1].square().sum()
    slope = x.sigmoid() * (1 - x.sigmoid())
    expected = -strength / 29.0 * (25.0 - 9.0) * slope
    torch.testing.assert_close(mutator.thresholds.grad, expected[None])
