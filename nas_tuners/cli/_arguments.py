"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_FOLDER = "nas-experiments/latest"


def add_folder_argument(parser: argparse.ArgumentParser) -> None:
    """The argument that names an experiment."""
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        default=DEFAULT_FOLDER,
        help=f"the experiment's folder (default: ./{DEFAULT_FOLDER})",
    )


def positive_number(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return number


def duration(text: str) -> float:
    from nas_tuners.experiment.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def existing_folder(text: str) -> Path:
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"no such folder: {folder}")
    return folder
