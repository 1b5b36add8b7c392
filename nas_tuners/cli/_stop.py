"""Ask the runner of an experiment to end, as Ctrl-C would, and wait until it has."""

from __future__ import annotations

import argparse
import os
import signal
import time
from contextlib import suppress

from nas_tuners.contract.errors import ExperimentError

from . import exit_codes
from ._arguments import add_folder_argument, duration


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument(
        "--timeout", metavar="TIME", type=duration, default="30s", help="how long to wait"
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.folder import ExperimentFolder

    folder = ExperimentFolder(options.folder)
    runner = folder.runner()
    if runner is None:
        raise ExperimentError(f"{folder.path} is not running")
    if not runner.isdigit():
        raise ExperimentError(
            f"{folder.path} is run on another machine, by {runner}; stop it there"
        )
    with suppress(ProcessLookupError):
        os.kill(int(runner), signal.SIGTERM)
    deadline = time.monotonic() + options.timeout
    while folder.runner() is not None:
        if time.monotonic() > deadline:
            raise ExperimentError(f"process {runner} has not ended in time; ask again")
        time.sleep(0.05)
    print(f"Stopped. Resume with: {folder.resume_command}")
    return exit_codes.OK
