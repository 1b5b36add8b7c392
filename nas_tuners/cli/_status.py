"""Show how an experiment stands."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from . import exit_codes
from ._arguments import add_folder_argument

if TYPE_CHECKING:
    from nas_tuners.experiment.configuration.config import ExperimentConfig
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import Results


def configure(parser: argparse.ArgumentParser) -> None:
    add_folder_argument(parser)


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.durations import format_duration
    from nas_tuners.experiment.folder import ExperimentFolder
    from nas_tuners.experiment.results import read_results
    from nas_tuners.experiment.storages.storage import hide_password

    from ._tables import results_table

    folder = ExperimentFolder(options.folder)
    config, results = folder.config(), read_results(folder)
    states = ", ".join(f"{count} {state}" for state, count in sorted(results.states().items()))
    limit = f" of at most {config.max_trials}" if config.max_trials else ""
    print(f"experiment  {config.name} in {folder.path}")
    print(f"state       {_state(folder, results)}")
    print(f"trials      {len(results.trials)}{limit}" + (f": {states}" if states else ""))
    print(f"time        {format_duration(folder.state().elapsed)}")
    print(f"tuner       {_tuner(config, results)}")
    print(f"storage     {hide_password(folder.storage_url)}")
    best = results.best(1)
    if best:
        print(f"\n{results_table(results, best)}")
    if results.several_objectives and (front := results.front()):
        show = f"nas-tuners top --front {shlex.quote(options.folder)}"
        print(f"\n{len(front)} on the Pareto front: {show}")
    return exit_codes.OK


def _tuner(config: ExperimentConfig, results: Results) -> str:
    from ._tables import goals_text

    name, seed = config.tuner.name, f"seed {config.seed}"
    if results.further_metrics:
        return f"{name}, {seed}\ngoals       {goals_text(results.goals)}"
    return f"{name}, {config.optimize_mode}, {seed}"


def _state(folder: ExperimentFolder, results: Results) -> str:
    from nas_tuners.experiment.loop import Ending

    from ._tables import exhausted_text

    runner = folder.runner()
    if runner is not None:
        return f"running (process {runner})"
    ended = folder.state().ended
    if ended is None:
        return f"crashed, or was killed; go on with: {folder.resume_command}"
    if ended == Ending.INTERRUPTED.value:
        return f"ended: {ended}; go on with: {folder.resume_command}"
    if ended == Ending.EXHAUSTED.value:
        return f"ended: {exhausted_text(results, folder.space())}"
    return f"ended: {ended}"
