"""Throughput and memory of a search over a table, from its first trial to its ten-thousandth.

An architecture is looked up in this process, so that what is left is the experiment's own: the
loop, the tuner, and the study. One search is run as a user would run it, with ``function:``, which
costs a process a trial and its files.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tqdm import tqdm

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import Assignment, Metric
from nas_tuners.experiment.configuration.parts import TunerConfig
from nas_tuners.experiment.launcher import Event, Exited, Reported
from nas_tuners.experiment.loop import Finished, Limits, Loop
from nas_tuners.experiment.records import StudyTrial

from .._claim import Claim
from ._search import SPACE, Table, config, in_new_process, new_experiment, new_storages

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

TRIALS = 10_000
TUNERS = ("RegularizedEvolution", "random")
EARLY = slice(50, 150)  # trials; the late ones are the last tenth
SLOWEST = 1.25  # times the early trials: 80 % of their throughput
PROMISED = {"memory", "journal"}
FUNCTION = """
import numpy as np
SCORES = np.random.default_rng(0).random((5,) * 8)
def evaluate(parameters):
    return float(SCORES[tuple(choice["_idx"] for choice in parameters.values())])
"""


@dataclass
class Curve:
    """An observer: when each trial ended, and how much memory the process held then."""

    seconds: list[float] = field(default_factory=list)
    kilobytes: list[int] = field(default_factory=list)

    def started(self, trial: StudyTrial) -> None:
        pass

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        pass

    def finished(self, finished: Finished) -> None:
        self.note()

    def waiting(self, reason: str) -> None:
        pass

    def tick(self, elapsed: float) -> None:
        pass

    def note(self) -> None:
        self.seconds.append(time.perf_counter())
        self.kilobytes.append(_resident_kilobytes())

    def milliseconds(self, trials: slice) -> float:
        """Of a trial, on average."""
        ends = self.seconds[trials]
        return 1e3 * (ends[-1] - ends[0]) / (len(ends) - 1)

    def growth(self) -> float:
        """Kilobytes that a trial adds, over the later nine tenths."""
        early = len(self.kilobytes) // 10
        return (self.kilobytes[-1] - self.kilobytes[early]) / (len(self.kilobytes) - early)


class LookUp:
    """A launcher whose trials are over at once."""

    def __init__(self) -> None:
        self._table = Table()
        self._events: list[Event] = []

    def has_room(self) -> bool:
        return not self._events

    def waits_for(self) -> str:
        return ""

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        score = self._table(assignment.parameters)
        self._events += [
            Reported(assignment.number, Metric("final", 0, score)),
            Exited(assignment.number, 0),
        ]

    def events(self, timeout: float) -> list[Event]:
        events, self._events = self._events, []
        return events

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        pass

    def wake(self) -> None:
        pass


def measure(seed: int, trials: int = TRIALS) -> list[Claim]:
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as folder, new_storages(Path(folder)) as storages:
        for name, new in tqdm(({"memory": lambda: "memory"} | storages).items(), leave=False):
            alone = in_new_process(record_trials, new(), trials)
            for tuner in TUNERS if name in PROMISED else TUNERS[:1]:
                curve = in_new_process(search, new(), tuner, trials, seed)
                limit = SLOWEST if name in PROMISED else None
                claims += _claims(f"{name}, {tuner}", curve, alone, limit=limit)
        curve = in_new_process(run_functions, Path(folder), trials, seed)
    return claims + list(_claims("SQLite, function:, RegularizedEvolution", curve))


def search(url: str, tuner: str, trials: int, seed: int) -> Curve:
    """Search the table, all in one process."""
    from nas_tuners.experiment.study import ExperimentStudy
    from nas_tuners.experiment.study_setup import goals_of, make_tuner_of, open_study
    from nas_tuners.tuners._history import HistoryFollower
    from nas_tuners.tuners._study import attach_space

    searched = config(Path(), function="table:evaluate", tuner=TunerConfig(tuner), seed=seed)
    curve = Curve()
    with _opened(url) as storage:
        study = open_study(storage, searched)
        encoding = attach_space(study, SearchSpace(SPACE))
        source = ExperimentStudy(
            study,
            encoding,
            HistoryFollower(make_tuner_of(searched), encoding),
            goals=goals_of(searched),
            experiment_id="bench",
        )
        limits = Limits(max_trials=trials)
        Loop(source, LookUp(), limits, clock=time.monotonic, observers=[curve]).run()
    return curve


def record_trials(url: str, trials: int) -> Curve:
    """What Optuna's storage takes for the same records, read back before each trial."""
    import optuna
    from optuna.trial import TrialState, create_trial

    from nas_tuners.contract.flat_encoding import FlatEncoding
    from nas_tuners.experiment.storages.operations import finish_trial
    from nas_tuners.tuners._study import distributions

    encoding = FlatEncoding(SearchSpace(SPACE))
    ranges = distributions(encoding)
    curve = Curve()
    with _opened(url) as storage:
        study_id = optuna.create_study(storage=storage)._study_id
        for number in range(trials):
            storage.get_all_trials(study_id, deepcopy=False)
            vector = encoding.space.sample(Random(number))
            template = create_trial(
                state=TrialState.RUNNING,
                params=encoding.encode(vector),
                distributions=ranges,
                user_attrs={"architecture": to_architecture(encoding.space, vector)},
                system_attrs={"nas_tuners:runner": "bench"},
            )
            template.datetime_start = datetime.now()
            trial = storage.create_new_trial(study_id, template)
            finish_trial(storage, trial, TrialState.COMPLETE, values=[0.5])
            curve.note()
    return curve


def run_functions(folder: Path, trials: int, seed: int) -> Curve:
    """Search the table with a warm process a trial."""
    from nas_tuners.experiment.runner import run_experiment
    from nas_tuners.experiment.signals import StopSignals

    (folder / "table.py").write_text(FUNCTION)
    experiment = new_experiment(
        folder / "experiment",
        function="table:evaluate",
        tuner=TunerConfig("RegularizedEvolution"),
        max_trials=trials,
        seed=seed,
    )
    curve = Curve()
    with StopSignals("") as signals:
        run_experiment(experiment, signals=signals, observers=[curve])
    return curve


@contextmanager
def _opened(url: str) -> Iterator[BaseStorage]:
    import optuna

    from nas_tuners.experiment.storages.storage import open_storage

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if url == "memory":
        yield optuna.storages.InMemoryStorage()
        return
    with open_storage(url) as storage:
        yield storage


def _claims(
    name: str, curve: Curve, alone: Curve | None = None, *, limit: float | None = None
) -> Iterator[Claim]:
    trials = len(curve.seconds)
    at = f"trial {trials:,}"
    latest = slice(-trials // 10, None)
    late, early = curve.milliseconds(latest), curve.milliseconds(EARLY)
    yield Claim(f"{name}: {at}", late, early, "trial 100", "ms", limit)
    megabytes = [kilobytes / 1e3 for kilobytes in curve.kilobytes]
    before = trials // 10
    yield Claim(
        f"{name}: memory at {at}", megabytes[-1], megabytes[before], f"at {before:,}", "MB", None
    )
    if alone is not None:
        own = alone.milliseconds(latest)
        yield Claim(f"{name}: {at}", late, own, "the storage alone", "ms", None)
        own = alone.growth()
        yield Claim(
            f"{name}: memory that a trial adds", curve.growth(), own, "storage alone", "kB", None
        )


def _resident_kilobytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4
