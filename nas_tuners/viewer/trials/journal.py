"""Optuna's journal file, only read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend


class ReadJournal(BaseJournalBackend):
    """Reads a journal from where the last reading ended; what is torn is left for later.

    Args:
        file: The journal, which is there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset, self._number = 0, 0

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        if log_number_from < self._number:
            self._offset, self._number = 0, 0
        with self._file.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # its writer is at it, or has died
                self._offset += len(line)
                self._number += 1
                if self._number <= log_number_from:
                    continue
                yield _record(line)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        raise AssertionError("the viewer does not write")


def _record(line: bytes) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line)
    return record
