"""Start an experiment from a configuration file.

The experiment gets a folder of its own, and `nas-experiments/latest` leads to the newest one. When
the configuration names no search space, the trial command generates it. Ctrl-C ends the run in
order: running trials are stopped, and `nas-tuners resume` goes on where it ended.
"""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ._linear_algebra import load_with_one_thread

if TYPE_CHECKING:
    from nas_tuners.contract.search_space import SearchSpace
    from nas_tuners.experiment.configuration.config import ExperimentConfig


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", help="the configuration, a YAML file")
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help="the experiment's folder to make (default: a new one in experiments_directory)",
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.signals import STOPPING, StopSignals

    with StopSignals(STOPPING) as signals:
        load_with_one_thread()
        from nas_tuners.experiment.configuration.config import load_config
        from nas_tuners.experiment.folder import create_folder

        from ._log import print_log
        from ._run_and_report import run_and_report

        with print_log("nas_tuners.experiment.configuration.nni.files"):
            config = load_config(options.config)
        space = _space(config)
        folder = create_folder(config, space, path=options.folder)
        return run_and_report(folder, signals)


def _space(config: ExperimentConfig) -> SearchSpace:
    """The given space, or the one that the trial command generates."""
    from nas_tuners.contract.search_space import SearchSpace
    from nas_tuners.experiment.generation import generate_search_space, save_search_space

    given = config.search_space
    if isinstance(given, SearchSpace):
        return given
    what = "No search space given" if given is None else f"{given} is not there yet"
    assert config.command is not None, "a function has its search space given"
    with suppress(BrokenPipeError):
        print(f"{what}: the trial command generates it.", flush=True)
    space = generate_search_space(
        config.command, cwd=config.code_directory, environment=config.environment
    )
    if given is not None:
        save_search_space(space, given)
    return space
