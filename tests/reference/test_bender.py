"""Path dropout against its closed form."""

from __future__ import annotations

import itertools

import pytest
from torch import nn

from trial_api import InputChoice, LayerChoice
from trial_api.mutators import PathDropoutMutator
from trial_api.mutators._path_dropout import drop_probability
from trial_api.oneshot._bender import linear_rate

DRAWS = 20_000


def choice(kind: str, k: int) -> nn.Module:
    if kind == "layer":
        return LayerChoice([nn.Identity() for _ in range(k)])
    return InputChoice(n_candidates=k, n_chosen=None)


def counts(mutator: PathDropoutMutator, k: int) -> tuple[list[int], dict[int, int]]:
    """How often each candidate ran, and how often how many did."""
    each, together = [0] * k, dict.fromkeys(range(k + 1), 0)
    for _ in range(DRAWS):
        (selection,) = mutator.sample_search().values()
        together[len(selection.indices)] += 1
        for index in selection.indices:
            each[index] += 1
    return each, together


def probability_of_any_subset(k: int, p: float, size: int) -> float:
    """Enumerated: each candidate is kept with probability 1 - p."""
    total = 0.0
    for kept in itertools.product([False, True], repeat=k):
        if sum(kept) == size:
            total += (1 - p) ** size * p ** (k - size)
    return total


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("r", [0.1, 0.5, 0.9])
def test_all_paths_of_an_input_choice_are_dropped_with_probability_r(k: int, r: float) -> None:
    p = r ** (1 / k)
    each, together = counts(PathDropoutMutator(choice("input", k), drop_rate=r, seed=1), k)
    assert together[0] / DRAWS == pytest.approx(r, abs=0.02)
    for ran in each:
        assert ran / DRAWS == pytest.approx(1 - p, abs=0.02)
    assert sum(each) / DRAWS == pytest.approx(k * (1 - p), abs=0.04)


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("r", [0.2, 0.8])
def test_a_layer_choice_keeps_one_where_none_would_remain(k: int, r: float) -> None:
    p = r ** (1 / k)
    each, together = counts(PathDropoutMutator(choice("layer", k), drop_rate=r, seed=1), k)
    assert together[0] == 0
    assert together[1] / DRAWS == pytest.approx(r + probability_of_any_subset(k, p, 1), abs=0.02)
    for size in range(2, k + 1):
        expected = probability_of_any_subset(k, p, size)
        assert together[size] / DRAWS == pytest.approx(expected, abs=0.02)
    for ran in each:
        assert ran / DRAWS == pytest.approx(1 - p + r / k, abs=0.02)
    assert sum(each) / DRAWS == pytest.approx(k * (1 - p) + r, abs=0.04)


def test_without_dropout_everything_runs_and_at_one_a_single_path() -> None:
    mutator = PathDropoutMutator(choice("layer", 4), seed=0)
    assert {s.indices for _ in range(50) for s in mutator.sample_search().values()} == {
        (0, 1, 2, 3)
    }
    mutator.drop_rate = 1.0
    sizes = {len(s.indices) for _ in range(50) for s in mutator.sample_search().values()}
    assert sizes == {1}
    assert drop_probability(0.0, 3) == 0.0


def test_an_input_choice_keeps_what_it_asks_for_at_least() -> None:
    module = InputChoice(n_candidates=5, n_chosen=2)
    mutator = PathDropoutMutator(module, drop_rate=0.99, seed=0)
    sizes = {len(s.indices) for _ in range(300) for s in mutator.sample_search().values()}
    assert min(sizes) == 2


def test_the_rate_rises_linearly() -> None:
    rates = [linear_rate(0.6, step=step, start=2, end=7) for step in range(7)]
    assert rates == pytest.approx([0, 0, 0, 0.15, 0.3, 0.45, 0.6])
    assert linear_rate(0.6, step=0, start=0, end=1) == 0.0
