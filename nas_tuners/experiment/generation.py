"""Generating a search space by running the trial command until it has built its model."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from nas_tuners.contract.errors import ExperimentError, SearchSpaceError, TrialError
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE

from .configuration.config import Command
from .durations import format_duration
from .local.processes import signal_group
from .local.spawners import arguments, trial_environment
from .trial_files import tail


def generate_search_space(
    command: Command,
    *,
    cwd: Path,
    timeout: float = 600.0,
    environment: dict[str, str] | None = None,
) -> SearchSpace:
    """Run a command that calls ``get_and_apply_next_architecture`` and take the space it writes.

    Args:
        command: A text for the shell, or a list of arguments.
        cwd: Where it runs.
        timeout: Seconds after which it is ended.
        environment: Variables to add.

    Raises:
        TrialError: if it fails, takes too long, or never writes a space.
        SearchSpaceError: if what it writes is none.
    """
    folder = Path(tempfile.mkdtemp(prefix="nas-tuners-"))
    try:
        target, output = folder / "search_space.json", folder / "output.txt"
        variables = {**(environment or {}), GEN_SEARCH_SPACE: str(target)}
        code = _run(command, cwd, trial_environment(variables), output, timeout)
        if code != 0:
            raise TrialError(_with_output(f"{_shown(command)} {_ended(code)}", output))
        return _load(target, command, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save_search_space(space: SearchSpace, file: Path) -> None:
    """Write a search-space file, whole or not at all.

    Raises:
        ExperimentError: if it cannot be written.
    """
    try:
        write_text(file, space.dumps())
    except OSError as error:
        raise ExperimentError(f"{file} cannot be written: {error}") from error


def _run(
    command: Command, cwd: Path, environment: dict[str, str], output: Path, timeout: float
) -> int:
    try:
        with output.open("wb") as file:
            process = subprocess.Popen(
                arguments(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise TrialError(f"{_shown(command)} cannot be run: {error}") from error
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        message = f"{_shown(command)} had not written its search space after"
        raise TrialError(
            _with_output(f"{message} {format_duration(timeout)}; it was ended", output)
        ) from None
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def _load(target: Path, command: Command, output: Path) -> SearchSpace:
    if not target.exists():
        message = (
            f"{_shown(command)} ended well but never called "
            "get_and_apply_next_architecture(model), which writes the search space"
        )
        raise TrialError(_with_output(message, output))
    try:
        text = target.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SearchSpaceError(f"cannot be read: {error}", "the generated search space") from error
    return SearchSpace.loads(text, source="the generated search space")


def _ended(code: int) -> str:
    return f"failed with exit code {code}" if code > 0 else f"was killed by signal {-code}"


def _shown(command: Command) -> str:
    return f"`{command if isinstance(command, str) else ' '.join(command)}`"


def _with_output(message: str, output: Path) -> str:
    words = tail(output, lines=20)
    return f"{message}\nIts last output:\n{words}" if words else message
