"""What there is to show: recorded searches and experiments in folders, studies in storages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, ExperimentError, did_you_mean

from ._inside import is_inside
from ._run import GRAPH, LOG, Run, TrialsSource
from .recorded.problems import clean_text

if TYPE_CHECKING:
    from nas_tuners.experiment.folder import ExperimentFolder

_EXPERIMENT = ("config.json", "search_space.json", "runner.json")
_PARENTS = ("logs", "nas-experiments")  # where searches and experiments are written by default
_LOOKED_AT = 5_000  # entries of a folder; it may be any
_SHOWN = 500
_JUST = 60.0  # seconds


@dataclass(frozen=True)
class Found:
    """A search that can be shown.

    Attributes:
        key: What it is known by: its folder, or the name of its study.
        title: What people call it.
        changed: When it changed, in seconds of the epoch; the newest is shown first.
        folder: Where its files are, or will be.
        experiment: Whether that is an experiment's folder.
        open_trials: Opens its trials, where it is no folder.
        storage: The URL of its study's storage, where it is no folder.
    """

    key: str
    title: str
    changed: float = 0.0
    folder: Path | None = None
    experiment: bool = False
    open_trials: Callable[[], TrialsSource] | None = None
    storage: str | None = None

    def storage_url(self) -> str | None:
        """Where its study lies, if it has one."""
        if not self.experiment or self.folder is None:
            return self.storage
        from nas_tuners.experiment.folder import ExperimentFolder

        return ExperimentFolder(self.folder).storage_url

    def run(self, number: int, root: Path | None) -> Run:
        """The run, with a number in the list."""
        folder = self.folder
        if folder is None:
            return Run(number, self.title, open_trials=self.open_trials)
        if not self.experiment:
            return Run(
                number, self.title, root=root, folder=folder, is_live=lambda: _is_written(folder)
            )
        return Run(
            number,
            self.title,
            root=root,
            folder=folder,
            open_trials=lambda: _experiment_trials(folder),
            is_live=lambda: _is_run(folder),
        )


def folder_of(path: Path, option: str) -> Path:
    """The folder that a user named, without links in its path.

    Raises:
        ConfigError: if there is none.
    """
    path = path.expanduser()
    if path.is_dir():
        return path.resolve()
    if path.exists():
        message = f"{path} is a file; name the folder that it lies in"
        raise ConfigError(message, option)
    beside: list[str] = []
    with suppress(OSError):
        beside = [entry.name for entry in path.absolute().parent.iterdir() if entry.is_dir()]
    raise ConfigError(f"no such folder: {path}{did_you_mean(path.name, beside)}", option)


def find_in_folder(root: Path) -> list[Found]:
    """The searches and experiments in a folder; the newest first.

    A folder that is none itself is looked through: its folders, and those of its `logs` and
    `nas-experiments`.
    """
    itself = _found(root, root)
    if itself is not None:
        return [itself]
    inside = {found.key: found for folder in _candidates(root) if (found := _found(folder, root))}
    return sorted(inside.values(), key=lambda found: -found.changed)[:_SHOWN]


def find_experiment(folder: ExperimentFolder) -> list[Found]:
    """An experiment that was asked for."""
    path = folder.path
    title = clean_text(path.name)
    return [Found(str(path), title, _changed(path), folder=path, experiment=True)]


def find_studies(url: str, study: str | None = None) -> list[Found]:
    """The studies of a storage, the newest first, or the one that is named.

    Raises:
        ExperimentError: if the storage or the study is not there.
    """
    from nas_tuners.experiment.storages.storage import hide_password

    from .trials.opening import studies_in

    names = studies_in(url)[::-1]
    shown = f"the storage {hide_password(os.path.expandvars(url))}"
    if not names:
        raise ExperimentError(f"{shown} holds no study yet")
    if study is None:
        return [_study(url, name) for name in names[:_SHOWN]]
    if study not in names:
        hint = did_you_mean(study, names)
        known = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise ExperimentError(f"{shown} has no study {study!r}{hint} (it has: {known})")
    return [_study(url, study)]


def is_experiment(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _EXPERIMENT)


def _candidates(root: Path) -> Iterator[Path]:
    yield from _folders(root)
    for name in _PARENTS:
        if (root / name).is_dir():
            yield from _folders(root / name)


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError), os.scandir(folder) as entries:
        for _, entry in zip(range(_LOOKED_AT), entries, strict=False):
            if not entry.name.startswith("."):
                yield Path(entry.path)


def _found(folder: Path, root: Path) -> Found | None:
    """The search in a folder, if there is one and the folder lies where it should."""
    try:
        real = folder.resolve()
        if not real.is_dir() or not is_inside(real, root):
            return None
        experiment = is_experiment(real)
        if not experiment and not any(_is_file(real / name) for name in (GRAPH, LOG)):
            return None
    except (OSError, RuntimeError):
        return None
    title = str(real.relative_to(root)) if real != root else root.name
    return Found(str(real), clean_text(title), _changed(real), folder=real, experiment=experiment)


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and not path.is_dir()


def _changed(folder: Path) -> float:
    return max(map(_modified, [folder / name for name in (GRAPH, LOG, "runner.json")]))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_run(folder: Path) -> bool:
    """Whether a runner has an experiment."""
    from nas_tuners.experiment.folder import ExperimentFolder

    with suppress(ExperimentError, OSError):
        return ExperimentFolder(folder).runner() is not None
    return False


def _is_written(folder: Path) -> bool:
    """Whether a recorded search has just been written to."""
    return time.time() - _changed(folder) < _JUST


def _experiment_trials(folder: Path) -> TrialsSource:
    from .trials.source import Trials

    return Trials.of_experiment(folder)


def _study(url: str, name: str) -> Found:
    from .trials.source import Trials

    title = clean_text(name)
    return Found(name, title, open_trials=lambda: Trials.of_storage(url, name), storage=url)
