"""Every error that nas-tuners raises on purpose.

::

    NasTunersError
    |-- SearchSpaceError (ValueError)      a search space is malformed
    |-- ArchitectureError (ValueError)     parameters or an architecture do not fit their space
    |   `-- SpaceMismatchError             two search spaces that must agree differ
    |-- ConfigError (ValueError)           an experiment's configuration is wrong
    |-- MetricError (ValueError)           a reported result is not a finite number
    |-- TableError (ValueError)            a benchmark's table is unknown, missing or unreadable
    |-- TrialError (RuntimeError)          the trial protocol was broken
    |-- UndecidedError (RuntimeError)      a choice was run before an architecture was applied
    |-- MutatorError (RuntimeError)        a mutator was bound or used wrongly
    |-- TrainingError (RuntimeError)       a training cannot start or go on
    |-- ProfilingError (RuntimeError)      a model could not be run to be measured
    |-- CheckpointError (RuntimeError)     saved weights do not fit the model
    |-- ExportError (RuntimeError)         a model cannot be written as source code or ONNX
    |-- TunerError (RuntimeError)          a tuner raised or broke its contract
    |-- ExperimentError (RuntimeError)     an experiment's folder, study or process is unusable
    |   `-- GivenUpError                 the waiting for a lock was ended by the user
    `-- SearchSpaceExhausted               every architecture of the space has been proposed

The first four collect: ``error.problems`` lists everything that is wrong, not just the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LISTED = 20  # problems in one error


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is (a key, a field, a line; may be empty) and what to do about it."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


def first_of(problems: Sequence[Problem]) -> list[Problem]:
    """As many as somebody may read, of what may be thousands, and how many more there are."""
    rest = len(problems) - _LISTED
    return [*problems[:_LISTED], *([Problem("", f"and {rest} more")] if rest > 0 else [])]


class NasTunersError(Exception):
    """Base of every error raised on purpose."""


class _CollectedError(NasTunersError, ValueError):
    """Several problems found in one input. Subclasses are final."""

    def __init__(self, problems: Sequence[Problem] | str, source: str = "") -> None:
        listed = [Problem("", problems)] if isinstance(problems, str) else list(problems)
        assert listed, "an error needs a problem"
        self.problems: tuple[Problem, ...] = tuple(listed)
        self.source = source
        super().__init__(_render(self.problems, source))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.problems, self.source)


class SearchSpaceError(_CollectedError):
    """A search space is malformed."""


class ArchitectureError(_CollectedError):
    """Parameters or an architecture do not fit the search space."""


class SpaceMismatchError(ArchitectureError):
    """Two search spaces that must agree (model, file, study) differ; one problem a key."""


class ConfigError(_CollectedError):
    """An experiment's configuration is wrong."""


class MetricError(NasTunersError, ValueError):
    """A reported result is not a finite number, nor a dict whose ``default`` is one."""


class TableError(NasTunersError, ValueError):
    """A benchmark's table is unknown, missing or unreadable."""


class TrialError(NasTunersError, RuntimeError):
    """The agreement between runner and trial was broken (missing or unreadable files)."""


class UndecidedError(NasTunersError, RuntimeError):
    """A choice was run before an architecture was applied to its model."""


class MutatorError(NasTunersError, RuntimeError):
    """A mutator was bound or used wrongly."""


class TrainingError(NasTunersError, RuntimeError):
    """A training cannot start or go on; checkpoints on disk are left as they are."""


class ProfilingError(NasTunersError, RuntimeError):
    """A model could not be run to be measured."""


class CheckpointError(NasTunersError, RuntimeError):
    """Saved weights do not fit the model; nothing was loaded."""


class ExportError(NasTunersError, RuntimeError):
    """A model cannot be written as source code or as ONNX."""


class TunerError(NasTunersError, RuntimeError):
    """A tuner raised, or broke its contract."""


class ExperimentError(NasTunersError, RuntimeError):
    """An experiment's folder, study or process is unusable as asked."""


class SearchSpaceExhausted(NasTunersError):  # noqa: N818 - a signal, like StopIteration
    """Every architecture of the search space has been proposed."""


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest known word, else an empty string."""
    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _render(problems: Sequence[Problem], source: str) -> str:
    if len(problems) == 1:
        return f"{source}: {problems[0]}" if source else str(problems[0])
    head = f"{source}: {len(problems)} problems" if source else f"{len(problems)} problems"
    return "\n".join([head, *(f"  - {problem}" for problem in problems)])
