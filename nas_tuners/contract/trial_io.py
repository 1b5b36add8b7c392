"""How a trial receives its architecture and reports back.

The environment variable ``NAS_TUNERS_TRIAL_DIR`` names the trial's folder::

    parameters.json   read by the trial: ids, parameters, and the search space they come from
    metrics.jsonl     appended by the trial, one JSON record a line; a torn line is ignored
    output/           the trial's own files (checkpoints, pictures)

Standard output is never part of the agreement.
"""

from __future__ import annotations

import json
import math
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Union

from .errors import MetricError, SearchSpaceError, TrialError
from .json_files import parse_json, read_text, write_text

TRIAL_DIR = "NAS_TUNERS_TRIAL_DIR"
GEN_SEARCH_SPACE = "NAS_TUNERS_GEN_SEARCH_SPACE"

PARAMETERS_FILE = "parameters.json"
METRICS_FILE = "metrics.jsonl"
OUTPUT_DIR = "output"

MetricValue = Union[float, dict[str, Any]]

_SEQUENCES = 2**31  # what every database can count
_UNUSABLE = (MetricError, LookupError, TypeError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Assignment:
    """What a trial is given: who it is and which architecture it trains."""

    experiment_id: str
    trial_id: str
    number: int
    parameters: dict[str, Any]
    search_space: dict[str, Any] | None = None


@dataclass(frozen=True)
class Metric:
    """One report; ``sequence`` counts those of its kind from 0, ``time`` is in epoch seconds."""

    kind: Literal["intermediate", "final"]
    sequence: int
    value: MetricValue
    time: float = 0.0

    @property
    def default(self) -> float:
        """The number that the search is about."""
        return float(self.value["default"] if isinstance(self.value, dict) else self.value)


@dataclass(frozen=True)
class MetricsRead:
    """What :func:`read_metrics` found: reports, unusable records, and where to read on."""

    metrics: list[Metric]
    problems: list[str]
    offset: int


def write_assignment(trial_dir: Path, assignment: Assignment) -> None:
    """Write ``parameters.json``, whole or not at all."""
    write_text(trial_dir / PARAMETERS_FILE, json.dumps(asdict(assignment), indent=2) + "\n")


def read_assignment(trial_dir: Path) -> Assignment:
    """Read ``parameters.json``.

    Raises:
        TrialError: if it is missing or unusable.
    """
    path = trial_dir / PARAMETERS_FILE
    try:
        content = parse_json(read_text(path), str(path))
        assignment = Assignment(**content)
        if not isinstance(assignment.parameters, dict):
            raise TypeError(f"parameters must be an object, got {assignment.parameters!r}")
    except (SearchSpaceError, TypeError) as error:
        hint = f"{TRIAL_DIR} is set by the runner; unset it to run the script alone"
        message = f"no usable {PARAMETERS_FILE} in {trial_dir}: {error} ({hint})"
        raise TrialError(message) from error
    return assignment


def check_metric(value: object) -> MetricValue:
    """The value as JSON: a finite number, or a dict whose ``default`` is one.

    Numbers of numpy and one-element tensors are numbers too. Other entries of a dict may be any
    JSON; those that are not finite become null.

    Raises:
        MetricError: for anything else, saying what was reported.
    """
    if not isinstance(value, Mapping):
        return _finite(value, "the result")
    if "default" not in value:
        raise MetricError(f"a result that is a dict needs the key 'default', got {list(value)}")
    checked: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise MetricError(f"the keys of a result must be strings, got {key!r}")
        checked[key] = _finite(item, "'default'") if key == "default" else _json(item, key)
    return checked


def append_metric(trial_dir: Path, metric: Metric) -> None:
    """Append one record with a single write.

    Raises:
        TrialError: if the file cannot be written (a full disk, a missing folder).
    """
    path = trial_dir / METRICS_FILE
    record = asdict(metric) | {"time": metric.time or time.time()}
    line = json.dumps(record, allow_nan=False) + "\n"
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _write_all(handle, (_newline_first(handle) + line).encode())
        finally:
            os.close(handle)
    except OSError as error:
        message = f"the result {metric.value!r} cannot be written to {path}: {error}"
        raise TrialError(message) from error


def read_metrics(trial_dir: Path, offset: int = 0) -> MetricsRead:
    """The complete records from a byte offset on; a torn line is skipped or left for later.

    Raises:
        TrialError: if the file is there and cannot be read.
    """
    path = trial_dir / METRICS_FILE
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TrialError(f"the results in {path} cannot be read: it is not a regular file")
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read()
    except FileNotFoundError:
        return MetricsRead([], [], offset)
    except OSError as error:
        raise TrialError(f"the results in {path} cannot be read: {error}") from error
    complete = content[: content.rfind(b"\n") + 1]
    result = MetricsRead([], [], offset + len(complete))
    for line in complete.splitlines():
        _read_record(line, result)
    return result


def _read_record(line: bytes, into: MetricsRead) -> None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return  # torn by a crash in the middle of a write
    try:
        kind = record["kind"]
        if kind not in ("intermediate", "final"):
            raise MetricError(f"'kind' must be 'intermediate' or 'final', got {kind!r}")
        value = check_metric(record["value"])
        sequence = int(record["sequence"])
        if not 0 <= sequence < _SEQUENCES:
            raise MetricError(f"'sequence' must be from 0 to {_SEQUENCES - 1}, got {sequence}")
        metric = Metric(kind, sequence, value, float(record.get("time", 0.0)))
    except _UNUSABLE as error:
        into.problems.append(f"unusable record {line.decode(errors='replace')!r}: {error}")
    else:
        into.metrics.append(metric)


def _finite(value: object, name: str) -> float:
    number = value
    if hasattr(number, "item") and not isinstance(number, (str, bytes)):
        try:
            number = number.item()
        except (ValueError, RuntimeError, TypeError):
            raise MetricError(f"{name} must be one number, got {value!r}") from None
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        kind = type(value).__name__
        raise MetricError(f"{name} must be a number, got {value!r} ({kind})")
    try:
        number = float(number)
    except OverflowError:
        raise MetricError(f"{name} is too large for a float") from None
    if not math.isfinite(number):
        raise MetricError(
            f"{name} is {number}, not a finite number: training diverged or a mean was empty; "
            "report a finite worst value instead if the search should learn from this"
        )
    return number


def _json(value: object, key: str) -> Any:
    if hasattr(value, "item") and getattr(value, "size", None) in (1, ()):
        value = value.item()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): _json(item, key) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item, key) for item in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise MetricError(f"{key!r} of the result is not JSON: {value!r} ({type(value).__name__})")


def _newline_first(handle: int) -> str:
    """A line break if the file ends in a torn line."""
    size = os.lseek(handle, 0, os.SEEK_END)
    if size == 0:
        return ""
    return "" if os.pread(handle, 1, size - 1) == b"\n" else "\n"


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]
