"""One trial in full."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR
from nas_tuners.experiment.records import REASON_ATTR, RESULT_ATTR, SECONDS_ATTR

from .reader import WholeTrial, thinned
from .rows import finite, row_of
from .space import Decoder

_SHOWN_ELSEWHERE = {ARCHITECTURE_ATTR, REASON_ATTR, SECONDS_ATTR}
_LENGTH = 2000  # characters of one attribute
_COUNT = 200  # attributes
_POINTS = 2000  # of the curve of intermediate values


def details_of(whole: WholeTrial, decoder: Decoder, objectives: Sequence[str]) -> dict[str, Any]:
    """The JSON object of one trial, without its logs.

    Args:
        whole: The trial.
        decoder: Reads what it decides.
        objectives: The names of the objectives.
    """
    trial = whole.trial
    row = row_of(trial, objectives, ())
    reason = trial.attributes.get(REASON_ATTR)
    return {
        "number": row.number,
        "state": row.state,
        "values": dict(row.metrics),
        "architecture": plain(decoder.architecture(trial)),
        "parameters": plain(decoder.parameters(trial)),
        "intermediate": [[step, finite(x)] for step, x in thinned(whole.intermediate, _POINTS)],
        "start": row.start,
        "seconds": row.seconds,
        "reason": None if reason is None else str(reason),
        "feasible": row.feasible,
        "excess": {name: finite(x) for name, x in trial.excess.items()},
        "attributes": shown_attributes(trial.attributes),
    }


def shown_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What people want to see of them: nothing twice, and nothing endless."""
    shown = [key for key in attributes if key not in _SHOWN_ELSEWHERE]
    names = [key for key in shown if key != RESULT_ATTR or isinstance(attributes[key], Mapping)]
    return {key: _bounded(attributes[key]) for key in names[:_COUNT]}


def plain(value: Any) -> Any:
    """The same without what JSON cannot hold: NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return finite(value)
    return value if value is None or isinstance(value, (str, int)) else str(value)


def _bounded(value: Any) -> Any:
    text = json.dumps(plain(value), ensure_ascii=False)
    return plain(value) if len(text) <= _LENGTH else f"{text[:_LENGTH]}…"
