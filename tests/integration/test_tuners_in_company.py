"""Tuners in several processes on one study: each is a fold over the history that all share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from nas_tuners.tuners import TUNERS
from nas_tuners.tuners._history import HistoryFollower
from tests.integration.tuner_worker import ENCODING, open_study, tuner_named

WORKER = Path(__file__).with_name("tuner_worker.py")
PROCESSES = 4
FAST = "RegularizedEvolutionTuner"
LEARNERS = sorted(TUNERS.keys() - {"BatchTuner", "GridSearchTuner"})


class Company:
    """Processes that search one study."""

    def __init__(self, folder: Path, tuner: str) -> None:
        self.journal, self.tuner = str(folder / "journal.log"), tuner
        self.processes = [self._process() for _ in range(PROCESSES)]

    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(WORKER), self.journal, self.tuner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},  # four of them are at work already
        )

    def do(self, command: str, processes: Sequence[subprocess.Popen[str]] = ()) -> list[str]:
        """What each answers; they work at the same time."""
        asked = processes or self.processes
        for process in asked:
            assert process.stdin is not None
            process.stdin.write(f"{command}\n")
            process.stdin.flush()
        return [process.stdout.readline().strip() for process in asked if process.stdout]

    def kill_one(self) -> None:
        """While it runs a trial."""
        victim = self.processes.pop()
        assert self.do("hold", [victim]) == ["holding"]
        victim.kill()
        victim.communicate()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()

    def trials(self) -> list[FrozenTrial]:
        return open_study(self.journal, self.tuner).get_trials()

    def digests(self) -> set[str]:
        """Of every process, and of a new one that has the whole history before it at once."""
        digests = self.do("digest")
        self.processes.append(self._process())
        return {*digests, *self.do("replay", self.processes[-1:])}


@pytest.fixture
def company(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Company]:
    made = Company(tmp_path, request.param)
    yield made
    made.close()


def _others_are(mark: pytest.MarkDecorator) -> list[Any]:
    return [pytest.param(name, marks=[] if name == FAST else mark) for name in LEARNERS]


def _check_no_repeats(trials: Sequence[FrozenTrial]) -> None:
    assert len({ENCODING.decode(trial.params) for trial in trials}) == len(trials)


@pytest.mark.parametrize("company", _others_are(pytest.mark.extended), indirect=True)
def test_four_processes_come_to_the_same_state(company: Company) -> None:
    assert company.do("search 8") == ["searched"] * PROCESSES
    assert len(company.digests()) == 1
    trials = company.trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * PROCESSES * 8
    _check_no_repeats(trials)


@pytest.mark.parametrize("company", _others_are(pytest.mark.slow), indirect=True)
def test_one_is_killed_and_the_others_go_on(company: Company) -> None:
    company.do("search 4")
    company.kill_one()
    assert company.do("search 4") == ["searched"] * (PROCESSES - 1)
    assert len(company.digests()) == 1
    trials = company.trials()
    _check_no_repeats(trials)
    [zombie] = [trial for trial in trials if not trial.state.is_finished()]
    vector = ENCODING.decode(zombie.params)
    assert _follower(company, hours_later=0.5).is_taken(9_000, vector, trials)
    assert not _follower(company, hours_later=2.0).is_taken(9_000, vector, trials)


def _follower(company: Company, *, hours_later: float) -> HistoryFollower:
    later = datetime.now() + timedelta(hours=hours_later)
    tuner = tuner_named(company.tuner)
    return HistoryFollower(tuner, ENCODING, pending_timeout=None, clock=lambda: later)
