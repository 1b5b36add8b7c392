"""What an experiment in Python says at its end."""

from __future__ import annotations

from textwrap import indent

from nas_tuners.cli._tables import best_table, exhausted_text
from nas_tuners.contract.errors import ExperimentError, NasTunersError, TunerError
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.loop import Ended, Ending
from nas_tuners.experiment.outcome import Complete, Failed, Paused
from nas_tuners.experiment.results import Results
from nas_tuners.experiment.trial_files import STDERR, tail, trial_folder

_LINES = 30  # of what a trial that failed said at its end: where in the user's code it was

_BEYOND = {Ending.MAX_TRIALS: "max_trials=N", Ending.MAX_DURATION: "max_duration=TIME"}


def conclude(folder: ExperimentFolder, ended: Ended, results: Results) -> None:
    """Say what was found."""
    best = best_table(results)
    if best:
        print(best)
    why = ended.ending.value
    if ended.ending is Ending.EXHAUSTED:
        why = f"{exhausted_text(results, folder.space())}{_constrained(folder)}"
    print(f"Ended: {why}. Everything is in {folder.path}", flush=True)
    if best and ended.ending in _BEYOND:
        print(f"To go on: {how_to_go_on(folder, ended.ending)}", flush=True)


def failure(folder: ExperimentFolder, ended: Ended, results: Results) -> NasTunersError | None:
    """Why the search did not do what it was for, if it did not."""
    if ended.ending is Ending.TUNER_ERROR:
        tuner = folder.config().tuner.name
        go_on = f"when mended, go on with {how_to_go_on(folder)}"
        return TunerError(f"tuner {tuner}: {ended.tuner_error}\n(see {folder.log_file}; {go_on})")
    if ended.ending is Ending.EXHAUSTED:
        go_on = "when mended, start a new Experiment: nothing is left to try in this one"
    else:
        go_on = f"when mended, go on with {how_to_go_on(folder, ended.ending, mended=True)}"
    if ended.ending is Ending.FAILURES:
        last = _last(folder, ended)
        return ExperimentError(f"too many trials in a row failed: {last}\n({go_on})")
    if not results.best(1):
        return ExperimentError(f"no trial has succeeded: {_last(folder, ended)}\n({go_on})")
    return None


def how_to_go_on(
    folder: ExperimentFolder, ending: Ending = Ending.INTERRUPTED, *, mended: bool = False
) -> str:
    """The call that resumes it, beyond the limit that ended it.

    Args:
        folder: The experiment.
        ending: What ended it.
        mended: Whether the code of its trials is another then; the folder has it as it was.
    """
    new = ", model_space=..., evaluator=..." if mended else ""
    return f"Experiment.load({str(folder.path)!r}{new}).resume({_BEYOND.get(ending, '')})"


def _constrained(folder: ExperimentFolder) -> str:
    """Which constraints the tuner kept to."""
    names = folder.constraints()
    return f", constrained by {', '.join(map(repr, names))}" if names else ""


def _last(folder: ExperimentFolder, ended: Ended) -> str:
    """How the last trial failed that did, and where the rest of its output is."""
    last = ended.last_failure
    if last is None:
        is_exhausted = ended.ending is Ending.EXHAUSTED
        return ended.ending.value + (_constrained(folder) if is_exhausted else "")
    outcome = last.outcome
    if isinstance(outcome, Failed):
        stderr = trial_folder(folder.trials, last.trial.number) / STDERR
        explains = NasTunersError.__module__ in outcome.reason  # an error of ours says what to do
        said = "" if explains else indent(tail(stderr, lines=_LINES, size=5000), "  ")
        told = [f"trial {last.trial.number}: {outcome.reason}", said, f"Its output is in {stderr}"]
        return "\n".join(line for line in told if line)
    remarks = outcome.remarks if isinstance(outcome, (Complete, Paused)) else ()
    return f"trial {last.trial.number}: {', '.join(remarks)}"
