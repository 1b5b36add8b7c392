"""A worker: a runner on a study that it shares with others, in a folder of its own."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError

from .configuration.config import ExperimentConfig
from .folder import ExperimentFolder, create_folder
from .joining import begin_or_join
from .study_setup import study_name


def worker_folder(
    url: str,
    study: str,
    *,
    path: Path | None,
    code_directory: Path,
    given: ExperimentConfig | None = None,
    concurrency: int | None = None,
) -> ExperimentFolder:
    """The folder of a worker: what it had, or a new one for the experiment in the study.

    Args:
        url: How this machine reaches the storage.
        study: The study's name.
        path: Where; a new folder in ``nas-experiments``, here, if None.
        code_directory: Where the trials' code is on this machine.
        given: What the experiment is if nobody has begun it.
        concurrency: How many trials run here at a time; the experiment's own if None.

    Raises:
        ExperimentError: if the experiment has not begun, the folder cannot be made, or it is that
            of a worker on another study.
    """
    if path is not None and (path / "config.json").exists():
        return _of_study(ExperimentFolder(path), study)
    config, space, prior = begin_or_join(
        url,
        study,
        given=given,
        code_directory=code_directory.resolve(),
        experiments_directory=Path.cwd() / "nas-experiments",
    )
    host = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname())
    config = replace(config, name=f"{config.name}-{host}")
    if concurrency is not None:
        config = replace(config, concurrency=concurrency)
    return create_folder(config, space, path=path, prior=prior)


def _of_study(folder: ExperimentFolder, study: str) -> ExperimentFolder:
    name = study_name(folder.config())
    if name != study:
        raise ExperimentError(
            f"{folder.path} is the folder of a worker on the study {name!r}, not {study!r}; "
            "choose another"
        )
    return folder
