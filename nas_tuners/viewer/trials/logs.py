"""What the processes of trials printed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.trial_io import open_regular
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.trial_files import STDERR, STDOUT, trial_folder

NAMES = (STDOUT, STDERR)
LIMIT = 256 * 1024  # bytes


def log_names(folder: ExperimentFolder | None, number: int) -> list[str]:
    """The logs that a trial has."""
    place = _place(folder, number)
    return [name for name in NAMES if place is not None and _is_regular(place / name)]


def read_log(folder: ExperimentFolder | None, number: int, name: str) -> str | None:
    """The end of a log, which says so where its beginning is left out; None if there is none.

    Raises:
        ExperimentError: if it is anything but a file: a trial can put a link or a pipe into its
            place.
    """
    place = _place(folder, number)
    if place is None or name not in NAMES:
        return None
    try:
        with open_regular(place / name) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LIMIT))
            text = file.read(LIMIT).decode("utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExperimentError(f"{name} of trial {number} cannot be read: {error}") from error
    return text if size <= LIMIT else f"[the last {LIMIT:,} of {size:,} bytes]\n{text}"


def _place(folder: ExperimentFolder | None, number: int) -> Path | None:
    """The trial's folder, if it is one: a link is not followed."""
    if folder is None or number < 0:
        return None
    place = trial_folder(folder.trials, number)
    try:
        return place if stat.S_ISDIR(place.lstat().st_mode) else None
    except OSError:
        return None


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
