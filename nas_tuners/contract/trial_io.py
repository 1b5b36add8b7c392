"""How a trial receives its architecture and reports back.

The environment variable ``NAS_TUNERS_TRIAL_DIR`` names the trial's folder, and
``NAS_TUNERS_OUTPUT_DIR`` the one in it for the trial's own files::

    parameters.json   read by the trial: ids, parameters, and the search space they come from
    metrics.jsonl     appended by the trial, one JSON record a line; a torn line is ignored
    output/           the trial's own files (checkpoints, pictures)

Standard output is never part of the agreement.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, Union

from .errors import MetricError, SearchSpaceError, TrialError
from .json_files import parse_json, read_text, replace_text

TRIAL_DIR = "NAS_TUNERS_TRIAL_DIR"
OUTPUT_VARIABLE = "NAS_TUNERS_OUTPUT_DIR"
GEN_SEARCH_SPACE = "NAS_TUNERS_GEN_SEARCH_SPACE"

TRIAL_BUDGET = "TRIAL_BUDGET"  # a parameter that is none of the search space's

PARAMETERS_FILE = "parameters.json"
METRICS_FILE = "metrics.jsonl"
OUTPUT_DIR = "output"

MetricValue = Union[float, dict[str, Any]]

MAX_RECORD = 1_000_000  # bytes of one record

_SEQUENCES = 2**31  # what every database can count
_AT_ONCE = 4 * MAX_RECORD  # bytes that one call reads of complete records
_RECORDS_AT_ONCE = 500  # of one call: each may become a write to a database
_SHOWN = 200  # bytes of an unusable record in its message
_UNUSABLE = (MetricError, LookupError, TypeError, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class Assignment:
    """What a trial is given: who it is and which architecture it trains.

    ``metric`` names the number of its results that the search is about.
    """

    experiment_id: str
    trial_id: str
    number: int
    parameters: dict[str, Any]
    search_space: dict[str, Any] | None = None
    metric: str = "default"


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
        return self.number()

    def number(self, metric: str = "default") -> float:
        """The number under a name; the one under ``default`` if there is none."""
        if not isinstance(self.value, dict):
            return float(self.value)
        return float(self.value[metric if metric in self.value else "default"])


@dataclass(frozen=True)
class MetricsRead:
    """What :func:`read_metrics` found.

    Attributes:
        metrics: The reports.
        problems: What is wrong with each unusable record.
        offset: Where to read on.
        more: Whether there is more to be read at once.
    """

    metrics: list[Metric]
    problems: list[str]
    offset: int
    more: bool = False


def write_assignment(trial_dir: Path, assignment: Assignment) -> None:
    """Write ``parameters.json``, whole or not at all, in the place of whatever stands there."""
    text = json.dumps(asdict(assignment), indent=2) + "\n"
    replace_text(trial_dir / PARAMETERS_FILE, text, durable=False)  # each attempt writes it anew


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


def check_metric(value: object, metric: str = "default") -> MetricValue:
    """The value as JSON: a finite number, or a dict with one under ``metric`` or ``default``.

    Numbers of numpy and one-element tensors are numbers too. Other entries of a dict may be any
    JSON; those that are not finite become null. A dict without ``default`` gets it from
    ``metric``.

    Raises:
        MetricError: for anything else, saying what was reported.
    """
    if not isinstance(value, Mapping):
        return _finite(value, "the result")
    names = {metric, "default"}
    if names.isdisjoint(value):
        needed = "the key 'default'" if metric == "default" else f"the key {metric!r} or 'default'"
        raise MetricError(
            f"a result that is a dict needs {needed}, got {list(value)}; optimize_mode can name "
            "another key"
        )
    checked: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise MetricError(f"the keys of a result must be strings, got {key!r}")
        checked[key] = _finite(item, repr(key)) if key in names else _json(item, key)
    return checked if "default" in checked else {"default": checked[metric], **checked}


def append_metric(trial_dir: Path, metric: Metric) -> None:
    """Append one record with a single write.

    Raises:
        MetricError: if it is too large.
        TrialError: if the file cannot be written (a full disk, a missing folder).
    """
    path = trial_dir / METRICS_FILE
    record = asdict(metric) | {"time": metric.time or time.time()}
    line = (json.dumps(record, allow_nan=False) + "\n").encode()
    if len(line) > MAX_RECORD:
        raise MetricError(
            f"the result is {len(line)} bytes of JSON, but at most {MAX_RECORD} are taken; write "
            "what is large to a file in the output folder and report the file's name"
        )
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _write_all(handle, _newline_first(handle) + line)
        finally:
            os.close(handle)
    except OSError as error:
        message = f"the result {metric.value!r} cannot be written to {path}: {error}"
        raise TrialError(message) from error


def read_metrics(trial_dir: Path, offset: int = 0, metric: str = "default") -> MetricsRead:
    """The complete records from a byte offset on; a torn line is skipped or left for later.

    One call reads some megabytes at most; a record that is too large is not even held.

    Args:
        trial_dir: The trial's folder.
        offset: Where an earlier call ended.
        metric: The name of the number that the search is about.

    Raises:
        TrialError: if the file is there and cannot be read. A symbolic link is not followed.
    """
    path = trial_dir / METRICS_FILE
    try:
        with open_regular(path) as file:
            return _read_from(file, offset, metric)
    except FileNotFoundError:
        return MetricsRead([], [], offset)
    except OSError as error:
        raise TrialError(f"the results in {path} cannot be read: {error}") from error


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read that others write: no link is followed, and no pipe waited for.

    Raises:
        OSError: if it is anything but a regular file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError("it is a symbolic link, which is not followed") from None
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError("it is not a regular file")
    return os.fdopen(handle, "rb")


def _read_from(file: IO[bytes], offset: int, metric: str) -> MetricsRead:
    inside = offset > 0 and os.pread(file.fileno(), 1, offset - 1) != b"\n"
    file.seek(offset)
    content = file.read(_AT_ONCE)
    more = len(content) == _AT_ONCE
    if inside:  # of a record that was too large when the last call ended
        skipped = content.find(b"\n") + 1 or len(content)
        return MetricsRead([], [], offset + skipped, more=skipped < len(content) or more)
    complete = content.rfind(b"\n") + 1
    if len(content) - complete > MAX_RECORD and complete == 0:
        return MetricsRead([], [_too_large(content)], offset + len(content), more)
    lines = content[:complete].splitlines(keepends=True)
    taken = lines[:_RECORDS_AT_ONCE]
    more = more or len(taken) < len(lines)
    result = MetricsRead([], [], offset + sum(map(len, taken)), more)
    for line in taken:
        _read_record(line, into=result, metric=metric)
    return result


def _too_large(line: bytes) -> str:
    return f"unusable record {_shown(line)}: it has more than {MAX_RECORD} bytes"


def _shown(line: bytes) -> str:
    shown = repr(line[:_SHOWN].decode(errors="replace"))
    return shown if len(line) <= _SHOWN else f"{shown}..."


def _read_record(line: bytes, *, into: MetricsRead, metric: str) -> None:
    if len(line) > MAX_RECORD:
        into.problems.append(_too_large(line))
        return
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return  # torn by a crash in the middle of a write
    try:
        kind = record["kind"]
        if kind not in ("intermediate", "final"):
            raise MetricError(f"'kind' must be 'intermediate' or 'final', got {kind!r}")
        value = check_metric(record["value"], metric)
        sequence = int(record["sequence"])
        if not 0 <= sequence < _SEQUENCES:
            raise MetricError(f"'sequence' must be from 0 to {_SEQUENCES - 1}, got {sequence}")
        report = Metric(kind, sequence, value, float(record.get("time", 0.0)))
    except _UNUSABLE as error:
        into.problems.append(f"unusable record {_shown(line)}: {error}")
    else:
        into.metrics.append(report)


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


def _newline_first(handle: int) -> bytes:
    """A line break if the file ends in a torn line."""
    size = os.lseek(handle, 0, os.SEEK_END)
    if size == 0:
        return b""
    return b"" if os.pread(handle, 1, size - 1) == b"\n" else b"\n"


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]
