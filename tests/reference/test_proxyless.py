"""ProxylessNAS against its definition: gates, two paths, expected costs, REINFORCE."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice
from trial_api.mutators import BinaryGateMutator
from trial_api.mutators._gate_draws import draw_of_all, draw_of_two, rescaled
from trial_api.oneshot import architecture_cost, expected_cost
from trial_api.oneshot._cost_loss import added_linear, discounted_reward, multiplied_log


class Chain(nn.Module):
    """A choice of three, one of two, and the first key again; linear in the gates of each."""

    def __init__(self, again: str = "c") -> None:
        super().__init__()
        self.a = LayerChoice([nn.Linear(4, 4) for _ in range(3)], key="a")
        self.b = LayerChoice([nn.Linear(4, 4), nn.Identity()], key="b")
        self.c = LayerChoice([nn.Linear(4, 4) for _ in range(3)], key=again)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.c(self.b(self.a(x)))
        return output

    def with_gates(self, x: Tensor, gates: dict[str, Tensor]) -> Tensor:
        """The definition: all candidates run, each times its gate."""
        for choice in (self.a, self.b, self.c):
            x = sum(g * layer(x) for g, layer in zip(gates[choice.key], choice, strict=True))
        return x


def curved(output: Tensor) -> Tensor:
    return output.pow(2).mean() + output.sin().sum()


def straight(output: Tensor) -> Tensor:
    return (output * torch.linspace(-1, 2, output.numel()).view_as(output)).sum()


def bound(model: nn.Module, **options: Any) -> BinaryGateMutator:
    torch.manual_seed(0)
    mutator = BinaryGateMutator(model.double(), scale=0.7, seed=3, **options)
    return mutator.double()


def gradients(mutator: BinaryGateMutator, loss: Tensor) -> dict[str, Tensor]:
    """key -> the gradient of its row of logits."""
    parameters = list(mutator.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    by_id = {id(p): g for p, g in zip(parameters, found, strict=True)}
    logits = mutator.logits
    return {
        key: by_id[id(table.tables[str(size)])][row]
        for table in (logits.one, logits.gates)
        for size, keys in table.keys.items()
        for row, key in enumerate(keys)
    }


def rows(mutator: BinaryGateMutator) -> dict[str, Tensor]:
    return {key: row.detach() for key, row in mutator.logits.one.rows().items()}


def by_equation_4(gate_gradient: Tensor, p: Tensor) -> Tensor:
    """sum_j dL/dg_j p_j (delta_ij - p_i), written out."""
    n = len(p)
    return torch.tensor(
        [
            sum(float(gate_gradient[j] * p[j] * (float(i == j) - p[i])) for j in range(n))
            for i in range(n)
        ],
        dtype=torch.double,
    )


def gate_gradients(mutator: BinaryGateMutator, model: Chain, x: Tensor) -> dict[str, Tensor]:
    gates = {
        key: torch.tensor(status, dtype=torch.double, requires_grad=True)
        for key, status in mutator.status().items()
    }
    found = torch.autograd.grad(curved(model.with_gates(x, gates)), list(gates.values()))
    return dict(zip(gates, found, strict=True))


@pytest.mark.parametrize("again", ["c", "a"], ids=["own key", "shared key"])
def test_gates_against_the_definition(again: str) -> None:
    model = Chain(again)
    mutator = bound(model)
    x = torch.randn(5, 4, dtype=torch.double)
    for _ in range(5):
        mutator.reset()
        found = gradients(mutator, curved(model(x)))
        for key, gradient in gate_gradients(mutator, model, x).items():
            expected = by_equation_4(gradient, rows(mutator)[key].softmax(0))
            assert torch.allclose(found[key], expected, rtol=1e-10, atol=1e-12)


def test_two_paths_against_the_definition() -> None:
    model = Chain()
    mutator = bound(model, mode="two_path")
    x = torch.randn(5, 4, dtype=torch.double)
    for _ in range(5):
        mutator.reset()
        found = gradients(mutator, curved(model(x)))
        for key, gradient in gate_gradients(mutator, model, x).items():
            pair = list(mutator._current()[key].among)  # type: ignore[attr-defined]
            expected = torch.zeros_like(gradient)
            expected[pair] = by_equation_4(gradient[pair], rows(mutator)[key][pair].softmax(0))
            assert torch.allclose(found[key], expected, rtol=1e-10, atol=1e-12)


def all_decisions(
    mutator: BinaryGateMutator, count: int, value: Callable[[], Any]
) -> dict[tuple[bool, ...], Any]:
    """Decision -> what a function gives for it, for every decision that can be drawn."""
    found: dict[tuple[bool, ...], Any] = {}
    for _ in range(2000):
        mutator.reset()
        drawn = tuple(bool(gate) for gates in mutator.status().values() for gate in gates)
        if drawn not in found:
            found[drawn] = value()
        if len(found) == count:
            return found
    raise AssertionError(f"only {len(found)} of {count} decisions were drawn")


def test_the_expected_estimate_is_the_gradient_of_the_expected_loss() -> None:
    model = Chain()
    mutator = bound(model)
    x = torch.randn(5, 4, dtype=torch.double)
    estimates = all_decisions(mutator, 18, lambda: gradients(mutator, straight(model(x))))

    def expected_loss(alphas: dict[str, Tensor]) -> Tensor:
        probabilities = {key: alpha.softmax(0) for key, alpha in alphas.items()}
        total = torch.zeros((), dtype=torch.double)
        for chosen in itertools.product(range(3), range(2), range(3)):
            gates = {
                key: nn.functional.one_hot(torch.tensor(index), len(alphas[key])).double()
                for key, index in zip("abc", chosen, strict=True)
            }
            weight = math.prod(probabilities[k][i] for k, i in zip("abc", chosen, strict=True))
            total = total + weight * straight(model.with_gates(x, gates))
        return total

    for key, row in rows(mutator).items():
        mean = sum(
            _probability(drawn, rows(mutator)) * estimate[key]
            for drawn, estimate in estimates.items()
        )
        for index in range(len(row)):
            moved = [dict(rows(mutator)), dict(rows(mutator))]
            for sign, alphas in zip((1e-6, -1e-6), moved, strict=True):
                alphas[key] = row.clone()
                alphas[key][index] += sign
            with torch.no_grad():
                slope = (expected_loss(moved[0]) - expected_loss(moved[1])) / 2e-6
            assert float(mean[index]) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)


def _probability(drawn: tuple[bool, ...], alphas: dict[str, Tensor]) -> Tensor:
    every = torch.cat([alphas[key].softmax(0) for key in "abc"])
    return every[torch.tensor(drawn)].prod()


class Sum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
        self.some = InputChoice(n_candidates=3, key="some")

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.some([layer(x) for layer in self.layers])
        return output


def test_independent_gates_in_expectation() -> None:
    model = Sum()
    mutator = bound(model)
    x = torch.randn(5, 4, dtype=torch.double)
    estimates = all_decisions(mutator, 8, lambda: gradients(mutator, straight(model(x)))["some"])
    alphas = next(iter(mutator.logits.gates.rows().values())).detach().requires_grad_()
    p = torch.sigmoid(alphas)
    expected_loss = sum(p[j] * straight(layer(x)) for j, layer in enumerate(model.layers))
    (slope,) = torch.autograd.grad(expected_loss, alphas)  # type: ignore[arg-type]
    mean = sum(
        torch.where(torch.tensor(drawn), p, 1 - p).prod().detach() * estimate
        for drawn, estimate in estimates.items()
    )
    assert torch.allclose(mean, slope, rtol=1e-10)  # type: ignore[arg-type]


def test_rescaling_leaves_unsampled_probabilities_as_they_were() -> None:
    torch.manual_seed(0)
    before = 3 * torch.randn(50, 7, dtype=torch.double)
    sampled = torch.zeros(50, 7, dtype=torch.bool)
    sampled.scatter_(1, torch.rand(50, 7).topk(2).indices, True)
    after = before + torch.randn(50, 7, dtype=torch.double)
    result = rescaled(after, before, sampled)
    change = (result.softmax(1) - before.softmax(1)).abs()
    assert change[~sampled].max() < 1e-12
    assert torch.equal(result[~sampled], before[~sampled])
    pairs, expected = (t[sampled].view(50, 2).diff() for t in (result, after))
    assert torch.allclose(pairs, expected, rtol=1e-12)


def frequencies(flags: Tensor) -> Tensor:
    return flags.double().mean(0)


def test_pairs_are_drawn_without_replacement_and_the_active_one_by_the_renormalized_pair() -> None:
    draws = 40_000
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = p.log().repeat(draws, 1)
    generator = torch.Generator().manual_seed(0)
    noise = [-torch.empty(draws, 4).exponential_(generator=generator).log() for _ in range(2)]
    draw = draw_of_two(logits, *noise)
    pairs = draw.among.sort(1).values
    for a, b in itertools.combinations(range(4), 2):
        both = (pairs == torch.tensor([a, b])).all(1)
        expected = float(p[a] * p[b] * (1 / (1 - p[a]) + 1 / (1 - p[b])))
        assert float(frequencies(both)) == pytest.approx(expected, abs=0.01)
        first = float(frequencies(draw.active[both] == a))
        assert first == pytest.approx(float(p[a] / (p[a] + p[b])), abs=0.05)


def test_the_active_one_of_all_is_drawn_from_the_softmax() -> None:
    draws = 40_000
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    generator = torch.Generator().manual_seed(1)
    noise = -torch.empty(draws, 4).exponential_(generator=generator).log()
    active = draw_of_all(p.log().repeat(draws, 1), noise).active
    found = frequencies(nn.functional.one_hot(active, 4))
    assert found.tolist() == pytest.approx(p.tolist(), abs=0.01)


TABLE = {"a": [1.0, 5.0, 3.0], "b": [0.5, 4.0], "c": [2.0, 2.5, 9.0]}


@pytest.mark.parametrize("mode", ["full", "two_path"])
def test_the_expected_cost_against_enumeration(mode: Any) -> None:
    mutator = bound(Chain(), mode=mode)
    mutator.reset()
    found = expected_cost(TABLE, mutator.probabilities(), fixed=0.25)
    p = {key: row.softmax(0) for key, row in rows(mutator).items()}
    expected = 0.0
    for chosen in itertools.product(range(3), range(2), range(3)):
        architecture = dict(zip("abc", chosen, strict=True))
        cost = architecture_cost(TABLE, mutator.search_space, architecture, fixed=0.25)
        expected += cost * math.prod(float(p[key][index]) for key, index in architecture.items())
    assert float(found.detach()) == pytest.approx(expected, rel=1e-12)


def test_the_gradient_of_the_cost_with_two_paths_is_that_after_rescaling() -> None:
    mutator = bound(Chain(), mode="two_path")
    mutator.reset()
    found = gradients(mutator, expected_cost(TABLE, mutator.probabilities()))
    for key, row in rows(mutator).items():
        sampled = torch.zeros_like(row, dtype=torch.bool)
        sampled[list(mutator._current()[key].among)] = True  # type: ignore[attr-defined]
        costs = torch.tensor(TABLE[key], dtype=torch.double)
        for index in range(len(row)):
            sides = []
            for step in (1e-6, -1e-6):
                moved = row.clone()
                moved[index] += step
                kept = rescaled(moved[None], row[None], sampled[None])[0]
                sides.append(float(kept.softmax(0) @ costs))
            slope = (sides[0] - sides[1]) / 2e-6
            assert float(found[key][index]) == pytest.approx(slope, abs=1e-8)


def test_both_forms_of_the_loss() -> None:
    loss = torch.tensor(1.7, dtype=torch.double, requires_grad=True)
    cost = torch.tensor(62.0, dtype=torch.double, requires_grad=True)
    product = multiplied_log(loss, cost, scale=0.2, exponent=0.3, reference=80.0)
    ratio = math.log(62.0) / math.log(80.0)
    assert float(product.detach()) == pytest.approx(0.2 * 1.7 * ratio**0.3, rel=1e-12)
    by_loss, by_cost = torch.autograd.grad(product, [loss, cost])
    assert float(by_loss) == pytest.approx(0.2 * ratio**0.3, rel=1e-12)
    slope = 0.2 * 1.7 * 0.3 * ratio**-0.7 / (62.0 * math.log(80.0))
    assert float(by_cost) == pytest.approx(slope, rel=1e-12)
    total = added_linear(loss, cost, strength=0.1, reference=80.0)
    assert float(total.detach()) == pytest.approx(1.7 + 0.1 * (62.0 - 80.0) / 80.0, rel=1e-12)
    by_loss, by_cost = torch.autograd.grad(total, [loss, cost])
    assert (float(by_loss), float(by_cost)) == pytest.approx((1.0, 0.1 / 80.0), rel=1e-12)


def test_the_reward_with_costs() -> None:
    reward = discounted_reward(torch.tensor(0.9), 20.0, reference=80.0, exponent=0.5)
    assert float(reward) == pytest.approx(0.9 * 2)


def test_reinforce_against_enumeration() -> None:
    mutator = bound(Chain())
    rewards = {"a": [1.0, 0.2, 0.4], "b": [0.1, 0.6], "c": [0.5, 0.3, 0.0]}

    def reward() -> float:
        current = mutator._current()
        return math.prod(rewards[key][current[key].indices[0]] for key in "abc")

    terms = all_decisions(
        mutator, 18, lambda: (reward(), gradients(mutator, mutator.log_probability()))
    )
    alphas = {key: row.clone().requires_grad_() for key, row in rows(mutator).items()}
    expected_reward = math.prod(
        alphas[key].softmax(0) @ torch.tensor(rewards[key], dtype=torch.double) for key in "abc"
    )
    slopes = torch.autograd.grad(expected_reward, list(alphas.values()))  # type: ignore[arg-type]
    for key, slope in zip(alphas, slopes, strict=True):
        mean = sum(
            _probability(drawn, rows(mutator)) * value * gradient[key]
            for drawn, (value, gradient) in terms.items()
        )
        assert torch.allclose(mean, slope, rtol=1e-9)  # type: ignore[arg-type]


def test_the_probability_of_independent_gates() -> None:
    mutator = bound(Sum())
    row = next(iter(mutator.logits.gates.rows().values())).detach()
    for _ in range(5):
        with torch.no_grad():
            mutator.reset()
        on = torch.tensor(mutator.status()["some"])
        p = torch.sigmoid(row)
        expected = float(torch.where(on, p, 1 - p).log().sum())
        assert float(mutator.log_probability().detach()) == pytest.approx(expected, rel=1e-12)
