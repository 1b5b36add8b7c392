"""The files of one trial, beside those of the trial protocol.

::

    stdout.txt stderr.txt   what the trial's process printed
    trial.json              how it is, or how it ended; for people and for resuming
    attempt-1/              metrics and output of an attempt that a later one replaced
    trial.json.aside-1      what a trial had put into the place of a file of ours

A trial may replace any of them, and its folder; that is never more than its own failure.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.json_files import replace_text
from nas_tuners.contract.trial_io import (
    MAX_RECORD,
    METRICS_FILE,
    OUTPUT_DIR,
    PARAMETERS_FILE,
    Assignment,
    Metric,
    open_regular,
    read_metrics,
    write_assignment,
)

from .local.processes import kill_leftover, start_mark

_logger = logging.getLogger(__name__)

STDOUT, STDERR, RECORD = "stdout.txt", "stderr.txt", "trial.json"

_OF_AN_ATTEMPT = (METRICS_FILE, STDOUT, STDERR, RECORD)
_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
_REPLACED = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError)
_MAX_RECORD = 4 * MAX_RECORD  # bytes: it holds one result, indented


def trial_folder(trials: Path, number: int) -> Path:
    return trials / f"{number:04d}"


def prepare(folder: Path, assignment: Assignment) -> None:
    """Make a trial's folder, or ready it for another attempt.

    What the trial itself put into ``output/`` stays, so that it can go on from a checkpoint. What
    stands in the place of the folder, or of ``output/``, and is none is put away.
    """
    _make_way(folder)
    folder.mkdir(parents=True, exist_ok=True)
    old = [folder / name for name in _OF_AN_ATTEMPT if os.path.lexists(folder / name)]
    old += [folder / name for name in _in_the_way(folder)]
    if old:
        archive = _next(folder / "attempt")
        archive.mkdir()
        for file in old:
            file.rename(archive / file.name)
    (folder / OUTPUT_DIR).mkdir(exist_ok=True)
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
    """Note which process runs the trial, for a later run of a machine that has not gone down.

    The trial may be replacing its folder at this very moment; then nothing is noted.
    """
    mark = start_mark(pid)
    running = {"state": "running", "pid": pid, "process_started": mark}
    try:
        _record(folder, running, durable=False)
    except _REPLACED as error:
        _logger.warning("The process of the trial in %s cannot be noted: %s", folder, error)


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


def replaced(folder: Path) -> list[str]:
    """What a trial has put into the place of something of ours, a remark each."""
    if _kind(folder) not in ("a folder", None):
        return [f"the trial has replaced its folder by {_kind(folder)}"]
    found = {name: _kind(folder / name) for name in (PARAMETERS_FILE, *_OF_AN_ATTEMPT)}
    odd: dict[str, str | None] = {
        name: kind for name, kind in found.items() if kind not in ("a file", None)
    }
    if _lacks_output(folder):
        odd[OUTPUT_DIR] = _kind(folder / OUTPUT_DIR)
    return [f"the trial has replaced {name} by {kind}" for name, kind in odd.items()]


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


def _record(folder: Path, fields: dict[str, Any], *, durable: bool) -> None:
    _make_way(folder)
    text = json.dumps(read_record(folder) | fields, indent=2) + "\n"
    if _kind(folder / RECORD) == "a folder":  # all else a file can take the place of
        _put_aside(folder / RECORD)
    replace_text(folder / RECORD, text, durable=durable)


def _in_the_way(folder: Path) -> list[str]:
    """What stands where a file or a folder of the trial protocol cannot be made."""
    names = [PARAMETERS_FILE] if _kind(folder / PARAMETERS_FILE) == "a folder" else []
    return names + ([OUTPUT_DIR] if _lacks_output(folder) else [])


def _lacks_output(folder: Path) -> bool:
    """Whether no folder stands in the place of ``output/``, but something else.

    A link to a folder leads to where the user keeps checkpoints; only the trial goes there.
    """
    output = folder / OUTPUT_DIR
    return os.path.lexists(output) and not output.is_dir()


def _make_way(folder: Path) -> None:
    """Put aside what stands in the place of a trial's folder; a link is not followed."""
    if _kind(folder) not in ("a folder", None):
        _put_aside(folder)


def _put_aside(path: Path) -> None:
    target = _next(path.with_name(f"{path.name}.aside"))
    _logger.warning("%s is %s, and is now %s", path, _kind(path), target.name)
    path.rename(target)


def _kind(path: Path) -> str | None:
    """What is there, in words; None if nothing is."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def _next(path: Path) -> Path:
    """The path with the first number that is free."""
    number = 1
    while os.path.lexists(path.with_name(f"{path.name}-{number}")):
        number += 1
    return path.with_name(f"{path.name}-{number}")
