"""The list of runs: it grows while searches begin, and numbers stay what they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import ConfigError, ExperimentError, NasTunersError

from ._finding import (
    Found,
    find_experiment,
    find_in_folder,
    find_studies,
    folder_of,
    is_experiment,
)
from ._run import Run


class Runs:
    """The runs of a source.

    Args:
        find: Gives what there is now, the newest first.
        root: The folder that no file is read outside of; None if there is none.
    """

    def __init__(self, find: Callable[[], Sequence[Found]], root: Path | None = None) -> None:
        self._find = find
        self._root = root
        self._known: dict[str, Run] = {}
        self._shown: list[Run] = []
        self._lock = threading.Lock()
        self.refresh()

    def refresh(self) -> list[Run]:
        """The runs that there are now, the newest first; those of before where none can be read.

        Raises:
            NasTunersError: if they could never be read.
        """
        with self._lock:
            try:
                found = self._find()
            except NasTunersError:
                if not self._shown:
                    raise
                return list(self._shown)
            self._shown = [self._run_of(one) for one in found]
            return list(self._shown)

    def get(self, run_id: str) -> Run | None:
        """A run by its id, of those that were ever listed."""
        return next((run for run in list(self._known.values()) if run.id == run_id), None)

    def _run_of(self, found: Found) -> Run:
        if found.key not in self._known:
            self._known[found.key] = found.run(len(self._known), self._root)
        return self._known[found.key]

    def listing(self) -> list[dict[str, Any]]:
        """The runs, as ``/api/runs`` has them."""
        return [run.summary() for run in self.refresh()]

    def storages(self) -> dict[str, list[Run]]:
        """The storages of the studies that are shown, with their runs; the newest run's first."""
        storages: dict[str, list[Run]] = {}
        for found in self._find():
            url = found.storage_url()
            if url is not None:
                storages.setdefault(url, []).append(self._run_of(found))
        return storages

    def close(self) -> None:
        for run in self._known.values():
            run.close()


def runs_in_folder(path: str | Path, option: str = "--logdir") -> Runs:
    """The recorded searches in a folder, or the one that it is; it may also be an experiment's.

    Raises:
        ConfigError: if there is no such folder.
    """
    root = folder_of(Path(path), option)
    return Runs(lambda: find_in_folder(root), root)


def runs_of_experiment(path: str | Path) -> Runs:
    """An experiment, by its folder.

    Raises:
        ExperimentError: if the folder holds none.
    """
    from nas_tuners.experiment.folder import ExperimentFolder

    path = Path(path).expanduser()
    if path.is_dir() and not is_experiment(path) and _is_recorded(path):
        raise ExperimentError(
            f"{path} holds a recorded search and no experiment; show it with --logdir {path}"
        )
    folder = ExperimentFolder(path)
    return Runs(lambda: find_experiment(folder), folder.path)


def runs_of_storage(url: str, study: str | None = None) -> Runs:
    """The studies of a storage, or one of them.

    Raises:
        ExperimentError: if the storage or the study is not there.
    """
    return Runs(lambda: find_studies(url, study))


def runs_of(source: Any) -> Runs:
    """What a user of Python names: a folder, a storage, an experiment or a study.

    Raises:
        ConfigError: if it is nothing of the kind, or not there.
        ExperimentError: if its storage cannot be read.
    """
    if isinstance(source, Runs):
        return source
    if isinstance(source, str) and "://" in source:
        return runs_of_storage(source)
    if isinstance(source, str | Path):
        return runs_in_folder(source, "source")
    if hasattr(source, "export_top_models"):  # an Experiment
        if source.folder is None:
            raise ConfigError("the experiment has not run yet", "source")
        return runs_of_experiment(source.folder)
    if hasattr(source, "study_name") and hasattr(source, "trials"):
        from .trials.source import Trials

        name = source.study_name
        found = Found(name, name, open_trials=lambda: Trials.of_study(source))
        return Runs(lambda: [found])
    raise ConfigError(
        "must be a folder, the URL of a storage, an Experiment or an Optuna study, "
        f"got {type(source).__name__}",
        "source",
    )


def _is_recorded(path: Path) -> bool:
    return any(not found.experiment for found in find_in_folder(path.resolve()))
