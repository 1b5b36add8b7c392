"""Write an architecture of an experiment as JSON: the best one so far, or a trial's.

The file is what trial_api.apply_fixed_architecture(model, file) reads, once keys that are not the
model's (such as a learning rate searched with it) are taken out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ExperimentError

from . import exit_codes
from ._arguments import add_folder_argument
from ._tables import beyond_text

if TYPE_CHECKING:
    from nas_tuners.experiment.results import Results, TrialResult


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)
    parser.add_argument("--output", "-o", metavar="FILE", type=Path, help="default: stdout")
    parser.add_argument(
        "--trial",
        metavar="N",
        type=int,
        help="this trial, not the best; of several objectives, "
        "one of those that `nas-tuners top --front` shows",
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.contract.architecture import save_architecture
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import read_results

    results = read_results(ExperimentFolder(options.folder))
    trial = _choose(results, options.trial)
    if trial is None:
        print("No trial has succeeded yet.", file=sys.stderr)
        return exit_codes.NO_RESULT
    if not trial.feasible and options.trial is None:
        beyond, why = beyond_text(trial.excess).strip(), results.why_none_is_feasible()
        print(f"Trial {trial.number} {beyond}: {why}", file=sys.stderr)
    if options.output is None:
        print(json.dumps(trial.architecture, indent=2, ensure_ascii=False))
        return exit_codes.OK
    try:
        save_architecture(trial.architecture, options.output)
    except OSError as error:
        raise ExperimentError(f"{options.output} cannot be written: {error}") from error
    print(f"Trial {trial.number} (value {trial.value}) written to {options.output}")
    return exit_codes.OK


def _choose(results: Results, number: int | None) -> TrialResult | None:
    if number is None:
        best = results.best(1)
        return best[0] if best else None
    for trial in results.trials:
        if trial.number == number:
            return trial
    raise ExperimentError(f"no trial {number}; the study has {len(results.trials)} trials, from 0")
