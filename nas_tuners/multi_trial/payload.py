"""The file by which model space and evaluator travel to the trials of an experiment.

What can be imported travels by its name. Classes and functions of a script or a notebook, which
no other process could import, travel by value, with cloudpickle.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import logging
import pickle
import pickletools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

from nas_tuners.contract.errors import ConfigError, ExperimentError, NasTunersError, Problem
from nas_tuners.contract.json_files import replace_bytes
from trial_api.nn.blueprint import Blueprint

from .evaluator import Evaluator
from .source import Source, taken_apart

_logger = logging.getLogger(__name__)

FILE = "payload.pkl"
"""Its name in the experiment's folder."""

_MANY = 100_000_000  # bytes
_ADVICE = (
    "trials run in processes of their own: make it in the constructor or the function itself, or "
    "give what it is made from"
)


@dataclass(frozen=True)
class Payload:
    """What a trial needs beside its parameters.

    Attributes:
        source: Makes the model space.
        blueprint: How to build of it.
        evaluator: Trains and judges.
    """

    source: Source
    blueprint: Blueprint
    evaluator: Evaluator


def dump(payload: Payload) -> bytes:
    """A payload as the content of its file.

    Raises:
        ConfigError: naming each argument, class or function that cannot travel.
    """
    space = payload.blueprint.space.with_constraints(())  # who proposes keeps to them
    blueprint = replace(payload.blueprint, space=space)
    try:
        data = _pickled(replace(payload, blueprint=blueprint))
    except Exception as error:
        raise ConfigError(list(_culprits(payload)) or [Problem("", str(error))]) from error
    if len(data) > _MANY:
        _logger.warning(
            "model space and evaluator are %d MB, which every trial reads: load data where it is "
            "used, in the evaluator's function",
            len(data) // 1_000_000,
        )
    return data


def save(folder: Path, data: bytes) -> None:
    """Replace the payload in an experiment's folder, whole or not at all."""
    replace_bytes(folder / FILE, data)


def load(folder: Path) -> Payload:
    """The payload in an experiment's folder: of one's own only, as it may hold any program.

    Raises:
        ExperimentError: if there is none, or what it names cannot be imported any more.
    """
    try:
        payload = pickle.loads((folder / FILE).read_bytes())
    except FileNotFoundError:
        raise ExperimentError(
            f"{folder} has no {FILE}: this experiment was not started from Python, and its trials "
            "make their models themselves"
        ) from None
    except Exception as error:
        advice = _need_cloudpickle() if getattr(error, "name", "") == "cloudpickle" else _MOVED
        raise ExperimentError(
            f"{folder / FILE} cannot be read: {type(error).__name__}: {error}; {advice}"
        ) from error
    assert isinstance(payload, Payload)
    return payload


_MOVED = (
    "what was importable when the experiment began must be so now, from the same folder; or give "
    "model_space and evaluator to Experiment.load anew"
)


def modules_of(data: bytes) -> list[str]:
    """The modules that a pickle names and that are no part of Python."""
    texts = {argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)}
    words = {word for text in texts for word in text.split(" ")}  # old opcodes: "module name"
    return sorted(word for word in words if _is_foreign_module(word))


def _is_foreign_module(word: str) -> bool:
    return (
        word in sys.modules
        and word not in ("__main__", "__mp_main__")
        and word.partition(".")[0] not in sys.stdlib_module_names
    )


def _pickled(value: object) -> bytes:
    if importlib.util.find_spec("cloudpickle") is None:
        buffer = io.BytesIO()
        _ByName(buffer, protocol=pickle.DEFAULT_PROTOCOL).dump(value)
        return buffer.getvalue()
    cloudpickle = importlib.import_module("cloudpickle")
    data: bytes = cloudpickle.dumps(value, protocol=pickle.DEFAULT_PROTOCOL)
    return data


class _ByName(pickle.Pickler):
    """Refuses what no other process could import."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, (type, FunctionType)) and value.__module__ == "__main__":
            raise pickle.PicklingError(
                f"{value.__qualname__} is of a script or a notebook; {_need_cloudpickle()}"
            )
        return NotImplemented


def _need_cloudpickle() -> str:
    return "pip install 'nas-tuners[notebook]', or put it into a module"


def _culprits(payload: Payload) -> Iterator[Problem]:
    """Each part that cannot travel."""
    for where, part in _parts(payload):
        try:
            _pickled(part)
        except Exception as error:
            cause = str(error) if isinstance(error, NasTunersError) else _cause(error)
            yield Problem(where, f"cannot be sent to trials: {cause}; {_ADVICE}")


def _cause(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _parts(payload: Payload) -> Iterator[tuple[str, Any]]:
    source, evaluator = payload.source, payload.evaluator
    make, arguments = taken_apart(source)
    yield source.name, make
    for name, value in arguments.items():
        yield f"argument {name!r} of {source.name}", value
    for constraint in source.constraints:
        yield f"the constraint {constraint.name!r} of {source.name}", constraint
    for name, value in evaluator.arguments.items():
        yield f"argument {name!r} of the evaluator {evaluator.name}", value
    yield f"the evaluator {evaluator.name}", {**vars(evaluator), "arguments": {}}
    yield type(evaluator).__name__, type(evaluator)
