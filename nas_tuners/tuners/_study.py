"""A search space in an Optuna study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners.contract.flat_encoding import Category, FlatEncoding, FlatParameter, Integer
from nas_tuners.contract.search_space import SearchSpace, check_same_space
from nas_tuners.contract.study_attributes import ENCODING_ATTR, SEARCH_SPACE_ATTR

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution


def distributions(encoding: FlatEncoding) -> dict[str, BaseDistribution]:
    """The flat parameters as Optuna's distributions."""
    return {name: _distribution(parameter) for name, parameter in encoding.parameters.items()}


def attach_space(study: Study, space: SearchSpace, encoding: str = "auto") -> FlatEncoding:
    """Record the space in a study that has none; check it against the one it has.

    A study keeps the encoding it was started with, whichever is asked for.

    Raises:
        SpaceMismatchError: if the study was started with another space, key by key.
    """
    attributes = study.user_attrs
    if SEARCH_SPACE_ATTR not in attributes:
        made = FlatEncoding(space, encoding)
        study.set_user_attr(SEARCH_SPACE_ATTR, space.to_dict())
        study.set_user_attr(ENCODING_ATTR, encoding)
        return made
    known = SearchSpace(attributes[SEARCH_SPACE_ATTR], source=f"study {study.study_name!r}")
    check_same_space(
        space, known, ours_is="this search space", theirs_is=f"study {study.study_name!r}"
    )
    # Its own space: keys in another order would be other vectors to everybody else.
    known = known.with_constraints(space.constraints)
    return FlatEncoding(known, attributes.get(ENCODING_ATTR, encoding))


def _distribution(parameter: FlatParameter) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(parameter, Category):
        return CategoricalDistribution(parameter.choices)
    if isinstance(parameter, Integer):
        return IntDistribution(parameter.low, parameter.high)
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
