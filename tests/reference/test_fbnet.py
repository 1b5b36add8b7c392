"""FBNet: the Gumbel softmax, its gradient, and the loss with latency, against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from trial_api import LayerChoice
from trial_api.mutators import GumbelSoftmaxMutator
from trial_api.mutators._gumbel import gumbel_softmax
from trial_api.oneshot import FBNetTrainer
from trial_api.oneshot._cost_loss import added_power, multiplied_log

TABLE = {"a": [3.0, 8.0, 5.0], "b": [2.0, 9.0]}


def test_the_gumbel_softmax_by_hand() -> None:
    theta, noise = [0.2, -0.4, 1.1], [0.5, 1.9, -0.3]
    found = gumbel_softmax(torch.tensor([theta]).double(), torch.tensor([noise]).double(), 0.7)
    powers = [math.exp((t + n) / 0.7) for t, n in zip(theta, noise, strict=True)]
    expected = [power / sum(powers) for power in powers]
    assert found[0].tolist() == pytest.approx(expected, rel=1e-6)


def test_the_largest_weight_is_drawn_from_the_softmax_at_any_temperature() -> None:
    theta = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    generator = torch.Generator().manual_seed(0)
    noise = -torch.empty(40_000, 4).exponential_(generator=generator).log()
    for temperature in (5.0, 0.1):
        weights = gumbel_softmax(theta, noise, temperature)
        largest = F.one_hot(weights.argmax(1), 4).double().mean(0)
        assert largest.tolist() == pytest.approx(theta.exp().tolist(), abs=0.01)
    assert weights.mean(0).tolist() == pytest.approx(theta.exp().tolist(), abs=0.02)  # cold


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = LayerChoice([nn.Linear(4, 4) for _ in range(3)], key="a")
        self.b = LayerChoice([nn.Linear(4, 4), nn.Identity()], key="b")
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(torch.tanh(self.b(torch.tanh(self.a(x)))))
        return logits

    def with_weights(self, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        for choice in (self.a, self.b):
            pairs = zip(weights[choice.key], choice, strict=True)
            x = torch.tanh(sum(weight * layer(x) for weight, layer in pairs))  # type: ignore[arg-type]
        logits: Tensor = self.head(x)
        return logits


@pytest.mark.parametrize(
    "form", [{"cost_form": "mul"}, {"cost_form": "add", "alpha": 0.3, "beta": 1.4}]
)
def test_the_gradient_of_the_architecture_against_the_formula(form: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = Mixed().double()
    mutator = GumbelSoftmaxMutator(model, scale=0.5, seed=1).double()
    data = TensorDataset(torch.randn(40, 4).double(), torch.arange(40) % 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    trainer = FBNetTrainer(
        model, F.cross_entropy, None, optimizer, 1, data,
        mutator=mutator, cost=TABLE, fixed_cost=1.5, batch_size=8, warmup_epochs=0, **form,
    )  # fmt: skip
    assert trainer._cost is not None
    temperature = mutator.temperature = 0.8
    batch = trainer._loop.next_batch("search")
    mutator.reset()
    cost = trainer._cost.of(trainer._drawn_weights())
    loss = trainer._cost.combine(trainer._forward(batch)[0], cost)
    tables = mutator.logits.one.tables
    by_table = torch.autograd.grad(loss, [tables["3"], tables["2"]])
    weights = {
        key: mask.detach().requires_grad_() for key, mask in trainer._drawn_weights().items()
    }
    ce = F.cross_entropy(model.with_weights(batch.args[0], weights), batch.target)
    latency = 1.5 + sum(
        weights[key][i] * c for key, row in TABLE.items() for i, c in enumerate(row)
    )
    if form["cost_form"] == "mul":
        explicit = ce * 0.2 * latency.log() ** 0.6
    else:
        explicit = ce + 0.3 * latency**1.4
    assert float(loss.detach()) == pytest.approx(float(explicit.detach()), rel=1e-6)
    by_weight = torch.autograd.grad(explicit, [weights["a"], weights["b"]])
    for gradient, key, slope in zip(by_table, "ab", by_weight, strict=True):
        m = weights[key].detach()
        jacobian = (torch.diag(m) - torch.outer(m, m)) / temperature
        assert torch.allclose(gradient[0], jacobian @ slope, rtol=1e-6)


def test_both_forms_of_the_loss() -> None:
    loss, cost = torch.tensor(2.0).double(), torch.tensor(30.0).double()
    product = multiplied_log(loss, cost, scale=0.2, exponent=0.6)
    assert float(product) == pytest.approx(2.0 * 0.2 * math.log(30.0) ** 0.6, rel=1e-12)
    total = added_power(loss, cost, scale=0.2, exponent=0.6)
    assert float(total) == pytest.approx(2.0 + 0.2 * 30.0**0.6, rel=1e-12)
