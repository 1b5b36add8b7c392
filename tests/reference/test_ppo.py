"""PPO's arithmetic against the definitions, autograd, enumeration and hand-made recursions."""

from __future__ import annotations

import itertools
import math
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor

from nas_tuners.contract.domains import Subset
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._policy import Judgement, PolicyNetwork, encode
from nas_tuners.tuners._policy_sampling import PolicySampler
from nas_tuners.tuners._policy_steps import make_step
from nas_tuners.tuners._ppo_loss import (
    clipped_objective,
    gae,
    importance_weights,
    ppo_loss,
    standardize,
)

TINY: dict[str, Any] = {
    "op": {"_type": "layer_choice", "_value": ["a", "b", "c"]},
    "in": {"_type": "input_choice", "_value": {"candidates": list("wxyz"), "n_chosen": [1, 2]}},
    "size": {"_type": "choice", "_value": [1, 2], "_active_if": {"op": [0, 2]}},
}


def _network(space: SearchSpace, *, hidden: int = 5) -> PolicyNetwork:
    """A policy far from uniform, in double precision."""
    steps = [make_step(space.decisions[p].domain) for p in space.order]
    widths, exclusive = [s.width for s in steps], [s.exclusive for s in steps]
    network = PolicyNetwork(widths, exclusive, hidden=hidden, seed=1).double()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, 1.0, generator=generator)
    return network


def _judge(network: PolicyNetwork, space: SearchSpace, vectors: list[Any]) -> Judgement:
    steps = [make_step(space.decisions[p].domain) for p in space.order]
    actions = encode(space, steps, vectors)
    names = ("taken", "log_odds", "open", "active")
    judgement: Judgement = network(
        type(actions)(*(getattr(actions, name).double() for name in names))
    )
    return judgement


# ---- the policy ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inputs", "conditional", "small", "one candidate"])
def test_probabilities_of_all_architectures_sum_to_one(name: str) -> None:
    space = SearchSpace(SPACES[name])
    judged = _judge(_network(space), space, list(space.enumerate()))
    assert judged.log_probs.sum(1).exp().sum().item() == pytest.approx(1.0, abs=1e-6)


BOUNDS = [
    (n, low, high) for n in range(1, 7) for low in range(n + 1) for high in range(low, n + 1)
]


@pytest.mark.parametrize(("n", "low", "high"), BOUNDS)
def test_probabilities_of_all_subsets_sum_to_one(n: int, low: int, high: int) -> None:
    domain = Subset(n, low, high)
    step = make_step(domain)
    rng = Random(f"{n}{low}{high}")
    scores = [rng.gauss(0.0, 2.0) for _ in range(n)]
    log_probs = [step.judge(scores, entry)[0] for entry in range(domain.size)]
    assert math.fsum(map(math.exp, log_probs)) == pytest.approx(1.0, abs=1e-12)
    uniform = [step.judge([0.0] * n, entry)[0] for entry in range(domain.size)]
    assert uniform == pytest.approx([-math.log(domain.size)] * domain.size, abs=1e-12)


@pytest.mark.parametrize(("n", "low", "high"), [(5, 2, 2), (5, 1, 3), (4, 0, 4), (3, 1, 1)])
def test_subsets_are_drawn_as_often_as_they_are_probable(n: int, low: int, high: int) -> None:
    domain, rng = Subset(n, low, high), Random(0)
    step = make_step(domain)
    scores = [rng.gauss(0.0, 1.0) for _ in range(n)]
    counts = dict.fromkeys(range(domain.size), 0)
    for _ in range(4_000):
        entry, log_prob = step.draw(scores, rng)
        assert log_prob == pytest.approx(step.judge(scores, entry)[0], abs=1e-9)
        counts[int(entry)] += 1
    for entry, count in counts.items():
        probability = math.exp(step.judge(scores, entry)[0])
        spread = math.sqrt(4_000 * probability * (1 - probability))
        assert abs(count - 4_000 * probability) < 5 * spread + 1


def test_drawing_and_judging_agree_on_every_kind_of_decision() -> None:
    for name in ("inputs", "conditional", "numbers", "continuous"):
        space = SearchSpace(SPACES[name])
        network = _network(space)
        steps = [make_step(space.decisions[p].domain) for p in space.order]
        sampler = PolicySampler(network, space, steps)
        drawn = [sampler.draw(Random(seed)) for seed in range(20)]
        judged = _judge(network, space, [vector for vector, _ in drawn])
        expected = [log_prob for _, log_prob in drawn]
        assert judged.log_probs.sum(1).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_first_policy_is_uniform() -> None:
    space = SearchSpace(TINY)
    steps = [make_step(space.decisions[p].domain) for p in space.order]
    widths, exclusive = [s.width for s in steps], [s.exclusive for s in steps]
    network = PolicyNetwork(widths, exclusive, hidden=4, seed=0)
    (judged,) = network(encode(space, steps, [(0, 3, 1)])).log_probs
    expected = [-math.log(3), -math.log(10), -math.log(2)]
    assert judged.tolist() == pytest.approx(expected, abs=1e-5)


def test_entropies_are_those_of_the_choices() -> None:
    """Closed form: -sum p log p; that of a subset is its average over what may be drawn."""
    space = SearchSpace({"op": TINY["op"], "in": TINY["in"]})
    network = _network(space)
    vectors = list(space.enumerate())
    judged = _judge(network, space, vectors)
    log_p = judged.log_probs
    for op in range(3):
        rows = [row for row, vector in enumerate(vectors) if vector[0] == op]
        subsets = log_p[rows, 1]
        entropy = -(subsets.exp() * subsets).sum()
        on_the_way = (subsets.exp() * judged.entropies[rows, 1]).sum()
        assert on_the_way.item() == pytest.approx(entropy.item(), abs=1e-6)
    first = torch.stack([log_p[vectors.index((op, 0)), 0] for op in range(3)])
    assert judged.entropies[0, 0].item() == pytest.approx(-(first.exp() * first).sum().item())


def test_the_policy_gradient_is_that_of_enumeration() -> None:
    """The gradient of the expected reward, from the loss on all architectures.

    sum over architectures of p (R - b) d log p = d sum over architectures of p R.
    """
    space = SearchSpace(TINY)
    network = _network(space)
    vectors = list(space.enumerate())
    rewards = torch.tensor([Random(str(v)).gauss(0, 1) for v in vectors], dtype=torch.float64)
    parameters = [network.column_head, network.column_bias, *network.lstm.parameters()]

    expected_reward = (_judge(network, space, vectors).log_probs.sum(1).exp() * rewards).sum()
    exact = torch.autograd.grad(expected_reward, parameters)

    judged = _judge(network, space, vectors)
    old = judged.log_probs.detach()
    active = torch.tensor([[float(e is not None) for e in vector] for vector in vectors])
    advantages = (rewards - 0.7)[:, None].expand_as(old)
    objective = clipped_objective(judged.log_probs, old, advantages, cliprange=0.2)
    weights = old.sum(1).exp()[:, None] * active
    loss = ppo_loss(
        objective,
        judged.values,
        judged.values.detach(),
        judged.entropies,
        weights,
        vf_coef=0.5,
        ent_coef=0.0,
    )
    for one, other in zip(torch.autograd.grad(loss, parameters), exact, strict=True):
        assert torch.allclose(-one * weights.sum(), other, atol=1e-6)


# ---- the loss -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.1, 2.0, 2.2, 2.2),
        (1.5, 2.0, 2.4, 0.0),  # enough: no reason to go further
        (1.5, -2.0, -3.0, -3.0),  # too much of a bad thing is undone
        (0.5, 2.0, 1.0, 1.0),
        (0.5, -2.0, -1.6, 0.0),
    ],
)
def test_clipping(ratio: float, advantage: float, objective: float, slope: float) -> None:
    """Figure 1 of the paper; the slope is by the logarithm of the ratio."""
    log_prob = torch.tensor(math.log(ratio), dtype=torch.float64, requires_grad=True)
    old, a = torch.zeros((), dtype=torch.float64), torch.tensor(advantage, dtype=torch.float64)
    value = clipped_objective(log_prob, old, a, cliprange=0.2)
    assert value.item() == pytest.approx(objective)
    (gradient,) = torch.autograd.grad(value, log_prob)
    assert gradient.item() == pytest.approx(slope)


def _two_steps(theta: Tensor, action: tuple[int, int]) -> tuple[list[Tensor], list[Tensor]]:
    """Log-probability and entropy of each step of a two-step problem, spelled out."""
    first, second = theta[:2], theta[2:4] + action[0] * theta[4]
    log_probs, entropies = [], []
    for scores, taken in zip((first, second), action, strict=True):
        p = torch.exp(scores) / torch.exp(scores).sum()
        log_probs.append(torch.log(p[taken]))
        entropies.append(-(p * torch.log(p)).sum())
    return log_probs, entropies


def test_loss_and_gradient_of_a_two_step_problem() -> None:
    theta = torch.tensor(
        [0.3, -0.2, 0.1, 0.5, -0.4, 0.2, 0.9], dtype=torch.float64, requires_grad=True
    )
    actions, rewards = list(itertools.product((0, 1), repeat=2)), [1.0, -0.5, 2.0, 0.3]
    old_theta = (theta + torch.tensor([0.3, -0.3, 0.5, 0, 0, 0, 0])).detach()
    weight, eps, c1, c2, gamma, lam = [1.0, 0.5, 2.0, 1.0], 0.2, 0.5, 0.1, 0.9, 0.8
    total, count = torch.zeros((), dtype=torch.float64), 0.0
    pieces: dict[str, list[Any]] = {name: [] for name in ("new", "old", "entropy", "value")}
    for action, reward, w in zip(actions, rewards, weight, strict=True):
        new, entropies = _two_steps(theta, action)
        old, _ = _two_steps(old_theta, action)
        values = [theta[5], theta[6] * (1 + action[0])]
        v0, v1 = (v.item() for v in values)
        a1 = reward - v1
        a0 = gamma * v1 - v0 + gamma * lam * a1
        for t, a, v in ((0, a0, v0), (1, a1, v1)):
            r = torch.exp(new[t] - old[t])
            clip = torch.minimum(r * a, torch.clamp(r, 1 - eps, 1 + eps) * a)
            total = total - w * (clip - c1 * (values[t] - (a + v)) ** 2 + c2 * entropies[t])
            count += w
        for name, of_steps in zip(pieces, (new, old, entropies, values), strict=True):
            pieces[name].append(torch.stack(of_steps))
    definition = total / count

    new, old, entropy, value = (torch.stack(pieces[name]) for name in pieces)
    active = torch.ones_like(new)
    reward_tensor = torch.tensor(rewards, dtype=torch.float64)
    advantages = gae(reward_tensor, value.detach(), active, gamma=gamma, lam=lam)
    loss = ppo_loss(
        clipped_objective(new, old, advantages, cliprange=eps),
        value,
        advantages + value.detach(),
        entropy,
        active * torch.tensor(weight, dtype=torch.float64)[:, None],
        vf_coef=c1,
        ent_coef=c2,
    )
    assert loss.item() == pytest.approx(definition.item(), abs=1e-12)
    (ours,) = torch.autograd.grad(loss, theta, retain_graph=True)
    (theirs,) = torch.autograd.grad(definition, theta)
    assert torch.allclose(ours, theirs, atol=1e-12)


def test_importance_weights_are_ratios_up_to_a_limit() -> None:
    now, then = torch.tensor([-1.0, -2.0, -1.0, -90.0]), torch.tensor([-1.0, -1.0, -5.0, 0.0])
    weights = importance_weights(now, then, largest=2.0)
    assert weights.tolist() == pytest.approx([1.0, math.exp(-1.0), 2.0, 0.0], abs=1e-6)


# ---- advantages ---------------------------------------------------------------------------------


def _gae_by_hand(
    reward: float, values: list[float], active: list[int], gamma: float, lam: float
) -> list[float]:
    """Equation 16 as a sum, over the steps that are there."""
    v = [value for value, here in zip(values, active, strict=True) if here]
    deltas = [
        (reward if t == len(v) - 1 else 0.0) + gamma * (v[t + 1] if t + 1 < len(v) else 0.0) - v[t]
        for t in range(len(v))
    ]
    found = iter(
        sum((gamma * lam) ** k * deltas[t + k] for k in range(len(v) - t)) for t in range(len(v))
    )
    return [next(found) if here else 0.0 for here in active]


@pytest.mark.parametrize(("gamma", "lam"), [(0.99, 0.95), (1.0, 1.0), (0.9, 0.0), (0.0, 0.5)])
def test_gae_is_the_sum_of_its_deltas(gamma: float, lam: float) -> None:
    rng = Random(0)
    patterns = [[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]]
    values = [[rng.gauss(0, 1) for _ in range(4)] for _ in patterns]
    rewards = [rng.gauss(0, 1) for _ in patterns]
    ours = gae(
        torch.tensor(rewards), torch.tensor(values), torch.tensor(patterns), gamma=gamma, lam=lam
    )
    for row, pattern in enumerate(patterns):
        expected = _gae_by_hand(rewards[row], values[row], pattern, gamma, lam)
        assert ours[row].tolist() == pytest.approx(expected, abs=1e-5)


def test_without_discount_advantages_are_reward_minus_value() -> None:
    values = torch.tensor([[0.1, 0.4, -0.3]])
    ours = gae(torch.tensor([2.0]), values, torch.ones(1, 3), gamma=1.0, lam=1.0)
    assert torch.allclose(ours, 2.0 - values)


def test_standardized_advantages_ignore_what_is_inactive() -> None:
    advantages = torch.tensor([[1.0, 3.0, 0.0], [5.0, 0.0, 0.0]])
    active = torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    found = standardize(advantages, active)
    spread = math.sqrt(8 / 3)
    expected = torch.tensor([[-2 / spread, 0.0, 0.0], [2 / spread, 0.0, 0.0]])
    assert torch.allclose(found, expected)
    assert standardize(advantages * 1e-4, active).abs().max().item() < 0.01
