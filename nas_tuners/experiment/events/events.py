"""What happens in an experiment, as values: one class an event.

Each event knows its name, and gives itself as a record of JSON. The page ``docs/events.md``
describes them for readers of ``events.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

State = Literal["complete", "failed", "pruned", "paused", "stopped"]
STATES: tuple[State, ...] = ("complete", "failed", "pruned", "paused", "stopped")

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_PASSWORDS = (
    re.compile(r"(://[^\s:/@]*:)\S*(?=@)"),  # of a URL
    re.compile(rf"(passw(?:or)?d\s*=\s*)(?:{_QUOTED}|[^\s&'\"]+)", re.IGNORECASE),  # of an option
)


@dataclass(frozen=True, kw_only=True)
class ExperimentEvent:
    """What every event tells.

    Attributes:
        time: When, in epoch seconds.
        experiment: The experiment's id.
    """

    name: ClassVar[str]
    time: float
    experiment: str

    @property
    def names(self) -> tuple[str, ...]:
        """What a subscriber may call it: its name, and for some a narrower one."""
        return (self.name,)

    def record(self) -> dict[str, Any]:
        """The event as JSON: ``time``, ``event``, ``experiment``, and what belongs to it."""
        fields = asdict(self)
        return {"time": fields.pop("time"), "event": self.name, **fields}


@dataclass(frozen=True, kw_only=True)
class RunStarted(ExperimentEvent):
    """A runner begins, or goes on with, the experiment.

    Attributes:
        folder: The experiment's.
        study: The name of its study; workers on one study share it.
        host: Where the runner runs.
        pid: Its process.
        version: Of nas-tuners.
        tuner: Its name.
        seed: Of the search.
        trials: How many trials there are already.
    """

    name = "run_started"
    folder: str
    study: str
    host: str
    pid: int
    version: str
    tuner: str
    seed: int
    trials: int


@dataclass(frozen=True, kw_only=True)
class TrialStarted(ExperimentEvent):
    """A trial runs.

    Attributes:
        trial: Its number.
        architecture: What it tries, as people write it.
        attempt: 1, or more if it was started before.
        folder: Its files.
    """

    name = "trial_started"
    trial: int
    architecture: Mapping[str, Any]
    attempt: int
    folder: str


@dataclass(frozen=True, kw_only=True)
class TrialReported(ExperimentEvent):
    """A trial reported an intermediate result.

    Attributes:
        trial: Its number.
        sequence: Counts the trial's reports from 0.
        value: The number that the search is about, the first objective.
        metrics: What was reported by name, if it was more than one number.
    """

    name = "trial_reported"
    trial: int
    sequence: int
    value: float
    metrics: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialFinished(ExperimentEvent):
    """A trial ended.

    Attributes:
        trial: Its number.
        state: How; a ``stopped`` trial will run again when the experiment is resumed.
        value: The result, of a pruned trial the last report: the first objective.
        metrics: What was reported by name, if it was more than one number.
        reason: Why it has no result, or what was odd about it.
        seconds: How long it took.
    """

    name = "trial_finished"
    trial: int
    state: State
    value: float | None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    seconds: float

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, f"trial_{self.state}")


@dataclass(frozen=True, kw_only=True)
class BestChanged(ExperimentEvent):
    """A trial is better than all that were known to this runner.

    Attributes:
        trial: Its number.
        value: Of the first objective.
    """

    name = "best_changed"
    trial: int
    value: float


@dataclass(frozen=True, kw_only=True)
class TrialRetried(ExperimentEvent):
    """What ran a trial is gone (a worker, a node); the trial will run again.

    Attributes:
        trial: Its number.
        reason: What is known of the loss.
    """

    name = "trial_retried"
    trial: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Waiting(ExperimentEvent):
    """The run, or its next trial, cannot go on for now.

    Attributes:
        reason: What it waits for: the storage, or GPUs, each with the rule that keeps it.
    """

    name = "waiting"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Resumed(ExperimentEvent):
    """The run goes on after it has waited for the storage; after a GPU, a trial starts.

    Attributes:
        seconds: How long it waited.
    """

    name = "resumed"
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RunEnded(ExperimentEvent):
    """The runner ends.

    Attributes:
        ending: Why, in a word: a member of :class:`.Ending` in lower case, or ``error``.
        reason: The same for people.
        trial: The best trial known to this runner, if any.
        value: Its first objective.
        seconds: How long the experiment has taken, earlier runs of it included.
    """

    name = "run_ended"
    ending: str
    reason: str
    trial: int | None
    value: float | None
    seconds: float


EVENTS: dict[str, type[ExperimentEvent]] = {
    event.name: event
    for event in (
        RunStarted,
        TrialStarted,
        TrialReported,
        TrialFinished,
        BestChanged,
        TrialRetried,
        Waiting,
        Resumed,
        RunEnded,
    )
}

SUBSCRIPTIONS = (*EVENTS, *(f"trial_{state}" for state in STATES))


def without_passwords(text: str) -> str:
    """A message of somebody else's, as it may be written down."""
    for pattern in _PASSWORDS:
        text = pattern.sub(r"\1***", text)
    return text
