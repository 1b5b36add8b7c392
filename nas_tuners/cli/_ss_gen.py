"""Generate the search-space file of a model.

Either run the trial script until it has built its model (--trial-command), or build a model
without a script (--model module:Class).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import exit_codes
from ._arguments import duration, existing_folder


def configure(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--trial-command",
        "--trial_command",
        "-t",
        metavar="COMMAND",
        help="the command that runs the trial script, for the shell",
    )
    source.add_argument(
        "--model", metavar="MODULE:CLASS", help="a model, or a function that makes one"
    )
    parser.add_argument(
        "--trial-dir",
        "--trial_dir",
        "-d",
        metavar="DIR",
        type=existing_folder,
        default=".",
        help="where the command runs (default: here)",
    )
    parser.add_argument(
        "--file",
        "-f",
        metavar="FILE",
        type=Path,
        default=Path("search_space.json"),
        help="the file to write (default: search_space.json)",
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        type=duration,
        default="10m",
        help="the longest it may take (default: 10m)",
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.contract.space_size import describe_space
    from nas_tuners.experiment.generation import generate_search_space, save_search_space
    from nas_tuners.experiment.signals import StopSignals

    with StopSignals():
        space = generate_search_space(
            _command(options), cwd=options.trial_dir, timeout=options.timeout
        )
    save_search_space(space, options.file.expanduser())
    print(f"{options.file}: {describe_space(space)}")
    return exit_codes.OK


def _command(options: argparse.Namespace) -> str | tuple[str, ...]:
    if options.model is not None:
        return (sys.executable, "-m", "trial_api._generate", options.model)
    command: str = options.trial_command
    return command
