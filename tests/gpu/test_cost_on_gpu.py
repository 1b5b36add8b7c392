"""Latency by CUDA events."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trial_api import LayerChoice
from trial_api.oneshot._cost import candidate_costs, fixed_cost

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _model() -> nn.Module:
    slow = nn.Sequential(*[nn.Linear(2048, 2048, bias=False) for _ in range(20)])
    return nn.Sequential(LayerChoice({"slow": slow, "fast": nn.Identity()}, key="op"))


def test_a_slower_candidate_takes_longer() -> None:
    model, x = _model(), torch.ones(2048, 2048)
    slow, fast = candidate_costs(model, x, measure="latency", device="cuda", repeats=10)["op"]
    assert slow > fast > 0
    assert fixed_cost(model, x, measure="latency", device="cuda", repeats=10) < slow
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_flops_are_those_of_the_host() -> None:
    model, x = _model(), torch.ones(4, 2048)
    assert candidate_costs(model, x, device="cuda") == candidate_costs(model, x)
