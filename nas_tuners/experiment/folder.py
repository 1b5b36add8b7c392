"""The folder of an experiment.

::

    config.json        the configuration, resolved; seed included
    search_space.json
    constraints.json   the names of the functions that the space is constrained by, if it is
    warm_start.json    the scores and the results that the tuner starts from, copied from the
    import_data.json   files that the configuration names, if it does
    study.db           the Optuna study, unless the configuration names another storage
    runner.json        since when, for how long, and how it ended
    runner.log
    lock               held by the live runner; contains its process id
    trials/0000/       one folder a trial: see nas_tuners.contract.trial_io

A folder appears under its name only when it can be resumed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TextIO

from nas_tuners.contract.errors import ExperimentError, did_you_mean
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.search_space import SearchSpace

from .configuration.config import ExperimentConfig
from .prior import Prior, read_prior, save_prior
from .study_setup import prepared_tuner

LATEST = "latest"


@dataclass(frozen=True)
class RunnerState:
    """What ``runner.json`` holds; ``ended`` is None while a runner lives or after a crash."""

    experiment_id: str
    started: float
    elapsed: float = 0.0
    ended: str | None = None


class ExperimentFolder:
    """The files of one experiment.

    Raises:
        ExperimentError: if the path holds no experiment.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        if not self.config_file.is_file():
            raise ExperimentError(_no_experiment(Path(path)))

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def space_file(self) -> Path:
        return self.path / "search_space.json"

    @property
    def constraints_file(self) -> Path:
        return self.path / "constraints.json"

    @property
    def log_file(self) -> Path:
        return self.path / "runner.log"

    @property
    def state_file(self) -> Path:
        return self.path / "runner.json"

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    @property
    def resume_command(self) -> str:
        """What goes on with it, to be typed in a shell."""
        return f"nas-tuners resume {shlex.quote(str(self.path))}"

    @property
    def storage_url(self) -> str:
        """The configured storage, else a file in this folder."""
        config = self.config()
        if config.storage is None and config.launcher.name == "slurm":
            return f"journal:///{self.path / 'study.log'}"  # SQLite is not made for shared folders
        return config.storage or f"sqlite:///{self.path / 'study.db'}"

    def config(self) -> ExperimentConfig:
        with _readable(self.config_file):
            return ExperimentConfig.from_json(self.config_file.read_text(encoding="utf-8"))

    def save_config(self, config: ExperimentConfig) -> None:
        write_text(self.config_file, config.to_json())

    def space(self) -> SearchSpace:
        return SearchSpace.load(self.space_file)

    def constraints(self) -> list[str]:
        """What constrains the space: the names of functions that :meth:`space` does not have."""
        if not self.constraints_file.exists():
            return []
        with _readable(self.constraints_file):
            return list(map(str, json.loads(self.constraints_file.read_text(encoding="utf-8"))))

    def prior(self) -> Prior:
        """What the tuner knows before the first trial."""
        return read_prior(self.config().tuner, self.path)

    def state(self) -> RunnerState:
        with _readable(self.state_file):
            return RunnerState(**json.loads(self.state_file.read_text(encoding="utf-8")))

    def save_state(self, state: RunnerState) -> None:
        write_text(self.state_file, json.dumps(asdict(state), indent=2) + "\n")

    def runner(self) -> str | None:
        """The process id of the live runner (with its host, if that is another), or None."""
        with suppress(FileNotFoundError), (self.path / "lock").open() as file:
            while not _try_lock(file, fcntl.LOCK_SH):
                pid, _, host = file.read().strip().partition("@")
                if host:
                    return pid if host == socket.gethostname() else f"{pid}@{host}"
                time.sleep(0.01)  # it has the lock, and is about to write who it is
        return None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the experiment for this process.

        Raises:
            ExperimentError: if another runner has it.
        """
        with (self.path / "lock").open("a+") as file:
            while not _try_lock(file, fcntl.LOCK_EX):
                runner = self.runner()
                if runner is not None:
                    message = f"{self.path} is run by process {runner} already"
                    raise ExperimentError(f"{message}; end it with `nas-tuners stop`")
                time.sleep(0.01)  # somebody has but looked who runs it
            file.truncate(0)
            file.write(f"{os.getpid()}@{socket.gethostname()}\n")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)  # or the next one might be taken for this one


def create_folder(
    config: ExperimentConfig,
    space: SearchSpace,
    *,
    path: Path | None = None,
    prior: Prior | None = None,
    files: Mapping[str, bytes] | None = None,
) -> ExperimentFolder:
    """Make an experiment's folder, whole or not at all.

    What the tuner shall know before the first trial is copied into it, once the tuner has shown
    that it can use it.

    Args:
        config: The configuration.
        space: The search space, given or generated.
        path: Where; a new folder in ``config.experiments_directory`` if None, and then the link
            ``latest`` beside it leads there.
        prior: What the tuner knows; None for the files that the configuration names.
        files: What else its trials need: name -> content.

    Raises:
        ExperimentError: if the folder exists or cannot be made.
        ConfigError: if a file of scores or results has become unusable.
        ArchitectureError: if no record in it fits the space.
        TunerError: if the tuner fails on it.
    """
    if prior is None:
        prior = read_prior(config.tuner, Path())
    if prior != Prior():
        prepared_tuner(config, space, prior)  # which refuses what it cannot use
    parent = path.resolve().parent if path else config.experiments_directory
    if config.storage is None and set(str(path or parent.resolve())) & set("?$"):
        raise ExperimentError(
            f"{path or parent}: a database cannot lie in a folder with '?' or '$' in its path; "
            "choose another folder, or give a storage"
        )
    try:
        parent.mkdir(parents=True, exist_ok=True)
        new = parent / f".new-{secrets.token_hex(8)}"
        new.mkdir()  # with the user's umask
    except OSError as error:
        raise ExperimentError(f"no experiment can be made in {parent}: {error}") from error
    try:
        _write_first_files(new, config, space, prior)
        for name, content in (files or {}).items():
            (new / name).write_bytes(content)
        target = _claim(new, path.resolve() if path else None, parent, config.name)
    except OSError as error:
        raise ExperimentError(f"the experiment's folder cannot be made: {error}") from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    if path is None:
        _link_latest(target)
    return ExperimentFolder(target)


def _try_lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError) as error:
        cause = f"{type(error).__name__}: {error}"
        raise ExperimentError(f"{file} cannot be read: {cause}") from error


def _write_first_files(
    new: Path, config: ExperimentConfig, space: SearchSpace, prior: Prior
) -> None:
    experiment_id = f"{config.name}-{secrets.token_hex(4)}"
    state = RunnerState(experiment_id, started=time.time())
    write_text(new / "runner.json", json.dumps(asdict(state), indent=2) + "\n")
    write_text(new / "search_space.json", space.dumps())
    if space.constraints:
        names = [constraint.name for constraint in space.constraints]
        write_text(new / "constraints.json", json.dumps(names) + "\n")
    tuner = save_prior(prior, config.tuner, new)
    write_text(new / "config.json", replace(config, tuner=tuner).to_json())
    (new / "trials").mkdir()


def _claim(new: Path, target: Path | None, parent: Path, name: str) -> Path:
    """Rename the finished folder to its name, or to the next free one if it has none."""
    if target is not None:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            message = f"{target} exists already; choose another folder, or `nas-tuners resume` it"
            raise ExperimentError(message)
        new.rename(target)
        return target
    stem = f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    number = 1
    while True:
        target = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            new.rename(target)  # fails on a folder that holds something
            return target
        except OSError:
            if not target.exists():
                raise
            number += 1


def _link_latest(target: Path) -> None:
    link = target.parent / LATEST
    if link.exists() and not link.is_symlink():
        return  # something of the user's own
    temporary = target.parent / f".{LATEST}-{secrets.token_hex(4)}"
    with suppress(OSError):  # a file system without links
        temporary.symlink_to(target.name)
        temporary.replace(link)


def _no_experiment(path: Path) -> str:
    if path.name == LATEST and not path.is_symlink():
        return f"no experiment yet in {path.parent}; start one with `nas-tuners run config.yml`"
    if path.exists():
        return f"{path} holds no experiment (it has no config.json)"
    beside = [item.name for item in path.parent.glob("*/")] if path.parent.is_dir() else []
    return f"no such folder: {path}{did_you_mean(path.name, beside)}"
