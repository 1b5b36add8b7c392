"""Experiments to which something happens: what their trials did, and what must hold after it."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from nas_tuners.experiment.storages.storage import open_storage
from tests.experiment_kit import SPACE, Project, eventually, finish

WIDE = {f"k{i}": {"_type": "layer_choice", "_value": list("abcdef")} for i in range(6)} | SPACE

# Learns from what it is told, so that a result which is lost or recorded twice shows in what
# follows.
TUNER = {"name": "RegularizedEvolution", "args": {"population_size": 3, "sample_size": 2}}

# Trials write down what they do where no fault can reach it: `number pid word value`.
LOGGING = """
value = sum(6.0**i * p["_idx"] for i, p in enumerate(assignment.parameters.values()))

def note(word):
    with open("runs.log", "a") as log:
        log.write(f"{number} {os.getpid()} {word} {value}\\n")

def earlier():
    lines = [line.split() for line in open("runs.log")] if os.path.exists("runs.log") else []
    return [int(pid) for n, pid, word, _ in lines if int(n) == number and word == "begun"]

def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False

def hold():
    signal_test()
    while True:
        signal.pause()

attempts = earlier()
note("overlaps" if any(map(is_alive, attempts)) else "begun")

def finish():
    note("reports")
    report(value)
    note("reported")
"""
HOLD_TRIAL_3_ONCE = "if number == 3 and not attempts:\n    hold()\nfinish()"

DEADLINE = 60.0  # seconds for what a loaded computer does in one


@dataclass
class Attempt:
    """One process that ran a trial, as it says itself.

    Attributes:
        pid: Its id.
        overlaps: Whether an earlier one was alive when it began.
        value: The result, from just before it was reported.
        reported: Whether it lived on after that.
    """

    pid: int
    overlaps: bool
    value: float | None = None
    reported: bool = False


class Scene(Project):
    """A project whose trials log what they do, and whose processes can all be found."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.storage = f"sqlite:///{self.experiment / 'study.db'}"
        self._mark = ("FAULT_TEST", uuid.uuid4().hex)

    def write(self, trial: str = "finish()", **config: Any) -> None:
        mark, text = self._mark
        environment = {mark: text, **config.pop("environment", {})}
        plain = {"tuner": TUNER, "search_space": WIDE, "max_trials": 8}
        self.storage = config.get("storage") or self.storage
        super().write(LOGGING + trial, environment=environment, **(plain | config))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        mark, text = self._mark
        environment = {**os.environ, mark: text, **options.pop("env", {})}
        return super().start(*arguments, env=environment, preexec_fn=_heed_hangups, **options)

    def start_resume(self, **options: Any) -> subprocess.Popen[str]:
        return self.start("resume", "experiment", **options)

    def start_worker(self, folder: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """A worker on the experiment of ``config.yml``, which it begins if nobody has."""
        words = ["worker", "--config", "config.yml", "--folder", folder, *arguments]
        return self.start(*words, **options)

    def processes(self) -> list[int]:
        """All that live and came of this experiment, wherever they have gone."""
        line = "=".join(self._mark).encode()
        pids = map(int, filter(str.isdecimal, os.listdir("/proc")))
        return [pid for pid in pids if pid != os.getpid() and line in _environment(pid)]

    def attempts(self) -> dict[int, list[Attempt]]:
        """What the trials say that they did, by number."""
        found: dict[int, list[Attempt]] = defaultdict(list)
        for line in self._lines():
            number, pid, word, value = line.split()
            if word in ("begun", "overlaps"):
                found[int(number)].append(Attempt(int(pid), word == "overlaps"))
            elif word in ("reports", "reported"):
                (attempt,) = [a for a in found[int(number)] if a.pid == int(pid)]
                attempt.value, attempt.reported = float(value), word == "reported"
        return dict(found)

    def wait_for(self, word: str, count: int) -> bool:
        """Wait until the trials have noted a word so often."""
        return eventually(lambda: self.count(word) >= count, seconds=DEADLINE)

    def count(self, word: str) -> int:
        return sum(line.split()[2] == word for line in self._lines())

    def recorded(self) -> list[optuna.trial.FrozenTrial]:
        """The trials in the study, wherever it is."""
        with open_storage(self.storage) as storage:
            (study,) = storage.get_all_studies()
            return storage.get_all_trials(study._study_id)

    def said(self, folder: str = "experiment") -> str:
        """What a runner wrote into its log so far."""
        with suppress(FileNotFoundError):
            return (self.path / folder / "runner.log").read_text()
        return ""

    def _lines(self) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.path / "runs.log").read_text().splitlines()
        return []


def check(
    scene: Scene,
    *,
    count: int = 8,
    failed: Collection[int] = (),
    once: bool = True,
    like: Sequence[dict[str, Any]] | None = None,
) -> None:
    """What holds after every fault, once the experiment has come to its end.

    Args:
        scene: The experiment.
        count: How many trials it has.
        failed: Those that may have failed.
        once: Whether no trial may have come to its result twice, or have run in two places.
        like: The architectures of a run to which nothing happened.
    """
    trials, attempts = scene.recorded(), scene.attempts()
    assert [trial.number for trial in trials] == list(range(count))
    assert set(attempts) <= set(range(count))
    for trial in trials:
        of_trial = attempts.get(trial.number, [])
        if trial.state.name == "FAIL":
            assert trial.number in failed, trial.user_attrs
            continue
        assert trial.state.name == "COMPLETE"
        assert {attempt.value for attempt in of_trial} - {None} == {trial.value}
        if once:
            assert not any(attempt.reported for attempt in of_trial[:-1]), "it ran once more"
            assert not any(attempt.overlaps for attempt in of_trial)
    if like is not None:
        assert architectures(trials) == list(like)[:count]
    assert_no_process_left(scene)


def assert_no_process_left(scene: Scene) -> None:
    assert eventually(lambda: not scene.processes(), seconds=DEADLINE), [
        command_line(pid) for pid in scene.processes()
    ]


def assert_ends_well(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a runner that has nothing to complain about."""
    done = finish(process)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def architectures(trials: Sequence[optuna.trial.FrozenTrial]) -> list[dict[str, Any]]:
    return [trial.user_attrs["architecture"] for trial in trials]


def watchdog_of(runner: int) -> int:
    (found,) = [pid for pid in children_of(runner) if "watchdog.py" in command_line(pid)]
    return found


def warm_server_of(runner: int) -> int:
    """The process that a runner's warm trials are forked from, once they are."""
    (found,) = [pid for pid in children_of(runner) if "warm.server" in command_line(pid)]
    return found


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def parent_of(pid: int) -> int:
    """The parent's process id; 0 if the process has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


def _heed_hangups() -> None:
    """Which is not inherited where the tests run in the background of a shell."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _environment(pid: int) -> list[bytes]:
    with suppress(OSError):  # it has ended
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []
