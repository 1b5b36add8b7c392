"""What a search is after: one objective or several, and bounds that must hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union

from nas_tuners.contract.errors import MetricError
from nas_tuners.contract.trial_io import check_metric

Direction = Literal["maximize", "minimize"]
OptimizeMode = Union[Direction, Mapping[str, str]]

_SIGNS = {"maximize": 1.0, "minimize": -1.0}
_BOUNDS = {"<=": 1.0, ">=": -1.0}
_DEFAULT = "default"


@dataclass(frozen=True)
class Measured:
    """One trial's result against the goals.

    Attributes:
        values: One number an objective, as reported.
        scores: The same, higher is better.
        excess: bounded metric -> by how much it is beyond its bound; feasible at 0 and below.
    """

    values: tuple[float, ...]
    scores: tuple[float, ...]
    excess: Mapping[str, float]


@dataclass(frozen=True)
class Goals:
    """Parsed ``optimize_mode``.

    Attributes:
        objectives: (metric, sign); the sign turns the metric into a score.
        bounds: (metric, sign, bound); feasible where ``sign * (metric - bound) <= 0``.
    """

    objectives: tuple[tuple[str, float], ...]
    bounds: tuple[tuple[str, float, float], ...] = ()

    @property
    def signs(self) -> tuple[float, ...]:
        """Of the objectives."""
        return tuple(sign for _, sign in self.objectives)

    def opposes(self, direction: Direction) -> bool:
        """Whether ``default`` is an objective with the other direction."""
        return (_DEFAULT, -_SIGNS[direction]) in self.objectives

    @classmethod
    def of(cls, optimize_mode: OptimizeMode) -> Goals:
        """Read ``"maximize"``, or ``{"default": "maximize", "latency": "<= 5"}``.

        Raises:
            ValueError: naming what cannot be read.
        """
        if isinstance(optimize_mode, str) and optimize_mode in _SIGNS:
            return cls(((_DEFAULT, _SIGNS[optimize_mode]),))
        if not isinstance(optimize_mode, Mapping):
            raise ValueError(
                "`optimize_mode` must be 'maximize' or 'minimize', or a dict that gives each "
                "metric one of these or a bound such as '<= 5', "
                f"but got (optimize_mode={optimize_mode!r})."
            )
        return cls._from_mapping(optimize_mode)

    @classmethod
    def _from_mapping(cls, goals: Mapping[str, str]) -> Goals:
        words = {metric: str(goal).strip() for metric, goal in goals.items()}
        objectives = tuple((m, _SIGNS[word]) for m, word in words.items() if word in _SIGNS)
        bounds, problems = [], []
        for metric, word in words.items():
            if word not in _SIGNS:
                try:
                    bounds.append((metric, *read_bound(word)))
                except ValueError:
                    problems.append(
                        f"`optimize_mode[{metric!r}]` must be 'maximize', 'minimize' or a bound "
                        f"such as '<= 5' or '>= 0.9', but got {word!r}."
                    )
        if not objectives:
            problems.append(
                "`optimize_mode` must have at least one metric to 'maximize' or 'minimize', "
                f"but got (optimize_mode={dict(goals)!r})."
            )
        if problems:
            raise ValueError(" ".join(problems))
        return cls(objectives, tuple(bounds))

    def measure(
        self, value: Any, excess: Mapping[str, float] | None = None, *, pruned: bool = False
    ) -> Measured:
        """Hold a reported value against the goals.

        Args:
            value: A number (of the first objective), a list or array with one number an objective,
                or a dict of metrics.
            excess: Of constraints that were measured elsewhere; NaN is beyond all bounds.
            pruned: Whether the trial was stopped early: what is bounded may be unknown then.

        Raises:
            MetricError: if a metric is missing or is not a finite number.
        """
        metrics = self._metrics(value)
        values = tuple(_number(metrics, metric) for metric, _ in self.objectives)
        scores = tuple(
            sign * v + 0.0 for v, (_, sign) in zip(values, self.objectives, strict=True)
        )
        known = {m: math.inf if math.isnan(x) else x for m, x in (excess or {}).items()}
        for metric, sign, bound in self.bounds:
            if metric in metrics or not (pruned or math.isfinite(known.get(metric, math.inf))):
                known[metric] = sign * (_number(metrics, metric) - bound)
        return Measured(values, scores, known)

    def named(self, value: Any) -> dict[str, Any]:
        """The metrics of a result; a number alone, or ``default``, is the first objective."""
        metrics = dict(value) if isinstance(value, Mapping) else {_DEFAULT: value}
        first = self.objectives[0][0]
        if _DEFAULT in metrics:
            metrics.setdefault(first, metrics[_DEFAULT])
        elif first in metrics:
            metrics[_DEFAULT] = metrics[first]
        return metrics

    def values(self, value: Any) -> list[float] | None:
        """One number an objective; None if one is missing or is no number."""
        metrics = self.named(value)
        try:
            return [_number(metrics, metric) for metric, _ in self.objectives]
        except MetricError:
            return None

    def beyond(self, value: Any) -> dict[str, float]:
        """Bounded metric -> by how much it is beyond its bound; infinite where it is no number."""
        metrics = self.named(value)
        beyond = {}
        for metric, sign, bound in self.bounds:
            try:
                beyond[metric] = sign * (_number(metrics, metric) - bound)
            except MetricError:
                beyond[metric] = math.inf
        return beyond

    def _metrics(self, value: Any) -> Mapping[str, Any]:
        names = [metric for metric, _ in self.objectives]
        if getattr(value, "ndim", 0) == 1:  # an array, or a tensor
            value = value.tolist()
        if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) != len(names):
                raise MetricError(f"{len(names)} numbers are expected ({names}), got {value!r}")
            return {n: check_metric(v) for n, v in zip(names, value, strict=True)}
        if isinstance(value, Mapping):
            metrics = self.named(value)
            return metrics if _DEFAULT not in metrics else check_metric(metrics)  # type: ignore[return-value]
        return {names[0]: check_metric(value)}


def read_bound(text: str) -> tuple[float, float]:
    """Sign and bound of a text such as ``"<= 5"``; feasible where ``sign * (x - bound) <= 0``.

    Raises:
        ValueError: if it is none.
    """
    sign = _BOUNDS.get(text[:2])
    try:
        bound = float(text[2:])
    except ValueError:
        bound = math.nan
    if sign is None or not math.isfinite(bound):
        raise ValueError(f"must be a bound such as '<= 5' or '>= 0.9', but got {text!r}")
    return sign, bound


def _number(metrics: Mapping[str, Any], metric: str) -> float:
    if metric not in metrics:
        raise MetricError(f"the result lacks the metric {metric!r}; it has {list(metrics)}")
    number = check_metric(metrics[metric])
    if isinstance(number, dict):
        raise MetricError(f"the metric {metric!r} must be a number, got {number!r}")
    return float(number)
