"""Go on with an experiment that was interrupted, crashed, or reached its limits.

Trials that were running are run again, with the same architecture and number; what they had
saved in their output folder is kept. The next suggestions are those of an uninterrupted run.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ._arguments import add_folder_argument, duration, positive_number
from ._linear_algebra import load_with_one_thread

if TYPE_CHECKING:
    from nas_tuners.experiment.folder import ExperimentFolder


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument("--max-trials", metavar="N", type=positive_number, help="a new limit")
    parser.add_argument(
        "--max-duration", metavar="TIME", type=duration, help="a new limit, like 90m or 2h"
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.signals import STOPPING, StopSignals

    with StopSignals(STOPPING) as signals:
        load_with_one_thread()
        from nas_tuners.experiment.folder import ExperimentFolder

        from ._run_and_report import run_and_report

        folder = ExperimentFolder(options.folder)
        _change_limits(folder, options)
        return run_and_report(folder, signals)


def _change_limits(folder: ExperimentFolder, options: argparse.Namespace) -> None:
    names = ("max_trials", "max_duration")
    changes = {name: getattr(options, name) for name in names if getattr(options, name)}
    if changes:
        with folder.locked():
            folder.save_config(replace(folder.config(), **changes))
