"""A command of the user's that is told of events."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from nas_tuners.contract.errors import Problem, did_you_mean

from ..configuration.parts import NotifyConfig
from ..local.processes import signal_group
from ..local.spawners import trial_environment
from ..trial_files import last_words
from .events import SUBSCRIPTIONS, ExperimentEvent, without_passwords

EVENT_VARIABLE = "NAS_TUNERS_EVENT"

_TIMEOUT = 60.0  # seconds that the command may take

_logger = logging.getLogger(__name__)


class Hook:
    """Runs a command for each event that it subscribes to, one at a time.

    The command is a list and no shell sees it. It finds the event's record in its standard input
    and the event's name in the variable ``NAS_TUNERS_EVENT``.

    Args:
        config: The command and its events.
        cwd: Where it runs.
        timeout: Seconds after which it is killed.
    """

    def __init__(self, config: NotifyConfig, *, cwd: Path, timeout: float = _TIMEOUT) -> None:
        self._command, self._events = list(config.command), frozenset(config.events)
        self._cwd, self._timeout = cwd, timeout
        self._running: subprocess.Popen[str] | None = None
        self._stopped = False

    @property
    def label(self) -> str:
        """The command, in messages."""
        return f"Command {self._command[0]} of `notify`"

    def wants(self, event: ExperimentEvent) -> bool:
        return not self._events.isdisjoint(event.names)

    def handle(self, event: ExperimentEvent) -> None:
        """Run the command and wait for its end; what goes wrong is logged."""
        if self._stopped:
            return
        with tempfile.NamedTemporaryFile("w") as output:
            try:
                problem = self._run(event, output)
            except (OSError, ValueError) as error:
                problem = str(error)
            said = without_passwords(last_words(Path(output.name)))
        if problem:
            _logger.warning("%s on %s: %s", self.label, event.name, f"{problem} {said}".strip())

    def stop(self) -> None:
        """Kill what runs, and run nothing more."""
        self._stopped = True
        running = self._running
        if running is not None and running.poll() is None:
            signal_group(running.pid, signal.SIGKILL)

    def _run(self, event: ExperimentEvent, output: IO[str]) -> str:
        """What went wrong; empty if nothing did."""
        process = self._running = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            text=True,
            cwd=self._cwd,
            env=trial_environment({EVENT_VARIABLE: event.name}),
            start_new_session=True,  # Ctrl-C is meant for the run
        )
        if self._stopped:  # meanwhile, by who did not know of it yet
            signal_group(process.pid, signal.SIGKILL)
        try:
            process.communicate(json.dumps(event.record(), default=str), timeout=self._timeout)
        except subprocess.TimeoutExpired:
            signal_group(process.pid, signal.SIGKILL)
            process.wait()
            return f"killed after {self._timeout:g} seconds."
        return f"exit code {process.returncode}." if process.returncode else ""


def notify_problems(config: NotifyConfig | None, *, cwd: Path = Path()) -> list[Problem]:
    """What is wrong with the command that a configuration names, and with its events.

    Args:
        config: The command and its events.
        cwd: Where it will run.
    """
    if config is None:
        return []
    known = f"(known: {', '.join(SUBSCRIPTIONS)})"
    events = [
        Problem("notify.events", f"no event {name!r}{did_you_mean(name, SUBSCRIPTIONS)} {known}")
        for name in config.events
        if name not in SUBSCRIPTIONS
    ]
    return [*_program_problems(config.command[0], cwd), *events]


def _program_problems(program: str, cwd: Path) -> list[Problem]:
    """A command that is not there should be known now, and not after the last trial."""
    place = str(cwd / program) if "/" in program else program
    if shutil.which(place, path=trial_environment({})["PATH"]):
        return []
    where = "on the PATH" if place == program else "that can be run"
    return [Problem("notify.command", f"no program {place!r} {where}")]
