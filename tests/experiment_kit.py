"""A folder with a configuration and a trial script, and the command run in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import yaml

from nas_tuners.cli import main

SPACE: dict[str, Any] = {
    "a": {"_type": "layer_choice", "_value": ["x", "y", "z"]},
    "b": {"_type": "layer_choice", "_value": ["p", "q", "r", "s"]},
}

# The trials need the standard library only, so that one costs some 50 ms.
PRELUDE = """
import os, signal, sys, time
from pathlib import Path
from nas_tuners.contract.trial_io import Metric, append_metric, read_assignment

folder = Path(os.environ["NAS_TUNERS_TRIAL_DIR"])
assignment = read_assignment(folder)
number = assignment.number
value = 10.0 * assignment.parameters["a"]["_idx"] + assignment.parameters["b"]["_idx"]

def report(value, kind="final", sequence=0):
    append_metric(folder, Metric(kind, sequence, value))

def signal_test():
    with open("signals.fifo", "w") as fifo:
        fifo.write(f"{number} {os.getpid()}\\n")
"""


class Project:
    """What a user has: a folder with ``trial.py`` and ``config.yml``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.experiment = path / "experiment"
        self._fifo: int | None = None
        self._started: list[subprocess.Popen[str]] = []

    def write(self, trial: str = "report(value)", **config: Any) -> None:
        """Write both files; ``config`` adds to (or, with None, removes from) a plain one."""
        (self.path / "trial.py").write_text(PRELUDE + trial)
        content = {
            "command": [sys.executable, "trial.py"],
            "tuner": "random",
            "max_trials": 3,
            "seed": 7,
            "search_space": SPACE,
        }
        content = {k: v for k, v in (content | config).items() if v is not None}
        (self.path / "config.yml").write_text(yaml.safe_dump(content))

    def start(
        self, *arguments: str, through: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[str]:
        """The command as a process of its own, in this folder, or what ``through`` makes of it."""
        process = subprocess.Popen(
            [*through, sys.executable, "-m", "nas_tuners.cli", *arguments],
            cwd=self.path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        self._started.append(process)
        return process

    def start_run(self, **options: Any) -> subprocess.Popen[str]:
        return self.start("run", "config.yml", "--folder", "experiment", **options)

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The command, run to its end within this process, which is a second quicker."""
        words = list(map(str, arguments))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(words)
            except SystemExit as exit:  # of argparse
                code = int(exit.code or 0)
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def run(self) -> subprocess.CompletedProcess[str]:
        return self.command("run", self.path / "config.yml", "--folder", self.experiment)

    def resume(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.command("resume", self.experiment, *arguments)

    def open_signals(self) -> None:
        """Make the pipe into which trials write with ``signal_test()``."""
        os.mkfifo(self.path / "signals.fifo")
        self._fifo = os.open(self.path / "signals.fifo", os.O_RDWR)

    def wait_for_trial(self) -> tuple[int, int]:
        """Number and process id of the next trial that calls ``signal_test()``."""
        assert self._fifo is not None
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self._fifo, 1)
        number, pid = line.split()
        return int(number), int(pid)

    def close(self) -> None:
        """Leave nothing behind, not even after a test that failed."""
        if self._fifo is not None:
            os.close(self._fifo)
        for process in self._started:
            if process.poll() is None:
                kill(process)

    def trials(self, folder: str = "experiment") -> list[optuna.trial.FrozenTrial]:
        """What the study in an experiment's folder holds."""
        storage = optuna.storages.RDBStorage(f"sqlite:///{self.path / folder / 'study.db'}")
        try:
            (study,) = optuna.get_all_study_summaries(storage)
            return optuna.load_study(study_name=study.study_name, storage=storage).trials
        finally:
            storage.remove_session()
            storage.engine.dispose()

    def states(self) -> list[str]:
        return [trial.state.name for trial in self.trials()]

    def reasons(self) -> list[str]:
        """Why trials failed."""
        return [trial.user_attrs.get("failure", "") for trial in self.trials()]

    def trial_record(self, number: int) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(
            (self.trial_folder(number) / "trial.json").read_text()
        )
        return content

    def trial_folder(self, number: int) -> Path:
        return self.experiment / "trials" / f"{number:04d}"


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a process and take what it printed."""
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def eventually(condition: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    """Whether something that other processes bring about has come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def kill(process: subprocess.Popen[str]) -> None:
    """``kill -9``, as the system's memory guard does it."""
    process.send_signal(signal.SIGKILL)
    finish(process)
