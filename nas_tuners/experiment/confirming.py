"""Runs the best architectures of an experiment again, with new seeds.

::

    confirm/seed-1/0012/    a folder like a trial's, for each seed and trial of the search
    confirm/result.json     what the runs say
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import final

from nas_tuners._candidates import Direction
from nas_tuners.confirmation import Confirmation, Run, candidates_of, plan, summarize
from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import ExperimentError, SearchSpaceExhausted
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.trial_io import Assignment, Metric

from .budgets import Budgets
from .folder import ExperimentFolder
from .launchers import local_launcher
from .loop import Ending, Limits, Loop, Nothing, Observer
from .outcome import Complete, Failed, Outcome
from .records import StudyTrial
from .results import read_results
from .signals import StopSignals
from .study_setup import goals_of
from .trial_files import kill_process_of, record, reported, trial_folder

SEED = "NAS_TUNERS_SEED"
"""The environment variable that tells a trial its seed."""

_GIVEN_UP = (Ending.INTERRUPTED, Ending.FAILURES)


@final
class ConfirmRuns:
    """The runs that confirm the best of an experiment; those made earlier are not made again.

    Args:
        folder: The experiment.
        top_k: How many architectures.
        seeds: How many runs each.

    Attributes:
        runs: All that are planned, seed by seed.
        ending: Why it ended early; None if it did not.

    Raises:
        ExperimentError: if no trial has succeeded, or none within its bounds.
    """

    def __init__(self, folder: ExperimentFolder, *, top_k: int, seeds: int) -> None:
        results = read_results(folder)
        self._folder, self._config = folder, folder.config()
        self._direction: Direction = "maximize" if results.maximize else "minimize"
        complete = [t for t in results.trials if t.state == "complete" and t.architecture]
        if complete and not any(trial.feasible for trial in complete):
            raise ExperimentError(f"nothing to confirm: {results.why_none_is_feasible()}")
        complete = [trial for trial in complete if trial.feasible]
        records = [{"parameter": trial.architecture, "value": trial.value} for trial in complete]
        self._candidates = candidates_of(records, top_k, optimize_mode=self._direction)
        self._numbers = [
            next(trial.number for trial in complete if trial.architecture == candidate.parameters)
            for candidate in self._candidates
        ]
        self.runs = plan(self._candidates, seeds)
        self.ending: Ending | None = None

    def number_of(self, architecture: dict[str, object]) -> int:
        """The trial in which the search tried it."""
        places = [c.parameters for c in self._candidates]
        return self._numbers[places.index(architecture)]

    def run(self, *, signals: StopSignals, observers: Iterable[Observer] = ()) -> Confirmation:
        """Make the runs that are missing and say what all of them say.

        Raises:
            ExperimentError: if a runner is at work in the folder, or the disk is unusable.
        """
        outcomes: list[tuple[Run, float | str]] = []
        try:
            with self._folder.locked():
                for seed, runs in groupby(self.runs, key=lambda run: run.seed):
                    outcomes += self._run_seed(seed, list(runs), signals, observers)
                    if self.ending in _GIVEN_UP:
                        break
            return self._conclude(outcomes)
        except OSError as error:
            raise ExperimentError(f"the runs cannot go on: {error}") from error

    def _run_seed(
        self, seed: int, runs: Sequence[Run], signals: StopSignals, observers: Iterable[Observer]
    ) -> list[tuple[Run, float | str]]:
        trials = self._folder.path / "confirm" / f"seed-{seed}"
        source = _Planned(trials, goals_of(self._config).objectives[0][0])
        for run in runs:
            source.add(self._trial(run))
        environment = {**self._config.environment, SEED: str(seed)}
        with local_launcher(self._config, trials=trials, environment=environment) as launcher:
            signals.heed(launcher.wake)
            loop = Loop(
                source,
                launcher,
                self._limits(),
                clock=time.monotonic,
                observers=observers,
                interrupted=lambda: signals.requested,
            )
            ending = loop.run()
        self.ending = ending if ending in _GIVEN_UP else None
        made = [(run, source.outcomes.get(self._numbers[run.place])) for run in runs]
        return [(run, outcome) for run, outcome in made if outcome is not None]

    def _trial(self, run: Run) -> StudyTrial:
        space, number = self._folder.space(), self._numbers[run.place]
        experiment_id = self._folder.state().experiment_id
        parameters = to_parameters(space, to_vector(space, run.parameters))
        if self._config.budget is not None:
            parameters = Budgets.given(parameters, self._config.budget.maximum)
        assignment = Assignment(
            experiment_id,
            f"{experiment_id}-{number:04d}-seed-{run.seed}",
            number,
            parameters,
            space.to_dict(),
            goals_of(self._config).objectives[0][0],
        )
        return StudyTrial(number, assignment, run.parameters)

    def _limits(self) -> Limits:
        return Limits(
            concurrency=self._config.concurrency,
            max_trial_duration=self._config.max_trial_duration,
            max_consecutive_failures=self._config.max_consecutive_failures,
        )

    def _conclude(self, outcomes: Sequence[tuple[Run, float | str]]) -> Confirmation:
        said = summarize(self._candidates, outcomes, optimize_mode=self._direction)
        rows = [asdict(row) | {"trial": self.number_of(row.parameters)} for row in said.candidates]
        text = json.dumps(rows, indent=2, ensure_ascii=False)
        write_text(self._folder.path / "confirm" / "result.json", text + "\n")
        return said


class _Planned:
    """The runs of one seed, as the loop wants them."""

    def __init__(self, trials: Path, metric: str) -> None:
        self._trials, self._metric = trials, metric
        self._waiting: deque[StudyTrial] = deque()
        self.outcomes: dict[int, float | str] = {}

    def add(self, trial: StudyTrial) -> None:
        """Plan a run, unless it has its result already."""
        files = trial_folder(self._trials, trial.number)
        kill_process_of(files)
        finals = [metric for metric in reported(files, self._metric) if metric.kind == "final"]
        if finals:
            self.outcomes[trial.number] = finals[-1].number(self._metric)
        else:
            self._waiting.append(trial)

    def ask(self, *, max_trials: int | None = None) -> StudyTrial | Nothing:
        if not self._waiting:
            raise SearchSpaceExhausted("every run has been made")
        return self._waiting.popleft()

    def is_over(self, *, max_trials: int | None = None) -> bool:
        return not self._waiting

    def report(self, trial: StudyTrial, metric: Metric) -> str | None:
        return None

    def gone(self) -> tuple[int, ...]:
        return ()

    def tell(
        self, trial: StudyTrial, outcome: Outcome, *, seconds: float | None = None
    ) -> Outcome:
        files = trial_folder(self._trials, trial.number)
        if isinstance(outcome, Complete):
            self.outcomes[trial.number] = outcome.metric.number(self._metric)
            record(files, state="complete")
        elif isinstance(outcome, Failed):
            self.outcomes[trial.number] = outcome.reason
            record(files, state="failed", reason=outcome.reason)
        return outcome
