"""What ``run`` and ``resume`` share: run, show progress, and say how it ended and what next."""

from __future__ import annotations

import shlex
import sys
from contextlib import suppress

from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.loop import Ended, Ending
from nas_tuners.experiment.outcome import Complete, Failed, Paused
from nas_tuners.experiment.results import Results, read_results
from nas_tuners.experiment.runner import run_experiment
from nas_tuners.experiment.signals import StopSignals
from nas_tuners.experiment.slurm.submission import run_on_slurm
from nas_tuners.experiment.study_setup import goals_of

from . import exit_codes
from ._progress import Progress
from ._tables import best_table, exhausted_text, introduction

_BEYOND = {Ending.MAX_TRIALS: " --max-trials N", Ending.MAX_DURATION: " --max-duration TIME"}


def run_and_report(folder: ExperimentFolder, signals: StopSignals, *, waits: bool = False) -> int:
    """Run the experiment in a folder; the exit code, the same if nobody reads what it prints."""
    with suppress(BrokenPipeError):
        print(introduction(folder), flush=True)
    config = folder.config()
    try:
        if config.launcher.name == "slurm":
            ended = run_on_slurm(folder, signals=signals, report=_print)
        else:
            ended = _run_here(folder, signals, waits=waits)
    except KeyboardInterrupt:
        _say(f"Interrupted. Resume with: {folder.resume_command}")
        return exit_codes.INTERRUPTED
    results = read_results(folder)
    with suppress(BrokenPipeError):
        _conclude(folder, ended, results)
    return _exit_code(folder, ended, results)


def _run_here(folder: ExperimentFolder, signals: StopSignals, *, waits: bool) -> Ended:
    config = folder.config()
    with Progress(goals_of(config), max_trials=config.max_trials) as progress:
        return run_experiment(
            folder, signals=signals, observers=[progress], begun=progress.begun, waits=waits
        )


def _conclude(folder: ExperimentFolder, ended: Ended, results: Results) -> None:
    best = best_table(results)
    if best:
        print(best)
        if ended.ending in _BEYOND:
            print(f"Ended: {ended.ending.value}. To go on: {_go_on(folder, ended)}")
        elif ended.ending is Ending.EXHAUSTED:
            print(f"Ended: {exhausted_text(results, folder.space())}.")
    print(f"Everything is in {folder.path}")
    path = shlex.quote(str(folder.path))
    if results.several_objectives and results.front():
        print(f"The Pareto front: nas-tuners top --front {path}", flush=True)
    elif best:
        print(f"The best architecture as a file: nas-tuners export {path}", flush=True)


def _exit_code(folder: ExperimentFolder, ended: Ended, results: Results) -> int:
    """Say why it ended, if not by its limits; the exit code."""
    if ended.ending is Ending.INTERRUPTED:
        _say(f"Interrupted. Resume with: {folder.resume_command}")
        return exit_codes.INTERRUPTED
    if ended.ending is Ending.TUNER_ERROR:
        tuner = folder.config().tuner.name
        _say(f"tuner {tuner}: {ended.tuner_error}\nThe traceback is in {folder.log_file}")
        return exit_codes.TUNER_FAILED
    if ended.ending is Ending.FAILURES or not results.best(1):
        _say(_why_no_result(folder, ended))
        return exit_codes.NO_RESULT
    return exit_codes.OK


def _why_no_result(folder: ExperimentFolder, ended: Ended) -> str:
    last, go_on = ended.last_failure, _go_on(folder, ended)
    outcome = last.outcome if last else None
    if last is not None and isinstance(outcome, (Complete, Paused)):
        return _why_not_usable(last.trial.number, outcome, go_on)
    if last is None or not isinstance(outcome, Failed):
        return f"No trial has succeeded ({ended.ending.value}). To go on: {go_on}"
    head = "Too many trials in a row failed" if ended.ending is Ending.FAILURES else "No result"
    return f"{head}; trial {last.trial.number}: {outcome.reason}\nWhen mended: {go_on}"


def _why_not_usable(number: int, outcome: Complete | Paused, go_on: str) -> str:
    return (
        f"Too many trials in a row gave no usable result; trial {number}: {outcome.remarks[0]}\n"
        f"When the trial script is mended: {go_on}\n"
        "If optimize_mode is wrong, mend the configuration and start with `nas-tuners run` anew"
    )


def _go_on(folder: ExperimentFolder, ended: Ended) -> str:
    """The command that goes on, beyond the limit that ended the run."""
    option = _BEYOND.get(ended.ending, "")
    return folder.resume_command + option


def _print(line: str) -> None:
    with suppress(BrokenPipeError):
        print(line, flush=True)


def _say(message: str) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    with suppress(BrokenPipeError):
        print(f"nas-tuners: {message}", file=sys.stderr)
