"""Show the best trials of an experiment, running or not."""

from __future__ import annotations

import argparse
import sys

from . import exit_codes
from ._arguments import add_folder_argument, positive_number


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument(
        "-n", metavar="K", type=positive_number, default=10, help="how many (default: 10)"
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import read_results

    from ._tables import results_table

    best = read_results(ExperimentFolder(options.folder)).best(options.n)
    if not best:
        print("No trial has succeeded yet.", file=sys.stderr)
        return exit_codes.NO_RESULT
    print(results_table(best))
    return exit_codes.OK
