"""The median stopping rule on studies."""

from __future__ import annotations

import math

import pytest

from nas_tuners.pruners import MedianStoppingPruner
from tests.pruners.study_kit import end, running, study_of

OTHERS = [[0.2, 0.4, 0.6], [0.4, 0.6, 0.8], [0.6, 0.8, 1.0]]  # on average, up to 1: 0.3, 0.5, 0.7


@pytest.mark.parametrize(
    ("values", "stopped"),
    [([0.1, 0.49], True), ([0.49, 0.1], True), ([0.1, 0.51], False), ([0.51, 0.1], False)],
)
def test_the_best_so_far_is_held_against_the_median_average(
    values: list[float], stopped: bool
) -> None:
    study = study_of(OTHERS)
    assert MedianStoppingPruner().prune(study, running(study, values)) is stopped


@pytest.mark.parametrize(("values", "stopped"), [([0.9, 0.51], True), ([0.9, 0.49], False)])
def test_lower_is_better_where_the_study_minimizes(values: list[float], stopped: bool) -> None:
    study = study_of(OTHERS, direction="minimize")
    assert MedianStoppingPruner().prune(study, running(study, values)) is stopped


def test_equal_is_not_worse() -> None:
    study = study_of([[0.5, 0.5]])
    assert not MedianStoppingPruner().prune(study, running(study, [0.25, 0.5]))


def test_nobody_is_stopped_before_others_have_completed() -> None:
    study = study_of([])
    other, trial = running(study, [1.0, 1.0]), running(study, [0.0, 0.0])
    pruner = MedianStoppingPruner()
    assert not pruner.prune(study, trial)
    end(study, other, pruned=True)
    assert not pruner.prune(study, trial), "a stopped trial has not completed"
    end(study, running(study, [1.0, 1.0]))
    assert pruner.prune(study, trial)


@pytest.mark.parametrize(("reported", "stopped"), [(2, False), (3, True)])
def test_nobody_is_stopped_before_the_start_step(reported: int, stopped: bool) -> None:
    study = study_of(OTHERS)
    trial = running(study, [0.0] * reported)
    assert MedianStoppingPruner(start_step=3).prune(study, trial) is stopped


def test_results_that_are_no_numbers_do_not_count() -> None:
    study = study_of([{0: math.nan, 1: 0.6}, [math.nan, math.nan, 0.9]])
    pruner = MedianStoppingPruner()
    assert pruner.prune(study, running(study, [math.nan, 0.5]))
    assert not pruner.prune(study, running(study, [math.nan, math.nan]))
    assert not pruner.prune(study, running(study, []))


def test_of_an_even_number_the_median_is_between_the_two_in_the_middle() -> None:
    """NNI's Medianstop takes the worse of the two and would let this one go on."""
    study = study_of([[0.2], [0.6]])
    assert MedianStoppingPruner().prune(study, running(study, [0.3]))
    assert not MedianStoppingPruner().prune(study, running(study, [0.4]))


def test_who_completed_early_counts_with_all_that_it_reported() -> None:
    """NNI's Medianstop leaves it out."""
    study = study_of([[0.9]])
    assert MedianStoppingPruner().prune(study, running(study, [0.5, 0.5]))


def test_a_negative_start_step_is_refused() -> None:
    with pytest.raises(ValueError, match="`start_step` must not be negative, but got -1"):
        MedianStoppingPruner(start_step=-1)
