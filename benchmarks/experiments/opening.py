"""Opening an experiment whose study holds ten thousand trials, until the first new suggestion."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from nas_tuners.experiment.configuration.parts import TunerConfig
from nas_tuners.experiment.events.file import EVENTS_FILE, read_events
from nas_tuners.experiment.folder import ExperimentFolder

from .._claim import Claim
from ._search import in_new_process, new_experiment, new_storages

TRIALS = 10_000
TUNERS = ("random", "RegularizedEvolution", "Bayesian")
SECONDS = 10.0  # promised

Parts = dict[str, float]  # what was done -> seconds


def measure(seed: int, trials: int = TRIALS) -> list[Claim]:
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as folder, new_storages(Path(folder)) as storages:
        for name, new in tqdm(storages.items(), leave=False):
            for tuner in TUNERS if name == "SQLite" else TUNERS[:1]:
                experiment = _filled(Path(folder) / f"{name}-{tuner}", new(), tuner, trials, seed)
                parts = in_new_process(opening, experiment)
                claims += _claims(f"{name}, {tuner}", _resume(experiment, trials), parts)
    return claims


def opening(folder: ExperimentFolder) -> Parts:
    """What opening consists of, one part after the other, each in seconds."""
    import optuna

    from nas_tuners.experiment.results import read_results
    from nas_tuners.experiment.storages.storage import open_storage
    from nas_tuners.experiment.study_setup import prepared_tuner
    from nas_tuners.tuners._history import HistoryFollower
    from nas_tuners.tuners._study import attach_space

    clock, parts = _Clock(), {}
    config = folder.config()
    with open_storage(folder.storage_url) as storage:
        study = optuna.load_study(study_name="bench", storage=storage)
        encoding = attach_space(study, folder.space())
        parts["open the storage"] = clock.lap()
        trials = storage.get_all_trials(study._study_id, deepcopy=False)
        parts["read the trials"] = clock.lap()
        tuner = prepared_tuner(config, encoding.space, folder.prior())
        follower = HistoryFollower(tuner, encoding)
        clock.lap()
        follower.propose(len(trials), trials)
        parts["the tuner learns them and suggests"] = clock.lap()
    read_results(folder)
    parts["read the results once more"] = clock.lap()
    return parts


class _Clock:
    def __init__(self) -> None:
        self._now = time.perf_counter()

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self._now = self._now, time.perf_counter()
        return self._now - before


def _filled(path: Path, url: str, tuner: str, trials: int, seed: int) -> ExperimentFolder:
    path.parent.joinpath("trial.py").write_text("def evaluate(parameters):\n    return 0.5\n")
    folder = new_experiment(
        path,
        function="trial:evaluate",
        tuner=TunerConfig(tuner),
        storage=url,
        max_trials=trials + 1,
        seed=seed,
    )
    in_new_process(_fill, folder, trials)
    return folder


def _fill(folder: ExperimentFolder, trials: int) -> None:
    from nas_tuners.experiment.joining import begin

    from ._fill import fill_study, random_trials

    begin(folder)
    fill_study(folder.storage_url, "bench", random_trials(trials))


def _resume(folder: ExperimentFolder, trials: int) -> float:
    """Seconds from the start of the command to that of the next trial."""
    command = [sys.executable, "-m", "nas_tuners.cli", "resume", str(folder.path)]
    start = time.time()
    subprocess.run(command, check=True, capture_output=True)
    events = read_events(folder.path / EVENTS_FILE)
    (began,) = (event["time"] for event in events if event["event"] == "trial_started")
    return began - start


def _claims(name: str, seconds: float, parts: Parts) -> Iterator[Claim]:
    yield Claim(f"{name}: resume to the next trial", seconds, SECONDS, "limit", "s")
    for part, taken in parts.items():
        yield Claim(f"{name}: {part}", taken, seconds, "the whole", "s", None)
