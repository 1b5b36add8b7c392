"""Parsers of what is said of metrics: which way each shall go, and how far it may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .described import Schema, accepts, schema_of
from .values import one_of, text

_WORDS: Schema = {
    "type": "object",
    "additionalProperties": schema_of(text),
    "minProperties": 1,
}
_DIRECTIONS = ("maximize", "minimize")
_DIRECTION = one_of(*_DIRECTIONS)


@accepts(anyOf=[{"enum": ["maximize", "minimize"]}, _WORDS])
def goals(value: Any) -> str | dict[str, str]:
    """What is optimized, as :class:`Goals` reads it."""
    from nas_tuners.tuners._goals import Goals

    if isinstance(value, str):
        word: str = _DIRECTION(value)
        return word
    if not isinstance(value, Mapping):
        example = "{accuracy: maximize, latency: '<= 5'}"
        rule = f"must be maximize or minimize, or say it of each metric, like {example}"
        raise ValueError(f"{rule}, got {value!r}")
    words = {str(metric): str(goal).strip() for metric, goal in value.items()}
    _check_each(value, _check_goal)
    Goals.of(words)
    return words


@accepts(**_WORDS)
def bounds(value: Any) -> dict[str, str]:
    """Metric -> bound, at least one."""
    if not isinstance(value, Mapping) or not value:
        rule = "must name at least one metric with a bound, like {flops: '<= 600e6'}"
        raise ValueError(f"{rule}, got {value!r}")
    _check_each(value, _check_bound)
    return {str(metric): str(bound).strip() for metric, bound in value.items()}


def _check_each(words: Mapping[Any, Any], check: Callable[[Any], object]) -> None:
    """Tell what is wrong with each value, under its key."""
    problems = []
    for key, word in words.items():
        try:
            check(word)
        except ValueError as error:
            problems.append(Problem(str(key), str(error)))
    if problems:
        raise ConfigError(problems)


def _check_goal(word: Any) -> None:
    if str(word).strip() not in _DIRECTIONS:
        _check_bound(word, "maximize, minimize or ", did_you_mean(word, _DIRECTIONS))


def _check_bound(word: Any, others: str = "", hint: str = "") -> None:
    from nas_tuners.tuners._goals import read_bound

    try:
        read_bound(str(word).strip())
    except ValueError:
        if isinstance(word, (int, float)) and not isinstance(word, bool):
            hint = f"; write '<= {word}' if it may not be more"
        rule = f"must be {others}a bound like '<= 5' or '>= 0.5'"
        raise ValueError(f"{rule}, got {word!r}{hint}") from None
