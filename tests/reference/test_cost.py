"""Costs against formulas by hand, and expectations against all architectures of a tiny space."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn

from trial_api import LayerChoice, apply_fixed_architecture, search_space
from trial_api.oneshot._cost import candidate_costs, fixed_cost
from trial_api.oneshot._cost_table import architecture_cost, expected_cost

N, SIZE = 3, 8


class Tiny(nn.Module):
    """Two choices of convolutions and one of linear layers, and layers around them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.conv = LayerChoice(
            {
                "full": nn.Conv2d(4, 6, 3, stride=2, padding=1, bias=False),
                "grouped": nn.Conv2d(4, 6, 5, stride=2, padding=2, groups=2),
                "pool": nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(4, 6, 1)),
            }
        )
        self.mix = LayerChoice([nn.Identity(), nn.Conv2d(6, 6, 3, padding=1, groups=6)])
        self.head = LayerChoice([nn.Linear(6, 5), nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 5))])
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(self.conv(self.stem(x)))
        return self.last(self.head(x.mean((2, 3))))


def _conv(inputs: int, outputs: int, kernel: int, size: int, groups: int = 1) -> int:
    """FLOPs of a convolution with an output of this size: two for each multiply-add."""
    return 2 * N * outputs * size**2 * (inputs // groups) * kernel**2


def _linear(inputs: int, outputs: int) -> int:
    return 2 * N * inputs * outputs


FLOPS = {
    "conv": [_conv(4, 6, 3, SIZE // 2), _conv(4, 6, 5, SIZE // 2, 2), _conv(4, 6, 1, SIZE // 2)],
    "mix": [0, _conv(6, 6, 3, SIZE // 2, 6)],
    "head": [_linear(6, 5), _linear(6, 2) + _linear(2, 5)],
}
FIXED_FLOPS = _conv(1, 4, 3, SIZE) + _linear(5, 2)

PARAMETERS = {
    "conv": [6 * 4 * 9, 6 * 2 * 25 + 6, 6 * 4 + 6],
    "mix": [0, 6 * 9 + 6],
    "head": [6 * 5 + 5, 6 * 2 + 2 + 2 * 5 + 5],
}
FIXED_PARAMETERS = 4 * 9 + 4 + 5 * 2 + 2


@pytest.fixture
def x() -> Tensor:
    return torch.randn(N, 1, SIZE, SIZE)


def test_flops_are_those_of_the_formulas(x: Tensor) -> None:
    assert candidate_costs(Tiny(), x, measure="flops") == FLOPS
    assert fixed_cost(Tiny(), x, measure="flops") == FIXED_FLOPS


def test_parameters_are_those_of_the_formulas(x: Tensor) -> None:
    assert candidate_costs(Tiny(), x, measure="parameters") == PARAMETERS
    assert fixed_cost(Tiny(), x, measure="parameters") == FIXED_PARAMETERS


def test_parts_sum_to_the_parameters_of_each_network() -> None:
    space = search_space(Tiny())
    for choice in itertools.product(range(3), range(2), range(2)):
        architecture = dict(zip(PARAMETERS, choice, strict=True))
        network = apply_fixed_architecture(Tiny(), architecture)
        total = architecture_cost(PARAMETERS, space, architecture, fixed=FIXED_PARAMETERS)
        assert total == sum(map(torch.numel, network.parameters()))


def test_the_expectation_is_that_over_all_architectures() -> None:
    space = search_space(Tiny())
    generator = torch.Generator().manual_seed(0)
    logits = {
        key: torch.randn(len(row), generator=generator, dtype=torch.float64)
        for key, row in FLOPS.items()
    }
    p = {key: vector.softmax(0) for key, vector in logits.items()}
    enumerated = 0.0
    for choice in itertools.product(*(range(len(row)) for row in FLOPS.values())):
        probability = math.prod(p[key][i].item() for key, i in zip(p, choice, strict=True))
        architecture = dict(zip(FLOPS, choice, strict=True))
        cost = architecture_cost(FLOPS, space, architecture, fixed=FIXED_FLOPS)
        enumerated += probability * cost
    expected = expected_cost(FLOPS, p, fixed=FIXED_FLOPS)
    assert expected.dtype == torch.float64
    assert expected.item() == pytest.approx(enumerated, rel=1e-12)


def test_the_gradient_is_the_covariance_of_cost_and_choice() -> None:
    """Of logits: p_i (c_i - E c), the gradient that ProxylessNAS and FBNet descend."""
    generator = torch.Generator().manual_seed(1)
    logits = {
        key: torch.randn(len(row), generator=generator, dtype=torch.float64, requires_grad=True)
        for key, row in FLOPS.items()
    }
    expected_cost(FLOPS, {key: vector.softmax(0) for key, vector in logits.items()}).backward()
    for key, vector in logits.items():
        p, c = vector.detach().softmax(0), torch.tensor(FLOPS[key], dtype=torch.float64)
        assert vector.grad is not None
        torch.testing.assert_close(vector.grad, p * (c - p @ c), rtol=1e-12, atol=1e-9)
