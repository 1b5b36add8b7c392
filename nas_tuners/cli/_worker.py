"""Join an experiment from this machine: run trials of a study that several machines share.

The study lies in a database (postgresql://user@host/name) or in a journal file on a folder that
all machines see (journal:////shared/study.log). It was begun by `nas-tuners run` with that
storage, or by the first worker that is given --config. Trials of a worker that vanishes are run
by the others. Give a folder that is kept, and a worker that is started again there goes on with
what it had begun.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, ExperimentError

from ._arguments import positive_number
from ._linear_algebra import load_with_one_thread

if TYPE_CHECKING:
    from nas_tuners.experiment.folder import ExperimentFolder

_STORAGE = "NAS_TUNERS_STORAGE"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--storage",
        metavar="URL",
        help=f"where the study is (default: the variable {_STORAGE}, which keeps a password "
        "out of the list of processes)",
    )
    parser.add_argument("--study", metavar="NAME", help="its name (default: that of --config)")
    parser.add_argument(
        "--config", metavar="CONFIG", help="begin the experiment if nobody has yet"
    )
    parser.add_argument(
        "--code-directory",
        metavar="DIR",
        type=Path,
        help="where the trials' code is on this machine (default: that of --config, else here)",
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        help="the worker's own folder (default: a new one in nas-experiments)",
    )
    parser.add_argument(
        "--concurrency", metavar="N", type=positive_number, help="trials at a time, here"
    )
    parser.add_argument(
        "--no-wait",
        action="store_true",
        help="end when there is nothing more to begin; otherwise a worker stays until the others "
        "have ended their trials, to run those of one that vanishes",
    )


def run(options: argparse.Namespace) -> int:
    from nas_tuners.experiment.signals import STOPPING, StopSignals

    with StopSignals(STOPPING) as signals:
        load_with_one_thread()
        from ._run_and_report import run_and_report

        folder = _folder(options)
        return run_and_report(folder, signals, waits=not options.no_wait)


def _folder(options: argparse.Namespace) -> ExperimentFolder:
    from nas_tuners.experiment.configuration.config import load_config
    from nas_tuners.experiment.worker import worker_folder

    elsewhere = options.code_directory is not None
    given = load_config(options.config, code_is_elsewhere=elsewhere) if options.config else None
    name = options.study or (given and (given.study_name or given.name))
    if not name:
        raise ConfigError("which study? Give --study NAME, or --config CONFIG")
    if options.code_directory and not options.code_directory.is_dir():
        raise ExperimentError(f"--code-directory: no such folder: {options.code_directory}")
    return worker_folder(
        _storage_url(options, given.storage if given else None),
        name,
        path=options.folder,
        code_directory=options.code_directory or (given.code_directory if given else Path.cwd()),
        given=given,
        concurrency=options.concurrency,
    )


def _storage_url(options: argparse.Namespace, configured: str | None) -> str:
    """As it is written down: what the environment holds is read again each time."""
    if options.storage is None and _STORAGE in os.environ:
        return f"${{{_STORAGE}}}"
    url: str | None = options.storage or configured
    if url is None:
        raise ConfigError(f"where is the study? Give --storage URL, or set {_STORAGE}")
    if options.storage and _shows_a_password(url):
        print(
            "nas-tuners: warning: everybody on this machine can read the password in --storage "
            f"from the list of processes; set {_STORAGE} instead",
            file=sys.stderr,
        )
    return url


def _shows_a_password(url: str) -> bool:
    from nas_tuners.experiment.storages.storage import hide_password

    return hide_password(url) != url and "$" not in url
