"""What architectures cost, measured by a function of the user's in a process of its own."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from nas_tuners.contract.errors import ConfigError, ExperimentError, Problem

from .local.processes import Watchdog, signal_group

_PROGRAM = "nas_tuners.experiment.measuring_program"
_KEY = "constraint.measure"  # that names the function
_REMEMBERED = 10_000  # architectures
_SHOWN = 300  # characters of an architecture in a message
_LINES = 8  # of a traceback, or of what was said before a crash


class Measurer:
    """Asks a function for the metrics of architectures.

    The function lives in a process of its own, which is started at the first question, imports it
    once, and never outlives this process. Use it as a context.

    Args:
        target: Import path of the function, ``module:function``. It takes the parameters of a
            trial and returns a dict of numbers.
        code_directory: Where to import it from, and the process's working directory.
        environment: All of its environment variables.
        timeout: Seconds for one answer, the import before the first included.
    """

    def __init__(
        self,
        target: str,
        *,
        code_directory: Path,
        environment: Mapping[str, str],
        timeout: float = 60.0,
    ) -> None:
        self.target = target
        self._code_directory = code_directory
        self._environment = dict(environment)
        self._timeout = timeout
        self._process: _Process | None = None
        self._known: OrderedDict[str, dict[str, float]] = OrderedDict()

    def __enter__(self) -> Measurer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def measure(self, parameters: Mapping[str, Any]) -> Mapping[str, float]:
        """The metrics of an architecture, remembered for the next time.

        Raises:
            ConfigError: if there is no such function, or it raises, or gives no numbers.
            ExperimentError: if it ends its process, or does not answer in time.
        """
        question = json.dumps(parameters, sort_keys=True)
        if question not in self._known:
            self._known[question] = self._ask(question)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(question)
        return self._known[question]

    def _ask(self, question: str) -> dict[str, float]:
        try:
            if self._process is None:
                command = [sys.executable, "-m", _PROGRAM, self.target]
                self._process = _Process(command, self._code_directory, self._environment)
            answer = json.loads(self._process.ask(question, self._timeout))
        except _NoAnswer as error:
            self.close()
            raise ExperimentError(self._failure(str(error), question)) from error
        except BaseException:  # Ctrl-C: an answer that comes later would be taken for another's
            self.close()
            raise
        if "absent" in answer:
            raise ConfigError([Problem(_KEY, answer["absent"])])
        if "error" in answer:
            failure = self._failure(_last_lines(answer["error"]), question)
            raise ConfigError([Problem(_KEY, failure)])
        metrics: dict[str, float] = answer["metrics"]
        return metrics

    def _failure(self, why: str, question: str) -> str:
        shown = question if len(question) <= _SHOWN else f"{question[:_SHOWN]}..."
        return f"{self.target} gave no metrics of {shown}\n{why}"


class _NoAnswer(Exception):  # noqa: N818 - becomes an error further up
    """Why there is none."""


class _Process:
    """A program that answers a line with a line, in a process group of its own."""

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self._words: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - see end()
        self._watchdog = Watchdog()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            cwd=cwd,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
        self._watchdog.watch(self._process.pid)

    def ask(self, question: str, timeout: float) -> bytes:
        """The answer.

        Raises:
            _NoAnswer: if the program ends, or does not answer in time.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question.encode() + b"\n")
        except BrokenPipeError:
            raise self._ended() from None
        return self._read_line(time.monotonic() + timeout, timeout)

    def end(self) -> None:
        signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._watchdog.close()
        for file in (self._process.stdin, self._process.stdout, self._words):
            assert file is not None
            file.close()

    def _read_line(self, deadline: float, timeout: float) -> bytes:
        assert self._process.stdout is not None
        handle, line = self._process.stdout.fileno(), b""
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise _NoAnswer(f"it did not answer within {timeout:g} seconds")
                read = os.read(handle, 65_536)
                if not read:
                    raise self._ended()
                line += read
        return line

    def _ended(self) -> _NoAnswer:
        code = self._process.wait()
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        self._words.seek(0)
        words = self._words.read().decode(errors="replace")
        return _NoAnswer(f"its process ended with {how}\n{_last_lines(words)}".rstrip())


def _last_lines(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_LINES:])
