"""The controller of ENAS against enumeration of all architectures of a small space."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.search_space import IndexVector
from trial_api import InputChoice, LayerChoice
from trial_api.mutators import ControllerMutator
from trial_api.mutators._controller import _as_given
from trial_api.mutators._controller_network import Walk, bernoulli_divergence
from trial_api.mutators._noise import GumbelNoise
from trial_api.mutators._random import selections_of
from trial_api.mutators._subsets import RandomSubset
from trial_api.oneshot._reinforce import MovingBaseline, reinforce_loss


class Small(nn.Module):
    """144 architectures: a nested choice, and input choices of every kind."""

    def __init__(self) -> None:
        super().__init__()
        inner = LayerChoice({"a": nn.Identity(), "b": nn.ReLU(), "c": nn.Tanh()}, key="inner")
        self.outer = LayerChoice([inner, nn.Identity()], key="outer")
        self.some = InputChoice(choose_from=["outer", ""], n_chosen=None, key="some")
        self.pair = InputChoice(n_candidates=3, n_chosen=2, key="pair")
        self.at_most = InputChoice(choose_from=["inner", "pair"], n_chosen=(0, 1), key="at_most")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def controller() -> ControllerMutator:
    """In double precision, far from uniform."""
    mutator = ControllerMutator(Small(), lstm_size=6, tanh_constant=2.5, seed=0).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in mutator.parameters():
            parameter.normal_(0, 0.7, generator=generator)
    return mutator


def walk_to(controller: ControllerMutator, vector: IndexVector) -> Walk:
    selections = selections_of(controller.search_space, vector)
    walk: Walk = controller.network(1, _as_given(selections))
    return walk


def all_walks(controller: ControllerMutator) -> list[Walk]:
    walks = [walk_to(controller, vector) for vector in controller.search_space.enumerate()]
    assert len(walks) == controller.search_space.size == 144
    return walks


def gradients(controller: ControllerMutator, value: Tensor) -> Tensor:
    found = torch.autograd.grad(
        value, list(controller.parameters()), retain_graph=True, materialize_grads=True
    )
    return torch.cat([gradient.flatten() for gradient in found])


# ---- the distribution ---------------------------------------------------------------------------


def test_the_probabilities_of_all_architectures_sum_to_one(controller: ControllerMutator) -> None:
    logs = torch.cat([walk.log_probability() for walk in all_walks(controller)])
    assert logs.exp().sum().item() == pytest.approx(1, abs=1e-12)
    assert logs.exp().max() > 3 / 144, "not uniform"


def test_samples_are_as_frequent_as_they_are_probable(controller: ControllerMutator) -> None:
    count = 20_000
    with torch.no_grad():
        samples = controller.sample(count, seed=3)
        walks = all_walks(controller)
    drawn = [tuple(one.indices for one in decision.values()) for decision in samples.decisions]
    for vector, walk in zip(controller.search_space.enumerate(), walks, strict=True):
        probability = walk.log_probability().exp().item()
        chosen = selections_of(controller.search_space, vector)
        found = drawn.count(tuple(one.indices for one in chosen.values()))
        deviation = math.sqrt(count * probability * (1 - probability))
        assert abs(found - count * probability) < 5 * deviation + 1


def test_a_batch_of_samples_is_scored_as_each_alone(controller: ControllerMutator) -> None:
    samples = controller.sample(200, seed=1)
    assert {one["outer"].indices for one in samples.decisions} == {(0,), (1,)}
    for decision, log_probability in zip(
        samples.decisions, samples.log_probabilities, strict=True
    ):
        alone = controller.log_probability(decision)
        assert alone.item() == pytest.approx(log_probability.item(), abs=1e-12)


def test_the_entropy_along_paths_is_that_of_architectures(controller: ControllerMutator) -> None:
    walks = all_walks(controller)
    logs = torch.cat([walk.log_probability() for walk in walks])
    along = torch.cat([walk.entropy(mean=False) for walk in walks])
    expected = -(logs.exp() * logs).sum()
    assert (logs.exp() * along).sum().item() == pytest.approx(expected.item(), rel=1e-12)
    entropy_of_one = -logs[0]
    assert abs(along[0] - entropy_of_one) > 0.1, "not the surprise of the sample"


# ---- the gradient -------------------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_the_expected_gradient_is_that_of_the_expected_reward(
    controller: ControllerMutator, baseline: float
) -> None:
    """Weighted by probability, the estimates of all samples sum to the exact gradient."""
    weight = 0.3
    walks = all_walks(controller)
    logs = torch.cat([walk.log_probability() for walk in walks])
    entropies = torch.cat([walk.entropy(mean=False) for walk in walks])
    rewards = torch.rand(len(walks), dtype=torch.float64)
    probabilities = logs.exp().detach()
    advantages = rewards + weight * entropies.detach() - baseline
    estimate = torch.zeros((), dtype=torch.float64)
    for index in range(len(walks)):
        one = slice(index, index + 1)
        loss = reinforce_loss(
            logs[one],
            advantages[one],
            entropies=entropies[one],
            penalties=torch.zeros(1),
            entropy_weight=weight,
            skip_weight=0.8,
        )
        estimate = estimate + probabilities[index] * loss
    exact = (logs.exp() * rewards).sum() - weight * (logs.exp() * logs).sum()
    found = gradients(controller, estimate)
    expected = -gradients(controller, exact)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_a_loss_is_the_mean_over_samples_with_the_skip_penalty() -> None:
    loss = reinforce_loss(
        torch.tensor([-1.0, -3.0]),
        torch.tensor([2.0, -1.0]),
        entropies=torch.tensor([0.5, 1.5]),
        penalties=torch.tensor([0.25, 0.75]),
        entropy_weight=0.1,
        skip_weight=0.8,
    )
    assert loss.item() == pytest.approx((2.0 - 3.0) / 2 - 0.1 * 1.0 + 0.8 * 0.5)


def test_the_baseline_is_a_weighted_average_of_the_rewards_before() -> None:
    rewards = [0.3, 0.9, 0.1, 0.4, 0.8]
    found = MovingBaseline(0.9).advantages(rewards)
    for t, advantage in enumerate(found):
        weights = [0.9 ** (t - 1 - i) for i in range(t)]
        before = sum(w * r for w, r in zip(weights, rewards, strict=False))
        assert advantage == pytest.approx(rewards[t] - before / sum(weights) if t else 0.0)


def test_the_baseline_is_there_at_once() -> None:
    """One that starts at zero gives hundreds of positive advantages, whatever is sampled."""
    assert MovingBaseline(0.999).advantages([0.5] * 100) == pytest.approx([0.0] * 100)


# ---- skip connections ---------------------------------------------------------------------------


def test_the_skip_penalty_is_the_divergence_from_the_target(
    controller: ControllerMutator,
) -> None:
    """KL divergence of the probabilities with which inputs are really drawn."""
    target, keys = 0.4, list(controller.search_space.specs)
    assert keys == ["outer", "inner", "some", "pair", "at_most"]
    found: dict[IndexVector, list[Any]] = {}
    for vector, walk in zip(
        controller.search_space.enumerate(), all_walks(controller), strict=True
    ):
        probability = walk.log_probability().exp().item()
        decided = found.setdefault(vector[:2], [[0.0, 0.0], 0.0, walk.skip_penalty().item()])
        for index in range(2):
            decided[0][index] += probability * walk.masks["some"][0, index].item()
        decided[1] += probability
    for taken, total, penalty in found.values():
        shares = [one / total for one in taken]
        terms = [
            p * math.log(p / target) + (1 - p) * math.log((1 - p) / (1 - target)) for p in shares
        ]
        assert penalty == pytest.approx(sum(terms), rel=1e-9)


def test_the_divergence_is_zero_at_the_target() -> None:
    log_odds = torch.tensor([[0.4, 0.4, 0.4]], dtype=torch.float64).logit()
    assert bernoulli_divergence(log_odds, 0.4).item() == pytest.approx(0, abs=1e-12)


# ---- subsets ------------------------------------------------------------------------------------

SIZES = [(1, 1, 1), (4, 1, 1), (4, 0, 4), (4, 2, 2), (5, 1, 3), (3, 0, 0), (3, 3, 3), (4, 0, 1)]


@pytest.mark.parametrize(("n", "low", "high"), SIZES)
def test_random_subsets_against_enumeration(n: int, low: int, high: int) -> None:
    logits = torch.randn(1, n, dtype=torch.float64, requires_grad=True)
    sets = [
        torch.tensor([[float(bit) for bit in bits]], dtype=torch.float64)
        for bits in itertools.product([0, 1], repeat=n)
        if low <= sum(bits) <= high
    ]
    weights = torch.stack([(logits * one).sum().exp() for one in sets])
    expected = weights / weights.sum()
    subset = RandomSubset(logits, low, high)
    found = torch.cat([subset.log_probability(one) for one in sets]).exp()
    torch.testing.assert_close(found, expected)
    marginals = sum(p * one for p, one in zip(expected, sets, strict=True))
    torch.testing.assert_close(subset.marginals(), marginals)
    entropy = -(expected * expected.log()).sum()
    torch.testing.assert_close(subset.entropy(), entropy.reshape(1))
    torch.testing.assert_close(
        torch.autograd.grad(subset.entropy().sum(), logits)[0],
        torch.autograd.grad(entropy, logits)[0],
    )
    assert any(torch.equal(subset.mode(), one) for one in sets)
    assert subset.log_probability(subset.mode()).exp() >= expected.max() - 1e-12


@pytest.mark.parametrize(("n", "low", "high"), SIZES)
def test_random_subsets_are_drawn_as_they_are_scored(n: int, low: int, high: int) -> None:
    count = 20_000
    logits = torch.randn(1, n, dtype=torch.float64).expand(count, n)
    subset = RandomSubset(logits, low, high)
    drawn = subset.sample(GumbelNoise(0).like)
    assert low <= drawn.sum(1).min()
    assert drawn.sum(1).max() <= high
    marginals = RandomSubset(logits[:1], low, high).marginals()[0]
    assert torch.allclose(drawn.mean(0), marginals, atol=5 * math.sqrt(0.25 / count))
    kinds, counts = torch.unique(drawn, dim=0, return_counts=True)
    scores = RandomSubset(logits[: len(kinds)], low, high).log_probability(kinds).exp()
    assert torch.allclose(counts.double() / count, scores, atol=5 * math.sqrt(0.25 / count))


def test_subsets_with_extreme_logits() -> None:
    logits = torch.tensor([[300.0, -300.0, 0.0]], requires_grad=True)
    subset = RandomSubset(logits, 1, 2)
    entropy = subset.entropy()
    (gradient,) = torch.autograd.grad(entropy.sum(), logits)
    assert torch.isfinite(gradient).all()
    assert entropy.item() == pytest.approx(math.log(2), abs=1e-4)
    assert F.one_hot(torch.tensor(0), 3).tolist() == subset.mode()[0].tolist()
