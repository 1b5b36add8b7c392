"""Progress of a run: a bar on a terminal or in a notebook, and one line a finished trial."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

from nas_tuners.contract.trial_io import Metric
from nas_tuners.experiment.durations import format_duration
from nas_tuners.experiment.loop import Finished
from nas_tuners.experiment.outcome import Complete, Failed, Paused, Pruned
from nas_tuners.experiment.records import StudyTrial
from nas_tuners.experiment.results import Results
from nas_tuners.tuners._goals import Goals

from ._tables import architecture_line, beyond_text, number_text

_EXPERIMENT = logging.getLogger("nas_tuners.experiment")
_SHOWN_OTHERWISE = "nas_tuners.experiment.files_observer"  # how trials ended has lines of its own


class Progress:
    """An observer of the loop that prints; lines go to stdout, the bar and warnings to stderr.

    What the run has to wait for, and what it lost, is logged as a warning and so seen here.

    That nobody reads them any more (a closed pipe, a lost terminal) does not end an experiment.
    """

    def __init__(self, goals: Goals, *, max_trials: int | None) -> None:
        in_notebook = _in_notebook()
        self._best: float | None = None
        self._maximize = goals.objectives[0][1] > 0
        self._goals = goals
        self._bar: Any = _bar_class(in_notebook)(
            total=max_trials,
            unit="trial",
            disable=not (in_notebook or sys.stderr.isatty()),
            dynamic_ncols=True,
            leave=False,
        )
        self._warnings = _Warnings(self._warn)

    def __enter__(self) -> Progress:
        _EXPERIMENT.addHandler(self._warnings)
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        _EXPERIMENT.removeHandler(self._warnings)
        self._bar.close()

    def begun(self, before: Results) -> None:
        """Go on from what the study holds."""
        best = before.best(1)
        self._best = best[0].value if best and best[0].feasible else None
        done = sum(trial.state != "running" for trial in before.trials)
        self._bar.initial = self._bar.n = self._bar.last_print_n = done

    def started(self, trial: StudyTrial) -> None:
        pass

    def reported(self, trial: StudyTrial, metric: Metric) -> None:
        if metric.kind == "intermediate":
            with suppress(OSError):
                value = number_text(self._number(metric))
                self._bar.set_postfix_str(f"trial {trial.number}: {value}")

    def finished(self, finished: Finished) -> None:
        outcome = finished.outcome
        remarks = outcome.remarks if isinstance(outcome, (Complete, Paused)) else ()
        lines = [self._line(finished), *(f"            note: {remark}" for remark in remarks)]
        with suppress(OSError):
            self._bar.update(0 if outcome is None or isinstance(outcome, Paused) else 1)
            self._bar.write("\n".join(lines), file=sys.stdout)
            sys.stdout.flush()

    def waiting(self, reason: str) -> None:
        pass  # a warning says it

    def tick(self, elapsed: float) -> None:
        with suppress(OSError):
            self._bar.refresh()

    def _warn(self, message: str) -> None:
        with suppress(OSError):
            self._bar.write(f"nas-tuners: {message}", file=sys.stderr)

    def _number(self, metric: Metric) -> float:
        return metric.number(self._goals.objectives[0][0])

    def _line(self, finished: Finished) -> str:
        trial, outcome = finished.trial, finished.outcome
        start, time = f"trial {trial.number:>4}", format_duration(finished.seconds)
        if outcome is None:
            return f"{start}  stopped after {time}"
        if isinstance(outcome, Paused):
            at = number_text(self._number(outcome.metric))
            return f"{start}  {at} at budget {outcome.budget}, {time:>6}"
        if isinstance(outcome, Pruned):
            latest = number_text(self._number(outcome.metric))
            return f"{start}  {latest} when stopped by {outcome.reason}, {time}"
        if isinstance(outcome, Failed):
            return f"{start}  failed after {time}: {outcome.reason}"
        value = self._number(outcome.metric)
        beyond = beyond_text(self._goals.beyond(outcome.metric.value))
        if not beyond:
            better = max if self._maximize else min
            self._best = value if self._best is None else better(self._best, value)
        best = "-" if self._best is None else number_text(self._best)
        architecture = architecture_line(trial.architecture, taken=44 + len(beyond))
        return f"{start}  {number_text(value)}  best {best}  {time:>6}  {beyond}{architecture}"


def _in_notebook() -> bool:
    return type(sys.stdout).__module__.startswith("ipykernel.")


def _bar_class(in_notebook: bool) -> type[Any]:
    if in_notebook:
        from tqdm.auto import tqdm as notebook_bar

        return notebook_bar
    from tqdm import tqdm

    return tqdm


class _Warnings(logging.Handler):
    """Passes on what is logged as a warning or worse."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != _SHOWN_OTHERWISE:
            self._say(record.getMessage())
