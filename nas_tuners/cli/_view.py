"""Show searches in a browser: supernet, choices over time, cells and trials.

What is shown may be running, or not have begun. Without options, the recorded searches and the
experiments of the working directory are shown.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import exit_codes
from ._arguments import DEFAULT_FOLDER

if TYPE_CHECKING:
    from nas_tuners.viewer._runs import Runs


def configure(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="the same as --logdir FOLDER",
    )
    source.add_argument(
        "--logdir",
        metavar="DIR",
        type=Path,
        help="a recorded search, as logs/2026-01-01_10-00-00, or a folder with several "
        "(default: the working directory)",
    )
    source.add_argument(
        "--experiment",
        metavar="DIR",
        nargs="?",
        const=Path(DEFAULT_FOLDER),
        type=Path,
        help=f"an experiment's folder (without DIR: ./{DEFAULT_FOLDER})",
    )
    source.add_argument("--storage", metavar="URL", help="the studies of an Optuna storage")
    parser.add_argument("--study", metavar="NAME", help="one study of the storage")
    parser.add_argument(
        "--export",
        metavar="FILE.html",
        type=Path,
        help="write the page with all of this into one file, and serve nothing",
    )
    parser.add_argument(
        "--port",
        type=_port,
        help="where to serve it (default: 6060, or the next free one; 0: any)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="for whom: the address of this computer to listen on (default: 127.0.0.1, which is "
        "for this computer alone; for others the page's address has a token)",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further name by which browsers ask for the page, as that of a proxy",
    )
    parser.add_argument(
        "--root-path", metavar="PATH", default="", help="the path that a proxy puts before ours"
    )
    parser.add_argument("--open", action="store_true", help="open it in a browser")
    parser.add_argument(
        "--dashboard",
        action="store_true",
        help="start optuna-dashboard for the study, too, if it is installed",
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.contract.errors import ConfigError

    if options.study is not None and options.storage is None:
        raise ConfigError("goes with --storage URL", "--study")
    runs = _runs(options)
    try:
        if options.export is not None:
            return _export(runs, options.export)
        return _serve(runs, options)
    finally:
        runs.close()


def _runs(options: argparse.Namespace) -> Runs:
    from nas_tuners.viewer._runs import runs_in_folder, runs_of_experiment, runs_of_storage

    if options.storage is not None:
        return runs_of_storage(options.storage, options.study)
    if options.experiment is not None:
        return runs_of_experiment(options.experiment)
    if options.folder is not None:
        return runs_in_folder(options.folder, "")
    return runs_in_folder(options.logdir or Path())


def _export(runs: Runs, file: Path) -> int:
    from nas_tuners.viewer._export import export_runs

    for left_out in export_runs(runs, file):
        print(f"nas-tuners: {left_out}", file=sys.stderr)
    print(f"wrote {file}")
    return exit_codes.OK


def _serve(runs: Runs, options: argparse.Namespace) -> int:
    from nas_tuners.viewer.serving.dashboard import shown_in_dashboard
    from nas_tuners.viewer.serving.serve import Address, Viewer

    address = Address(options.host, options.port, options.allow_host, options.root_path)
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        beside = stack.enter_context(shown_in_dashboard(runs)) if options.dashboard else None
        viewer = Viewer(runs, address)
        if not runs.refresh():
            print("Nothing is recorded there yet; the page shows it as soon as it is.")
        print(f"The page: {viewer.url}")
        if beside is not None:
            print(f"Optuna's dashboard: {beside}")
        print("Ctrl-C ends it.", flush=True)
        if options.open:
            import webbrowser

            webbrowser.open(viewer.url)
        viewer.run()
    return exit_codes.OK


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, got {text!r}")
    return int(text)
