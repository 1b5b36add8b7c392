"""REINFORCE's gradients against finite differences and enumeration; rewards against ranks."""

from __future__ import annotations

import math
from random import Random
from statistics import NormalDist
from typing import Any

import pytest

from nas_tuners.contract.domains import Categorical, Domain, Grid, Prior, Subset
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._policy_feedback import RankReward
from nas_tuners.tuners._policy_steps import make_step
from nas_tuners.tuners._reinforce import ReinforceTuner

DOMAINS: list[Domain] = [
    Categorical(5),
    Subset(5, 2, 2),
    Subset(4, 0, 4),
    Subset(5, 1, 3),
    Subset(4, 1, 1),
    Grid(0.0, 7.0, 1.0, Prior(0.0, 7.0)),
]
SPACE: dict[str, Any] = {
    "op": {"_type": "layer_choice", "_value": ["a", "b", "c"]},
    "in": {"_type": "input_choice", "_value": {"candidates": list("xyz"), "n_chosen": 2}},
    "act": {"_type": "choice", "_value": [1, 2], "_active_if": {"op": [1]}},
}


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_score_gradients_are_finite_differences(domain: Domain) -> None:
    step, rng, h = make_step(domain), Random(1), 1e-6
    scores = [rng.gauss(0.0, 1.5) for _ in range(step.width)]
    for entry in range(int(domain.size)):
        _, gradient = step.judge(scores, entry)
        for column in range(step.width):
            up, down = list(scores), list(scores)
            up[column] += h
            down[column] -= h
            slope = (step.judge(up, entry)[0] - step.judge(down, entry)[0]) / (2 * h)
            assert gradient[column] == pytest.approx(slope, abs=1e-7)


def test_the_expected_step_is_the_gradient_of_the_expected_reward() -> None:
    """Theorem 1 of Williams 1992 by enumeration: E[(r - b) d log p] = d E[r], for any b."""
    space, rng = SearchSpace(SPACE), Random(2)
    steps = [make_step(decision.domain) for decision in space.decisions]
    policy = [[rng.gauss(0.0, 1.0) for _ in range(step.width)] for step in steps]
    vectors = list(space.enumerate())
    reward = {vector: rng.gauss(0.0, 1.0) for vector in vectors}

    def log_prob(vector: Any) -> float:
        entries = enumerate(vector)
        return sum(steps[i].judge(policy[i], e)[0] for i, e in entries if e is not None)

    def expected_reward() -> float:
        return math.fsum(math.exp(log_prob(vector)) * reward[vector] for vector in vectors)

    assert math.fsum(math.exp(log_prob(vector)) for vector in vectors) == pytest.approx(1.0)
    moved = [[0.0] * step.width for step in steps]
    for vector in vectors:
        tuner = ReinforceTuner(lr=1.0, seed=0)
        tuner.update_search_space(space)
        tuner._policy = [list(scores) for scores in policy]
        tuner._climb(vector, reward[vector] - 0.3, log_prob(vector))
        probability = math.exp(log_prob(vector))
        for i, scores in enumerate(tuner._policy):
            for column, score in enumerate(scores):
                moved[i][column] += probability * (score - policy[i][column])
    h = 1e-6
    for i, scores in enumerate(policy):
        for column in range(len(scores)):
            scores[column] += h
            up = expected_reward()
            scores[column] -= 2 * h
            down = expected_reward()
            scores[column] += h
            assert moved[i][column] == pytest.approx((up - down) / (2 * h), abs=1e-6)


def test_rewards_are_normal_scores_of_ranks() -> None:
    rewards = RankReward()
    for score in (3.0, 1.0, 2.0, 2.0):
        rewards.add((0.0, score))
    quantile = NormalDist().inv_cdf
    assert rewards.reward((0.0, 1.0)) == pytest.approx(quantile(0.5 / 4))
    assert rewards.reward((0.0, 2.0)) == pytest.approx(quantile(2 / 4))
    assert rewards.reward((0.0, 3.0)) == pytest.approx(quantile(3.5 / 4))


def test_rewards_know_no_unit_and_no_outlier() -> None:
    plain, odd = RankReward(), RankReward()
    for number in range(10):
        plain.add((0.0, float(number)))
        odd.add((0.0, 1e30 if number == 9 else -7.0 + 1e-3 * number))
    assert [plain.reward((0.0, float(n))) for n in range(9)] == [
        odd.reward((0.0, -7.0 + 1e-3 * n)) for n in range(9)
    ]


def test_what_breaks_a_bound_is_worth_less_than_what_keeps_all() -> None:
    rewards = RankReward()
    rewards.add((-0.5, 100.0))
    rewards.add((0.0, 1.0))
    assert rewards.reward((-0.5, 100.0)) < 0.0 < rewards.reward((0.0, 1.0))


def test_equal_results_are_worth_nothing() -> None:
    rewards = RankReward()
    for _ in range(5):
        rewards.add((0.0, 2.0))
    assert rewards.reward((0.0, 2.0)) == 0.0
