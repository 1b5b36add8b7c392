"""What a search in a supernet has found, and how a tuner is told of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.search_space import SearchSpace

from . import _distributed as distributed

logger = logging.getLogger(__name__)


@runtime_checkable
class SearchTuner(Protocol):
    """What a search asks of a tuner; every tuner of ``nas_tuners`` has it.

    ``generate_parameters`` raises ``SearchSpaceExhausted`` at the end. A value of None tells of a
    failure. Where a tuner has ``optimize_mode`` (``"maximize"`` or ``"minimize"``) and
    ``proposal_note(parameter_id)``, they are used too. A tuner that has the latter gets a
    ``SearchSpace`` with its constraints, others get its JSON.
    """

    def update_search_space(self, search_space: Any, /) -> Any: ...

    def generate_parameters(self, parameter_id: int, /) -> Mapping[str, Any]: ...

    def receive_trial_result(self, parameter_id: int, parameters: Any, value: Any, /) -> Any: ...

    def trial_end(self, parameter_id: int, success: bool, /) -> Any: ...


@dataclass(frozen=True)
class Judged:
    """An architecture and its value; None where there is none: refused, or not finite."""

    architecture: dict[str, Any]
    value: float | None
    was_evaluated: bool
    note: dict[str, Any] | None


@dataclass(frozen=True)
class Question:
    """What the values of a history are: of which metric, better in which direction, ..."""

    metric: str | None
    maximize: bool
    epoch: int
    batches: int | None
    cost_limit: float | None


class History:
    """Judged architectures in order, which checkpoints keep.

    A tuner's state is a function of what it was told: a new one goes on where another stopped.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.entries: list[Judged] = []
        self._space = space
        self._question: Question | None = None
        self._told: tuple[object, int] = (None, 0)

    @property
    def evaluated(self) -> int:
        return sum(one.was_evaluated for one in self.entries)

    @property
    def question(self) -> Question:
        assert self._question is not None, "begin() comes first"
        return self._question

    def begin(self, question: Question, tuner: SearchTuner) -> None:
        """Go on with what answers the same question, and tell a tuner what it does not know."""
        if self.entries and question != self._question:
            logger.warning(
                "the history of %d architectures was measured otherwise (%s); it starts anew",
                len(self.entries),
                self._question,
            )
            self.entries = []
            self._told = (None, 0)
        self._question = question
        if distributed.rank() == 0:
            self._replay(tuner)
        self._told = (tuner, len(self.entries))

    def add(self, tuner: SearchTuner, parameters: Mapping[str, Any], one: Judged) -> None:
        number = len(self.entries)
        self.entries.append(one)
        self._told = (tuner, len(self.entries))
        if distributed.rank() == 0:
            _tell(tuner, number, parameters, one)

    def best(self) -> Judged | None:
        """The earliest of equal ones."""
        valued = [one for one in self.entries if one.value is not None]
        if not valued:
            return None
        sign = 1 if self.question.maximize else -1
        return max(valued, key=lambda one: sign * (one.value or 0.0))

    def over_in_a_row(self) -> int:
        """How many at the end were not evaluated."""
        judged = (number for number, one in enumerate(reversed(self.entries)) if one.was_evaluated)
        return next(judged, len(self.entries))

    def state_dict(self) -> dict[str, Any]:
        question = None if self._question is None else asdict(self._question)
        return {"question": question, "history": [asdict(one) for one in self.entries]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        question = state["question"]
        self._question = None if question is None else Question(**question)
        self.entries = [Judged(**one) for one in state["history"]]
        self._told = (None, 0)

    def _replay(self, tuner: SearchTuner) -> None:
        known, told = self._told
        if known is not tuner:
            told = 0
            is_ours = hasattr(tuner, "proposal_note")
            tuner.update_search_space(self._space if is_ours else self._space.to_dict())
        for number, one in enumerate(self.entries[told:], start=told):
            parameters = to_parameters(self._space, to_vector(self._space, one.architecture))
            _tell(tuner, number, parameters, one)


def _tell(tuner: SearchTuner, number: int, parameters: Mapping[str, Any], one: Judged) -> None:
    note = () if one.note is None else (one.note,)
    tuner.receive_trial_result(number, parameters, one.value, *note)
    tuner.trial_end(number, one.value is not None)
