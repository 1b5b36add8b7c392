"""Show the best trials of an experiment, running or not.

They are ordered by what they reported as "default". Of several objectives, --front shows the
Pareto front, ordered by the first of them: the trials within all bounds than which no other such
trial is better in one objective and as good in the others.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ExperimentError

from . import exit_codes
from ._arguments import add_folder_argument, positive_number

if TYPE_CHECKING:
    from nas_tuners.experiment.results import Results

_SHOWN = 10


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument(
        "-n",
        metavar="K",
        type=positive_number,
        help=f"how many (default: {_SHOWN}; all of the front)",
    )
    parser.add_argument("--front", action="store_true", help="the Pareto front only")


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import read_results

    from ._tables import results_table

    results = read_results(ExperimentFolder(options.folder))
    if options.front:
        _refuse_single_objective(results)
    best = results.best(options.n or _SHOWN)
    shown = results.front()[: options.n] if options.front else best
    if not shown:
        why = f"The front is empty: {results.why_front_is_empty()}"
        print(why if best else "No trial has succeeded yet.", file=sys.stderr)
        return exit_codes.NO_RESULT
    print(results_table(results, shown))
    if options.front:
        export = f"nas-tuners export {shlex.quote(options.folder)} --trial N"
        print(f"\nOne of them as a file: {export}")
    return exit_codes.OK


def _refuse_single_objective(results: Results) -> None:
    from ._tables import goals_text

    if not results.several_objectives:
        raise ExperimentError(
            f"--front needs several objectives, and the experiment has one "
            f"({goals_text(results.goals)}); without --front, top shows its best trials"
        )
