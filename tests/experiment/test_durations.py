from __future__ import annotations

import math

import pytest

from nas_tuners.experiment.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90), (0.5, 0.5), ("90", 90), ("30s", 30), ("10m", 600), ("2h", 7200), ("1.5 D", 129600)],
)
def test_parse(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", [0, -1, math.nan, math.inf, True, "", "10x", "m", "-5s", [1]])
def test_refused_with_the_rule_and_the_value(written: object) -> None:
    with pytest.raises(ValueError, match="must be a positive number of seconds, or like '30s'"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.04, "0s"),
        (0.42, "0.4s"),
        (3.0, "3s"),
        (59.6, "1m"),
        (600, "10m"),
        (7500, "2h 5m"),
        (7201, "2h"),
        (200_000, "2d 7h"),
    ],
)
def test_format(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
