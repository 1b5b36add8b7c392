"""The best architectures of a search, to be measured again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any, Literal, Union

from .contract.architecture import to_parameters
from .contract.errors import ArchitectureError, ExperimentError, MetricError
from .contract.flat_encoding import FlatEncoding
from .contract.search_space import SearchSpace
from .contract.study_attributes import ENCODING_ATTR, SEARCH_SPACE_ATTR, excess_of
from .contract.trial_io import check_metric
from .tuners._records import field_of, from_text

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

Direction = Literal["maximize", "minimize"]
Outcome = Union[float, str]
"""What a run gave: its value, or why there is none."""

_Parameters = dict[str, Any]

_EXPECTED = '`results` must be a study, or records {"parameter": {...}, "value": number}'


@dataclass(frozen=True)
class Candidate:
    """An architecture to be measured again; ``search_value`` is the mean of what it had."""

    parameters: dict[str, Any]
    search_value: float


def candidates_of(
    results: Study | Iterable[Mapping[str, Any]],
    top_k: int,
    *,
    optimize_mode: Direction | None = None,
) -> list[Candidate]:
    """The best different architectures of a search, the best first.

    Args:
        results: A study, or records ``{"parameter": {...}, "value": number}``, in which both may
            be JSON text, as NNI exports them. What occurs more than once counts with the mean of
            its values. Trials beyond a constraint do not count.
        top_k: How many.
        optimize_mode: Of records, ``"maximize"`` if None; a study has its own.

    Raises:
        ValueError: for wrong arguments, or a study of several objectives.
        ExperimentError: if there is no result to choose from.
    """
    if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
        raise ValueError(f"`top_k` must be a whole number of at least 1, but got {top_k!r}.")
    direction = direction_of(results, optimize_mode)
    measured: dict[str, tuple[_Parameters, list[float]]] = {}
    for parameters, value in _measurements(results):
        key = json.dumps(parameters, sort_keys=True, default=str)
        measured.setdefault(key, (parameters, []))[1].append(value)
    if not measured:
        raise ExperimentError("no result to choose from: no trial has succeeded")
    # This mean is exact, and is a float even where the sum would be none.
    found = [Candidate(parameters, mean(values)) for parameters, values in measured.values()]
    found.sort(key=lambda c: c.search_value, reverse=direction == "maximize")
    return found[:top_k]


def direction_of(results: Any, optimize_mode: Direction | None) -> Direction:
    """Whether high or low values are better.

    Raises:
        ValueError: if that cannot be said, or is not what the study says.
    """
    if optimize_mode not in (None, "maximize", "minimize"):
        raise ValueError(
            f"`optimize_mode` must be 'maximize' or 'minimize', but got {optimize_mode!r}."
        )
    if not hasattr(results, "directions"):
        return optimize_mode or "maximize"
    if len(results.directions) > 1:
        raise ValueError("`results` must have one objective, but the study has several.")
    own: Direction = "maximize" if results.direction.name == "MAXIMIZE" else "minimize"
    if optimize_mode not in (None, own):
        raise ValueError(f"`optimize_mode` is {optimize_mode!r}, but the study's is {own!r}.")
    return own


def value_or_reason(value: object) -> Outcome:
    """A reported value as a number, or why it is none."""
    try:
        checked = check_metric(value)
    except MetricError as error:
        return str(error)
    return float(checked["default"] if isinstance(checked, dict) else checked)


def _measurements(results: Any) -> list[tuple[_Parameters, float]]:
    if hasattr(results, "directions"):
        return list(_successes(results))
    if not isinstance(results, Iterable) or isinstance(results, (str, Mapping)):
        raise ValueError(f"{_EXPECTED}, but got {results!r}.")
    outcomes = [_outcome_of(index, record) for index, record in enumerate(results)]
    found = [(parameters, value) for parameters, value in outcomes if isinstance(value, float)]
    if outcomes and not found:
        raise ExperimentError(
            "no result to choose from: no record has a usable value; "
            f"that of record 0: {outcomes[0][1]}"
        )
    return found


def _outcome_of(index: int, record: Any) -> tuple[_Parameters, Outcome]:
    try:
        parameters, value = (from_text(field_of(record, f)) for f in ("parameter", "value"))
    except ArchitectureError as error:
        raise ValueError(f"{_EXPECTED}, but record {index} is {record!r}.") from error
    if not isinstance(parameters, Mapping):
        raise ValueError(f"{_EXPECTED}, but record {index} is {record!r}.")
    return dict(parameters), value_or_reason(value)


def _successes(study: Study) -> Iterator[tuple[_Parameters, float]]:
    read = _reader(study)
    for trial in study.trials:
        beyond = any(excess > 0 for excess in excess_of(trial).values())
        if trial.state.name == "COMPLETE" and not beyond:
            assert trial.value is not None, "a complete trial has a value"
            yield read(trial), trial.value


def _reader(study: Study) -> Callable[[FrozenTrial], _Parameters]:
    """How a study's trials are read: as parameters of its search space, if it has one."""
    content = study.user_attrs.get(SEARCH_SPACE_ATTR)
    if content is None:
        return lambda trial: dict(trial.params)
    space = SearchSpace(content)
    encoding = FlatEncoding(space, study.user_attrs.get(ENCODING_ATTR, "auto"))

    def read(trial: FrozenTrial) -> _Parameters:
        try:
            architecture = to_parameters(space, encoding.decode(trial.params))
        except (KeyError, ValueError):  # tried by others, who know no such space
            return dict(trial.params)
        others = {k: v for k, v in trial.params.items() if k not in encoding.parameters}
        return architecture | others

    return read
