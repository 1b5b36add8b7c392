"""``events.jsonl``: one event a line, only ever appended to."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from .events import ExperimentEvent

EVENTS_FILE = "events.jsonl"

_logger = logging.getLogger(__name__)


class EventFile:
    """Writes events to a file, with one write each.

    A line that cannot be written is lost, the run is not; the first such loss is logged. The
    system decides when lines reach the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lost = False

    def write(self, event: ExperimentEvent) -> None:
        try:
            _append(self._path, json.dumps(event.record(), allow_nan=False, default=str) + "\n")
        except (OSError, TypeError, ValueError) as error:
            if not self._lost:
                _logger.warning("Events are missing in %s: %s", self._path, error)
            self._lost = True


def read_events(path: str | Path) -> list[dict[str, Any]]:
    """The usable records of a file, in order; torn lines are skipped, as is one half written.

    Raises:
        OSError: if the file is there and cannot be read, or is a link.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return []
    with open(handle, "rb") as file:
        lines = [line for line in file if line.endswith(b"\n")]
    records = [_record(line) for line in lines]
    return [record for record in records if record is not None]


def _append(path: Path, line: str) -> None:
    """With one write; a line break comes first where a crash or a full disk tore the last line."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (b"\n" if torn else b"") + line.encode())
    finally:
        os.close(handle)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and "event" in record else None
