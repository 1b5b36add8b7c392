"""Trials a minute of four workers on one study in PostgreSQL, against one worker.

A trial sleeps for a second. What counts is the time from the first trial's start to the last
one's end. Every trial must have been run, to its end, and once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from nas_tuners.experiment.events.file import EVENTS_FILE, read_events
from tests.servers import PostgresServer, postgres_server

from .._claim import Claim
from ._search import in_new_process, new_experiment

WORKERS, TRIALS = 4, 40  # trials a worker
PROMISED = 3.0  # times the trials a minute of one
TRIAL = """
import os, time
def evaluate(parameters):
    with open(os.environ["RAN"], "a") as ran:
        ran.write(os.environ["NAS_TUNERS_TRIAL_DIR"].rpartition("/")[2] + "\\n")
    time.sleep(1.0)
    return 0.5
"""


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        one = _seconds(Path(folder) / "one", server, 1, seed)
        four = _seconds(Path(folder) / "four", server, WORKERS, seed)
    return [
        Claim(
            f"{WORKERS} workers on PostgreSQL, a trial of a second",
            four,
            one,
            "one worker",
            "s a trial",
            1 / PROMISED,
        ),
        Claim("one worker on PostgreSQL, a trial of a second", one, 1.0, "the trial", "s", None),
    ]


def _seconds(path: Path, server: PostgresServer, workers: int, seed: int) -> float:
    """Seconds a trial, on average."""
    path.mkdir()
    server.execute(f"create database {path.name}")
    url, trials = server.url(path.name), workers * TRIALS
    (path / "trial.py").write_text(TRIAL)
    in_new_process(_begin, path, url, trials, seed)
    environment = os.environ | {"NAS_TUNERS_STORAGE": url, "RAN": str(path / "ran.txt")}
    folders = [path / f"worker-{number}" for number in range(workers)]
    command = [sys.executable, "-m", "nas_tuners.cli", "worker", "--study", "bench"]
    command += ["--code-directory", str(path), "--folder"]
    processes = [
        subprocess.Popen([*command, str(folder)], env=environment, stdout=subprocess.DEVNULL)
        for folder in folders
    ]
    codes = [process.wait() for process in processes]
    assert codes == [0] * workers, codes
    in_new_process(_check, url, (path / "ran.txt").read_text().split(), trials)
    return _span(folders) / trials


def _begin(path: Path, url: str, trials: int, seed: int) -> None:
    from nas_tuners.experiment.joining import begin

    fields = {"function": "trial:evaluate", "max_trials": trials, "storage": url, "seed": seed}
    begin(new_experiment(path / "begun", **fields))


def _check(url: str, ran: list[str], trials: int) -> None:
    """That each trial was run once, and each suggestion is another."""
    import optuna

    from nas_tuners.experiment.storages.storage import open_storage

    twice = [number for number, times in Counter(ran).items() if times > 1]
    assert not twice, f"ran twice: {twice}"
    with open_storage(url) as storage:
        study = optuna.load_study(study_name="bench", storage=storage)
        recorded = study.trials
    assert [trial.number for trial in recorded] == list(range(trials))
    assert {f"{trial.number:04d}" for trial in recorded} == set(ran)
    assert all(trial.state.name == "COMPLETE" for trial in recorded)
    assert len({tuple(sorted(trial.params.items())) for trial in recorded}) == trials


def _span(folders: list[Path]) -> float:
    """Seconds from the start of the first trial to the end of the last."""
    events = [event for folder in folders for event in read_events(folder / EVENTS_FILE)]
    starts = [event["time"] for event in events if event["event"] == "trial_started"]
    ends = [event["time"] for event in events if event["event"] == "trial_finished"]
    return max(ends) - min(starts)
