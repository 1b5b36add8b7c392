"""Ordinary Optuna parameters as a search space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nas_tuners.contract.domains import Entry
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import LayerChoice, Spec, real_number, whole_number


@final
class OrdinaryEncoding:
    """The way between index vectors and the parameters of any objective.

    Args:
        distributions: The parameters' names and distributions.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions = dict(distributions)
        self.space = SearchSpace.from_specs(
            {name: _spec(distribution) for name, distribution in distributions.items()}
        )

    def encode(self, vector: IndexVector) -> dict[str, Any]:
        """The parameters of a vector, as plain Python values."""
        return {
            name: _value(distribution, entry)
            for (name, distribution), entry in zip(
                self._distributions.items(), vector, strict=True
            )
            if entry is not None
        }

    def decode(self, values: Mapping[str, Any]) -> IndexVector:
        """The vector of the parameters.

        Raises:
            KeyError: if one is missing.
            ValueError: if one is out of range.
        """
        return tuple(
            _entry(distribution, values[name])
            for name, distribution in self._distributions.items()
        )


def _spec(distribution: BaseDistribution) -> Spec:
    if isinstance(distribution, CategoricalDistribution):
        return LayerChoice(tuple(str(choice) for choice in distribution.choices))
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    step = _step(distribution)
    if step is None:
        return real_number(distribution.low, distribution.high, log=distribution.log)
    if distribution.log:
        return real_number(distribution.low, distribution.high, log=True, q=1)
    return whole_number(0, round((distribution.high - distribution.low) / step))


def _value(distribution: BaseDistribution, entry: Entry) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(entry)]
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    step = _step(distribution)
    if step is None:
        return float(entry)
    if distribution.log:
        return int(distribution.low + entry)  # a grid of whole numbers starts at its low end
    number = min(distribution.low + entry * step, distribution.high)
    return int(number) if isinstance(distribution, IntDistribution) else float(number)


def _entry(distribution: BaseDistribution, value: Any) -> Entry:
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if not distribution.low <= value <= distribution.high:
        raise ValueError(f"{value!r} is not in [{distribution.low}, {distribution.high}]")
    step = _step(distribution)
    if step is None:
        return float(value)
    place: int = round((value - distribution.low) / step)
    return place


def _step(distribution: FloatDistribution | IntDistribution) -> float | None:
    return distribution.step
