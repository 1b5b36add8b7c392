"""A worker: a runner on a study that it shares with others, in a folder of its own."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import replace
from pathlib import Path

from nas_tuners.contract.errors import ConfigError, ExperimentError

from .configuration.config import ExperimentConfig
from .configuration.values import storage_url
from .folder import ExperimentFolder, create_folder
from .joining import begin_or_join
from .storages.storage import hide_password, open_storage, storage_file
from .study_setup import study_name
from .trial_code import require_trial_code


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
        url: How this machine reaches the storage; the path of a file counts from the current
            folder.
        study: The study's name.
        path: Where; a new folder in ``nas-experiments``, here, if None.
        code_directory: Where the trials' code is on this machine.
        given: What the experiment is if nobody has begun it.
        concurrency: How many trials run here at a time; the experiment's own if None.

    Raises:
        ConfigError: if the URL of a file names none.
        ExperimentError: if the experiment has not begun, the folder cannot be made, it is that of
            a worker on another study or storage, or the trials' code is not here.
    """
    if path is not None and (path / "config.json").exists():
        return _of_study(ExperimentFolder(path), study, url, begins=given is not None)
    url = _settled(url)
    if given is None:
        _require_study_file(url)
    config, space, prior = begin_or_join(
        url,
        study,
        given=given,
        code_directory=code_directory.resolve(),
        experiments_directory=Path.cwd() / "nas-experiments",
    )
    require_trial_code(config, "start the worker where it is, or give --code-directory DIR")
    host = re.sub(r"[^A-Za-z0-9._-]", "_", socket.gethostname())
    config = replace(config, name=f"{config.name}-{host}")
    if concurrency is not None:
        config = replace(config, concurrency=concurrency)
    return create_folder(config, space, path=path, prior=prior)


def _settled(url: str) -> str:
    """The same file wherever it is opened from; the URL of a server as it is written."""
    if storage_file(url) is None:
        return url
    try:
        settled: str = storage_url(Path.cwd())(os.path.expandvars(url))
    except ValueError as error:
        raise ConfigError(f"the storage {error}") from error
    return settled


def _require_study_file(url: str) -> None:
    """A worker that only joins makes no study: in a file that is not there, nobody has begun."""
    file = storage_file(url)
    if file is not None and not file.exists():
        raise ExperimentError(
            f"no study there: {file} does not exist (a path counts from the current folder unless "
            "it begins with a fourth slash, like journal:////shared/study.log); begin the "
            "experiment with `nas-tuners run`, or --config"
        )


def _of_study(folder: ExperimentFolder, study: str, url: str, *, begins: bool) -> ExperimentFolder:
    config = folder.config()
    name = study_name(config)
    if name != study:
        raise ExperimentError(
            f"{folder.path} is the folder of a worker on the study {name!r}, not {study!r}; "
            "choose another"
        )
    _refuse_other_storage(folder, url)
    if not begins:
        _require_study_file(folder.storage_url)
    require_trial_code(config, "put it back, or choose another --folder and --code-directory")
    if storage_file(folder.storage_url) is None:
        _wait_for_server(folder.storage_url, config)
    return folder


def _place(url: str) -> tuple[str, str]:
    """The same for one storage: of a file whatever links lead there, and however it is opened."""
    file = storage_file(url)
    kind, _, rest = url.partition("://")
    return kind, rest if file is None else str(file.resolve())


def _wait_for_server(url: str, config: ExperimentConfig) -> None:
    """It was reached before: one that is away now may be starting again, as this worker is."""
    with open_storage(url, patience=config.storage_patience, from_the_start=True):
        pass


def _refuse_other_storage(folder: ExperimentFolder, url: str) -> None:
    """What the folder holds is of one storage, whatever lies under the same name elsewhere."""
    recorded, given = (_settled(os.path.expandvars(u)) for u in (folder.storage_url, url))
    if _place(recorded) == _place(given):
        return
    shown, asked = hide_password(recorded), hide_password(given)
    if shown == asked:
        advice = f"and only the password differs; write the new one into {folder.config_file}"
    else:
        advice = f"not {asked}; choose another --folder, or give the first as --storage"
    raise ExperimentError(
        f"{folder.path} is the folder of a worker on the storage {shown}, {advice}"
    )
