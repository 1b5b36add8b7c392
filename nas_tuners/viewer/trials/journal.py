"""Optuna's journal file, only read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from .reader import Replaced

_STUDIES = re.compile(rb'"op_code":\s*[01]\s*[,}]')  # one is made, one is deleted


class ReadJournal(BaseJournalBackend):
    """Reads a journal from where the last reading ended; what is torn is left for later.

    Reading raises :class:`Replaced` where another file has taken its place.

    Args:
        file: The journal, which is there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset, self._number = 0, 0
        self._inode: int | None = None

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        if log_number_from < self._number:
            self._offset, self._number = 0, 0
        with self._file.open("rb") as file:
            found = os.fstat(file.fileno())
            if self._inode not in (None, found.st_ino) or found.st_size < self._offset:
                raise Replaced("the study was written anew; ask again")
            self._inode = found.st_ino
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


def studies_in_journal(file: Path) -> list[str]:
    """The names of the studies, the oldest first, without reading all that is told of trials."""
    names: dict[int, str] = {}
    made = 0
    with file.open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n") or not _STUDIES.search(line):
                continue
            record = _record(line)
            if record["op_code"] == 0 and record["study_name"] not in names.values():
                names[made] = record["study_name"]
                made += 1
            elif record["op_code"] == 1:
                names.pop(record["study_id"], None)
    return list(names.values())


def _record(line: bytes) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(line)
    return record
