"""The files of one trial, beside those of the trial protocol.

::

    stdout.txt stderr.txt   what the trial's process printed
    trial.json              how it is, or how it ended; for people and for resuming
    attempt-1/              metrics and output of an attempt that a later one replaced
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import ExperimentError, TrialError
from nas_tuners.contract.json_files import replace_text
from nas_tuners.contract.trial_io import (
    MAX_RECORD,
    METRICS_FILE,
    OUTPUT_DIR,
    Assignment,
    Metric,
    open_regular,
    read_metrics,
    write_assignment,
)

from .local.processes import kill_leftover, start_mark

STDOUT, STDERR, RECORD = "stdout.txt", "stderr.txt", "trial.json"

_MAX_RECORD = 4 * MAX_RECORD  # bytes: it holds one result, indented


def trial_folder(trials: Path, number: int) -> Path:
    return trials / f"{number:04d}"


def prepare(folder: Path, assignment: Assignment) -> None:
    """Make a trial's folder, or ready it for another attempt.

    What the trial itself put into ``output/`` stays, so that it can go on from a checkpoint.

    Raises:
        ExperimentError: if the folder is a symbolic link.
    """
    if folder.is_symlink():
        raise ExperimentError(
            f"the trial's folder {folder} is a symbolic link, which is not followed; remove it"
        )
    (folder / OUTPUT_DIR).mkdir(parents=True, exist_ok=True)
    old = [folder / name for name in (METRICS_FILE, STDOUT, STDERR, RECORD)]
    old = [file for file in old if os.path.lexists(file)]
    if old:
        archive = _next_archive(folder)
        archive.mkdir()
        for file in old:
            file.rename(archive / file.name)
    write_assignment(folder, assignment)


def record(folder: Path, **fields: Any) -> None:
    """Add fields to ``trial.json``."""
    _record(folder, fields, durable=True)


def read_record(folder: Path) -> dict[str, Any]:
    """What ``trial.json`` holds; empty if there is none."""
    try:
        with open_regular(folder / RECORD) as file:
            content = json.loads(file.read(_MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def record_process(folder: Path, pid: int) -> None:
    """Note which process runs the trial, for a later run of a machine that has not gone down."""
    mark = start_mark(pid)
    running = {"state": "running", "pid": pid, "process_started": mark}
    _record(folder, running, durable=False)


def kill_process_of(folder: Path) -> None:
    """Make sure that no process of an earlier attempt is alive."""
    known = read_record(folder)
    pid, mark = known.get("pid"), known.get("process_started")
    if isinstance(pid, int) and isinstance(mark, str):  # a trial may have written there, too
        kill_leftover(pid, mark)


def reported(folder: Path, metric: str = "default") -> list[Metric]:
    """The usable reports of an earlier attempt."""
    metrics: list[Metric] = []
    offset, more = 0, True
    while more:
        try:
            read = read_metrics(folder, offset, metric)
        except TrialError:
            break  # the trial put something else into its place
        metrics += read.metrics
        offset, more = read.offset, read.more
    return metrics


def tail(file: Path, *, lines: int = 5, size: int = 2000) -> str:
    """The end of a text file, for messages."""
    try:
        with open_regular(file) as handle:
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


def _next_archive(folder: Path) -> Path:
    number = 1
    while os.path.lexists(folder / f"attempt-{number}"):
        number += 1
    return folder / f"attempt-{number}"


def _record(folder: Path, fields: dict[str, Any], *, durable: bool) -> None:
    text = json.dumps(read_record(folder) | fields, indent=2) + "\n"
    replace_text(folder / RECORD, text, durable=durable)
