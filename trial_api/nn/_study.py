"""The next architecture from a trial of an Optuna study."""

from __future__ import annotations

from typing import Any, Protocol

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.flat_encoding import Category, FlatEncoding, FlatParameter, Integer
from nas_tuners.contract.search_space import IndexVector, SearchSpace, check_same_space
from nas_tuners.contract.study_attributes import (
    ARCHITECTURE_ATTR,
    ENCODING_ATTR,
    SEARCH_SPACE_ATTR,
)

from ._space import part_for_model


class StudyTrial(Protocol):
    """What is used of an ``optuna.Trial``, ``FixedTrial`` or ``FrozenTrial``."""

    @property
    def user_attrs(self) -> dict[str, Any]: ...

    def set_user_attr(self, key: str, value: Any) -> None: ...

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = ...) -> float: ...

    def suggest_int(self, name: str, low: int, high: int) -> int: ...


def suggest_architecture(space: SearchSpace, trial: StudyTrial) -> IndexVector:
    """Suggest every decision as ordinary parameters, and note the architecture in the trial.

    Raises:
        SpaceMismatchError: if the study searches another space; nothing is suggested then.
        TrialPruned: if the architecture breaks a constraint, which only samplers of Optuna's own
            do not know of.
    """
    encoding = FlatEncoding(space, _join_study(space, getattr(trial, "study", None)))
    values = {
        name: _suggest(trial, name, parameter) for name, parameter in encoding.parameters.items()
    }
    vector = encoding.decode(values)
    # A joint search may have noted the values of other keys already.
    noted = trial.user_attrs.get(ARCHITECTURE_ATTR, {})
    trial.set_user_attr(ARCHITECTURE_ATTR, {**noted, **to_architecture(space, vector)})
    broken = space.broken_constraint(vector)
    if broken is not None:
        from optuna import TrialPruned

        raise TrialPruned(f"this architecture breaks the constraint {broken.name!r}")
    return vector


def _join_study(space: SearchSpace, study: Any) -> str:
    """Check the space against the study's, or leave it there; returns the study's encoding."""
    if study is None:
        return "auto"
    attributes = study.user_attrs
    if SEARCH_SPACE_ATTR in attributes:
        known = SearchSpace(attributes[SEARCH_SPACE_ATTR], source="the study's search space")
        check_same_space(
            space,
            part_for_model(known, space),
            ours_is="the model",
            theirs_is=f"the study {study.study_name!r}",
        )
    else:
        study.set_user_attr(SEARCH_SPACE_ATTR, space.to_dict())
    if ENCODING_ATTR not in attributes:
        study.set_user_attr(ENCODING_ATTR, "auto")
    return str(attributes.get(ENCODING_ATTR, "auto"))


def _suggest(trial: StudyTrial, name: str, parameter: FlatParameter) -> Any:
    if isinstance(parameter, Category):
        return trial.suggest_categorical(name, parameter.choices)
    if isinstance(parameter, Integer):
        return trial.suggest_int(name, parameter.low, parameter.high)
    return trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)
