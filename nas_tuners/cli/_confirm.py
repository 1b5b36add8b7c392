"""Train the best architectures of an experiment again and choose the winner by that.

The best of many noisy results is partly the luckiest. The trial command runs again for each of the
best, once for each seed; it finds the seed in the environment variable NAS_TUNERS_SEED and should
use it for everything random. What the search itself measured is shown and not counted. Runs that
an earlier call has made are not made again.

Of several objectives, only the first counts: it chooses the best, among the trials within their
bounds, and the winner.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any

from . import exit_codes
from ._arguments import add_folder_argument, positive_number

if TYPE_CHECKING:
    from nas_tuners.confirmation import Confirmation
    from nas_tuners.contract.trial_io import Metric
    from nas_tuners.experiment.confirming import ConfirmRuns
    from nas_tuners.experiment.loop import Finished
    from nas_tuners.experiment.records import StudyTrial


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument(
        "--top", metavar="K", type=positive_number, default=5, help="how many (default: 5)"
    )
    parser.add_argument(
        "--seeds", metavar="N", type=positive_number, default=3, help="runs each (default: 3)"
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.confirming import ConfirmRuns
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import read_results
    from nas_tuners.experiment.signals import STOPPING, StopSignals

    folder = ExperimentFolder(options.folder)
    results = read_results(folder)
    if not results.best(1):
        print("No trial has succeeded yet.", file=sys.stderr)
        return exit_codes.NO_RESULT
    if results.several_objectives:
        print("Several objectives: the best and the winner are so by the first alone.")
    with StopSignals(STOPPING) as signals:
        runs = ConfirmRuns(folder, top_k=options.top, seeds=options.seeds)
        with _Bar(len(runs.runs)) as bar:
            confirmation = runs.run(signals=signals, observers=[bar])
    return _report(runs, confirmation, options.folder)


def _report(runs: ConfirmRuns, confirmation: Confirmation, folder: str) -> int:
    from nas_tuners.experiment.loop import Ending

    print(confirmation)
    for row in confirmation.candidates:
        for failure in row.failures:
            print(f"trial {runs.number_of(row.parameters)}, {failure}", file=sys.stderr)
    if runs.ending is Ending.INTERRUPTED:
        print("Interrupted. The same command goes on.", file=sys.stderr)
        return exit_codes.INTERRUPTED
    if confirmation.candidates[0].mean is None:
        print("No run has succeeded.", file=sys.stderr)
        return exit_codes.NO_RESULT
    if _never_differ(confirmation):
        print(
            "Every architecture gave the same value with every seed: these runs tell nothing new. "
            "Does the trial use NAS_TUNERS_SEED?",
            file=sys.stderr,
        )
    number = runs.number_of(confirmation.winner.parameters)
    export = f"nas-tuners export {shlex.quote(folder)} --trial {number}"
    print(f"\nThe winner is trial {number}; as a file: {export}")
    return exit_codes.OK


def _never_differ(confirmation: Confirmation) -> bool:
    repeated = [row.values for row in confirmation.candidates if len(row.values) > 1]
    return bool(repeated) and all(len(set(values)) == 1 for values in repeated)


class _Bar:
    """An observer of the loop: a progress bar on a terminal."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(total=total, unit="run", disable=not sys.stderr.isatty())

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def started(self, trial: StudyTrial) -> None:
        pass

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        pass

    def finished(self, finished: Finished) -> None:
        self._bar.update()

    def waiting(self, reason: str) -> None:
        pass

    def tick(self, elapsed: float) -> None:
        pass
