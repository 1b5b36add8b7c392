"""What ``optimize_mode`` may say, and results held against it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nas_tuners.contract.errors import MetricError
from nas_tuners.tuners._goals import Goals


def test_objectives_and_bounds() -> None:
    goals = Goals.of({"default": "maximize", "size": " minimize ", "ms": "<=5", "iou": ">= 0.5"})
    assert goals.objectives == (("default", 1.0), ("size", -1.0))
    assert goals.signs == (1.0, -1.0)
    measured = goals.measure({"default": 0.9, "size": 3, "ms": 7, "iou": 0.75})
    assert measured.values == (0.9, 3.0)
    assert measured.scores == (0.9, -3.0)
    assert measured.excess == {"ms": 2.0, "iou": -0.25}


def test_a_number_is_the_first_objective_and_a_list_is_all() -> None:
    goals = Goals.of({"accuracy": "maximize", "size": "minimize"})
    assert goals.measure([0.5, 3]).scores == (0.5, -3.0)
    assert Goals.of("minimize").measure(3).scores == (-3.0,)


@pytest.mark.parametrize("mode", ["max", None, 3, ("maximize", "minimize")])
def test_what_is_no_mode(mode: Any) -> None:
    with pytest.raises(ValueError, match="`optimize_mode` must be 'maximize' or 'minimize', or a"):
        Goals.of(mode)


@pytest.mark.parametrize("goal", ["maximise", "< 5", "<= five", "<= nan", 5, None, ["maximize"]])
def test_what_is_no_goal_of_a_metric(goal: Any) -> None:
    message = r"`optimize_mode\['default'\]` must be 'maximize', 'minimize' or a bound such as"
    with pytest.raises(ValueError, match=message):
        Goals.of({"default": goal})


@pytest.mark.parametrize("mode", [{}, {"latency": "<= 5"}])
def test_something_must_be_optimized(mode: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="at least one metric to 'maximize' or 'minimize'"):
        Goals.of(mode)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"default": 1.0}, r"lacks the metric 'size'; it has \['default'\]"),
        ({"default": 1.0, "size": "small"}, "small"),
        ([1.0, 2.0, 3.0], "2 numbers are expected"),
        (float("nan"), "nan"),
    ],
)
def test_results_that_tell_too_little(value: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        Goals.of({"default": "maximize", "size": "minimize"}).measure(value)


def test_the_opposite_direction() -> None:
    assert Goals.of({"default": "minimize", "size": "maximize"}).opposes("maximize")
    assert not Goals.of({"default": "minimize", "size": "maximize"}).opposes("minimize")
    assert not Goals.of({"accuracy": "minimize"}).opposes("maximize")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ValueError, match=r"\['ms'\].*\['size'\].*at least one metric"):
        Goals.of({"ms": "< 5", "size": "smaller"})


BOUNDED = Goals.of({"default": "maximize", "ms": "<= 5", "iou": ">= 0.5"})


@pytest.mark.parametrize("odd", [None, float("nan"), "4ms", [4.0], {"default": 4.0}])
def test_what_is_no_number_is_beyond_its_bound(odd: Any) -> None:
    assert BOUNDED.beyond({"default": 0.9, "ms": odd, "iou": 0.75}) == {
        "ms": float("inf"),
        "iou": -0.25,
    }
    assert BOUNDED.beyond(0.9) == {"ms": float("inf"), "iou": float("inf")}


def test_what_was_measured_elsewhere_stands_in_for_a_metric() -> None:
    measured = BOUNDED.measure({"default": 0.9, "ms": 4}, {"iou": 0.1, "ms": 7.0, "x": -1.0})
    assert measured.excess == {"iou": 0.1, "ms": -1.0, "x": -1.0}
    with pytest.raises(MetricError, match="lacks the metric 'iou'"):
        BOUNDED.measure({"default": 0.9, "ms": 4}, {"iou": float("inf")})


def test_a_pruned_result_need_not_tell_what_is_bounded() -> None:
    assert BOUNDED.measure(0.9, pruned=True).excess == {}
    assert BOUNDED.measure({"default": 0.9, "ms": 4}, pruned=True).excess == {"ms": -1.0}
    with pytest.raises(MetricError, match="lacks the metric 'ms'"):
        BOUNDED.measure(0.9)


def test_a_constraint_that_is_nan_is_beyond_all_bounds() -> None:
    assert Goals.of("maximize").measure(0.9, {"x": float("nan")}).excess == {"x": float("inf")}


def test_arrays_are_lists() -> None:
    goals = Goals.of({"accuracy": "maximize", "size": "minimize"})
    assert goals.measure(np.array([0.5, 3])).scores == (0.5, -3.0)
    assert Goals.of("minimize").measure(np.float32(3)).scores == (-3.0,)
