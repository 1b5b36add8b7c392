"""GDAS against explicit one-hot constructions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trial_api import LayerChoice
from trial_api.mutators import HardGumbelMutator
from trial_api.mutators._noise import GumbelNoise
from trial_api.oneshot._gdas import annealed

COUNT = 3


class Counted(nn.Linear):
    """Counts its calls."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)


class Chain(nn.Module):
    def __init__(self, length: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            LayerChoice([Counted(2, 2) for _ in range(COUNT)], key=f"layer{i}")
            for i in range(length)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.tanh(layer(x))
        return x


@pytest.fixture(autouse=True)
def _double() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def setup(temperature: float) -> tuple[Chain, HardGumbelMutator, Tensor]:
    torch.manual_seed(0)
    model = Chain()
    mutator = HardGumbelMutator(model, temperature=temperature, scale=1.0, seed=4)
    return model, mutator, torch.randn(5, 2)


def table_of(mutator: HardGumbelMutator) -> nn.Parameter:
    (table,) = mutator.parameters()
    assert isinstance(table, nn.Parameter)
    return table


def test_one_candidate_of_each_choice_runs_and_its_output_is_not_scaled() -> None:
    model, mutator, x = setup(0.3)
    for _ in range(20):
        mutator.reset()
        output = model(x)
        expected = x
        for layer in model.layers:
            assert isinstance(layer, LayerChoice)
            ran = [candidate for candidate in layer if candidate.calls == 1]
            assert [candidate.calls for candidate in layer].count(0) == COUNT - 1
            expected = torch.tanh(nn.Linear.forward(ran[0], expected))  # type: ignore[arg-type]
            for candidate in layer:
                candidate.calls = 0  # type: ignore[assignment]
        torch.testing.assert_close(output, expected, rtol=0, atol=0)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_the_gradient_is_that_of_the_one_hot_with_detached_rest(temperature: float) -> None:
    """one_hot - softmax.detach() + softmax, of log-probabilities plus noise over temperature."""
    model, mutator, x = setup(temperature)
    table = table_of(mutator)
    noise = GumbelNoise(5).like(table)
    mutator.reset()
    model(x).square().sum().backward()

    logits = table.detach().clone().requires_grad_()
    soft = ((logits.log_softmax(1) + noise) / temperature).softmax(1)
    hard = nn.functional.one_hot(soft.argmax(1), COUNT) - soft.detach() + soft
    h = x
    for number, layer in enumerate(model.layers):
        assert isinstance(layer, LayerChoice)
        index = int(soft[number].argmax())
        h = torch.tanh(hard[number, index] * layer[index](h))
    h.square().sum().backward()
    assert table.grad is not None
    torch.testing.assert_close(table.grad, logits.grad, rtol=1e-10, atol=1e-14)
    assert table.grad.abs().sum() > 0


def test_candidates_are_drawn_by_their_softmax_whatever_the_temperature() -> None:
    model = Chain(1)
    for temperature in (0.1, 10.0):
        mutator = HardGumbelMutator(model, temperature=temperature, seed=2)
        with torch.no_grad():
            table_of(mutator).copy_(torch.tensor([[0.0, 1.0, -1.0]]))
            counts = torch.zeros(COUNT)
            for _ in range(4000):
                mutator.reset()
                counts[mutator.selection_of(mutator.undedup_mutables[0]).indices[0]] += 1
        expected = torch.tensor([0.0, 1.0, -1.0]).softmax(0)
        torch.testing.assert_close(counts / 4000, expected, rtol=0, atol=0.03)
        mutator.remove()


def test_of_two_opposite_outputs_the_expectation_is_half_the_relaxed_gradient() -> None:
    """As far as an expectation is known in closed form.

    Only the drawn candidate k has a term, c_k d soft_k. Let two candidates give c and -c: then
    c d soft_1 = -c d soft_2, the terms are equal, and one of the two is there in each draw. The
    whole is checked by finite differences of the expected relaxed output.
    """
    temperature, c, n = 0.7, 1.0, 40_000
    noise = GumbelNoise(1).like(torch.zeros(n, 2))
    logits = torch.zeros(2, requires_grad=True)
    soft = ((logits + noise) / temperature).softmax(1)
    drawn = soft.argmax(1, keepdim=True)
    values = torch.tensor([c, -c])
    weight = 1 + soft.gather(1, drawn) - soft.gather(1, drawn).detach()
    (weight.squeeze(1) * values[drawn.squeeze(1)]).mean().backward()

    def expected(shift: float) -> Tensor:
        moved = torch.tensor([shift, 0.0])
        return (((moved + noise) / temperature).softmax(1) @ values).mean()

    numeric = (expected(1e-4) - expected(-1e-4)) / 2e-4
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad[0], numeric / 2, rtol=0.02, atol=0)
    torch.testing.assert_close(logits.grad[1], -logits.grad[0])


def test_without_a_graph_no_weights_are_made() -> None:
    model, mutator, x = setup(1.0)
    with torch.no_grad():
        mutator.reset()
    model(x).sum().backward()
    assert table_of(mutator).grad is None
    choice = mutator.undedup_mutables[0]
    assert mutator.selection_of(choice).weights is None


def test_the_temperature_falls_linearly() -> None:
    assert [annealed(10, 0.1, epoch, 4) for epoch in range(4)] == pytest.approx(
        [10, 6.7, 3.4, 0.1]
    )
    assert annealed(10, 0.1, 0, 1) == 10
