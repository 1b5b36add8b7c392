"""The files of one trial, beside those of the trial protocol.

::

    stdout.txt stderr.txt   what the trial's process printed
    trial.json              how it is, or how it ended; for people and for resuming
    attempt-1/              metrics and output of an attempt that a later one replaced
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.trial_io import (
    METRICS_FILE,
    OUTPUT_DIR,
    Assignment,
    Metric,
    read_metrics,
    write_assignment,
)

from .processes import kill_leftover, start_mark

STDOUT, STDERR, RECORD = "stdout.txt", "stderr.txt", "trial.json"


def trial_folder(trials: Path, number: int) -> Path:
    return trials / f"{number:04d}"


def prepare(folder: Path, assignment: Assignment) -> None:
    """Make a trial's folder, or ready it for another attempt.

    What the trial itself put into ``output/`` stays, so that it can go on from a checkpoint.
    """
    (folder / OUTPUT_DIR).mkdir(parents=True, exist_ok=True)
    old = [folder / name for name in (METRICS_FILE, STDOUT, STDERR, RECORD)]
    old = [file for file in old if file.exists()]
    if old:
        archive = folder / f"attempt-{len(list(folder.glob('attempt-*'))) + 1}"
        archive.mkdir()
        for file in old:
            shutil.move(file, archive / file.name)
    write_assignment(folder, assignment)


def record(folder: Path, **fields: Any) -> None:
    """Add fields to ``trial.json``."""
    write_text(folder / RECORD, json.dumps(read_record(folder) | fields, indent=2) + "\n")


def read_record(folder: Path) -> dict[str, Any]:
    """What ``trial.json`` holds; empty if there is none."""
    try:
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def record_process(folder: Path, pid: int) -> None:
    """Note which process runs the trial."""
    record(folder, state="running", pid=pid, process_started=start_mark(pid))


def kill_process_of(folder: Path) -> None:
    """Make sure that no process of an earlier attempt is alive."""
    known = read_record(folder)
    if known.get("process_started"):
        kill_leftover(int(known["pid"]), str(known["process_started"]))


def reported(folder: Path) -> list[Metric]:
    """The usable reports of an earlier attempt."""
    try:
        return read_metrics(folder).metrics
    except TrialError:
        return []  # the trial put something else into its place


def tail(file: Path, *, lines: int = 5, size: int = 2000) -> str:
    """The end of a text file, for messages."""
    try:
        with file.open("rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - size))
            text = handle.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def last_words(file: Path) -> str:
    """What a program said at its end; of a traceback what follows the frames."""
    lines = tail(file).splitlines()
    frames = [index for index, line in enumerate(lines) if line.startswith("  ")]
    said = lines[frames[-1] + 1 :] if frames else lines
    return "\n".join(said or lines)
