"""Early stopping by extrapolation, on planted learning curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray

from nas_tuners.contract.study_attributes import CONSTRAINT_PREFIX
from nas_tuners.pruners import CurveFittingPruner
from tests.pruners.study_kit import end, running, study_of

EPOCHS = 40
Curve = NDArray[np.float64]


def _curve(final: float, start: float, power: float, *, noise: float, seed: int) -> Curve:
    """From ``start`` to ``final`` as pow3 goes."""
    x = np.arange(1, EPOCHS + 1, dtype=float)
    shape = (x**-power - EPOCHS**-power) / (1 - EPOCHS**-power)
    rng = np.random.default_rng(seed)
    return np.asarray(final + (start - final) * shape + noise * rng.normal(size=EPOCHS))


def _planted(finals: list[tuple[float, float]], start: float, noise: float) -> list[Curve]:
    """Half of the curves end in the first interval, half in the second, in turn."""
    rng = np.random.default_rng(0)
    return [
        _curve(
            rng.uniform(*finals[number % 2]),
            start,
            rng.uniform(0.3, 1.5),
            noise=noise,
            seed=number,
        )
        for number in range(30)
    ]


def _stopped_at(study: optuna.Study, curve: Curve, pruner: CurveFittingPruner) -> int | None:
    """After how many results the trial is stopped; None if it completes."""
    for count in range(1, EPOCHS + 1):
        if pruner.prune(study, running(study, curve[:count].tolist())):
            return count
    end(study, running(study, curve.tolist()))
    return None


@pytest.mark.parametrize(
    ("direction", "start", "finals", "noise"),
    [
        ("maximize", 0.1, [(0.93, 0.95), (0.3, 0.75)], 0.005),
        ("minimize", 2.3, [(0.50, 0.51), (0.8, 1.6)], 0.005),
        ("maximize", -2.3, [(-0.51, -0.50), (-1.6, -0.8)], 0.005),
    ],
)
def test_the_better_half_goes_on_and_bad_ones_are_stopped(
    direction: str, start: float, finals: list[tuple[float, float]], noise: float
) -> None:
    study = study_of([], direction=direction)
    pruner = CurveFittingPruner(epoch_num=EPOCHS)
    stopped = [_stopped_at(study, curve, pruner) for curve in _planted(finals, start, noise)]
    assert stopped[::2] == [None] * 15
    bad = [count for count in stopped[1::2] if count is not None]
    assert len(bad) == 15
    assert np.mean(bad) < EPOCHS / 2


def test_only_the_prediction_within_a_part_of_the_best_is_asked_for() -> None:
    """The curve leads to 0.9 where the best has 1.0."""
    study = study_of([[1.0]])
    curve = _curve(0.9, 0.1, 1.0, noise=0.0, seed=0)
    lenient, strict = (
        CurveFittingPruner(epoch_num=EPOCHS, threshold=threshold) for threshold in (0.85, 0.95)
    )
    assert _stopped_at(study, curve, lenient) is None
    assert _stopped_at(study_of([[1.0]]), curve, strict) is not None


def test_a_larger_delta_stops_earlier() -> None:
    curve = _curve(0.85, 0.1, 1.0, noise=0.01, seed=0)
    counts = [
        _stopped_at(study_of([[1.0]]), curve, CurveFittingPruner(epoch_num=EPOCHS, delta=delta))
        for delta in (0.01, 0.5)
    ]
    assert counts[0] is not None
    assert counts[1] is not None
    assert counts[0] > counts[1]


BAD = [0.1, 0.11, 0.1, 0.11, 0.1, 0.11, 0.1, 0.11, 0.1, 0.11]


@pytest.mark.parametrize(
    ("options", "judged"),
    [
        ({}, [6, 7, 8, 9, 10]),
        ({"start_step": 8}, [8, 9, 10]),
        ({"gap": 2}, [6, 8, 10]),
        ({"start_step": 1, "gap": 3}, [4, 7, 10]),
        ({"epoch_num": 8}, [6, 7]),
    ],
)
def test_when_a_trial_is_judged(options: dict[str, Any], judged: list[int]) -> None:
    study = study_of([[0.9]])
    pruner = CurveFittingPruner(**({"epoch_num": 20, "delta": 1.0} | options))
    stopped = [n for n in range(1, 11) if pruner.prune(study, running(study, BAD[:n]))]
    assert stopped == judged


def test_without_a_completed_trial_nobody_is_stopped() -> None:
    study = study_of([])
    end(study, running(study, [0.9]), pruned=True)
    assert not CurveFittingPruner(epoch_num=20).prune(study, running(study, BAD))


def test_a_trial_beyond_its_bounds_is_not_the_best() -> None:
    study = study_of([])
    attributes = {f"{CONSTRAINT_PREFIX}latency": 1.0}
    study.add_trial(optuna.trial.create_trial(value=0.9, system_attrs=attributes))
    trial = running(study, BAD)
    pruner = CurveFittingPruner(epoch_num=20)
    assert not pruner.prune(study, trial)
    study.add_trial(optuna.trial.create_trial(value=0.9))
    assert pruner.prune(study, trial)


ODD: list[Callable[[int], float]] = [
    lambda x: 0.0,
    lambda x: 1e300,
    lambda x: 1e-300,
    lambda x: float(x) ** 20,
    lambda x: (-1.0) ** x,
    lambda x: float(x == 5),
    lambda x: 1e9 + 1e-9 * x,
    lambda x: math.nan if x < 3 else x / 10,
    lambda x: math.inf if x == 2 else x / 10,
]


@pytest.mark.parametrize("curve", ODD)
@pytest.mark.parametrize("best", [0.0, 0.9, -3.0, 1e300, math.inf])
def test_odd_curves_are_judged_without_a_word(curve: Callable[[int], float], best: float) -> None:
    """A warning would be an error here."""
    study = study_of([[best]])
    trial = running(study, [curve(x) for x in range(12)])
    first, again = (CurveFittingPruner(epoch_num=500).prune(study, trial) for _ in range(2))
    assert first is again


def test_a_curve_that_is_as_good_already_goes_on() -> None:
    study = study_of([[0.5]])
    assert not CurveFittingPruner(epoch_num=20).prune(study, running(study, [0.5] * 8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epoch_num": 0}, r"`epoch_num` must be at least 1, but got \(epoch_num=0\)"),
        ({"threshold": 1.5}, r"`threshold` must be from 0 to 1, but got \(threshold=1.5\)"),
        ({"gap": 0}, "`gap` must be at least 1"),
        ({"delta": -0.1}, "`delta` must be from 0 to 1"),
        ({"start_step": -1}, "`start_step` must be at least 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CurveFittingPruner(**({"epoch_num": 20} | options))
