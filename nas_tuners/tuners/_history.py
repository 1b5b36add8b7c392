"""A tuner that follows the history of a study which others write to as well."""

from __future__ import annotations

import copy
import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, final

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.study_attributes import NOTE_ATTR, VECTOR_ATTR

from ._base import Tuner

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_logger = logging.getLogger(__name__)

_Moment = tuple[datetime, int]  # completion time and number: the order in which results count


class Encoding(Protocol):
    """The way between index vectors and a study's parameters."""

    @property
    def space(self) -> SearchSpace: ...

    def encode(self, vector: IndexVector) -> dict[str, Any]: ...

    def decode(self, values: Mapping[str, Any]) -> IndexVector: ...


@dataclass(frozen=True)
class Proposal:
    """One suggestion. ``note`` belongs into the trial's system attribute ``nas_tuners:note``."""

    vector: IndexVector
    parameters: dict[str, Any]
    note: dict[str, Any] | None


@final
class HistoryFollower:
    """Keeps a tuner in step with a study.

    Before each suggestion the tuner learns the finished trials that it has not seen, in the order
    in which they finished, and is told which trials are running. The study is the only record: a
    follower made later from the same study suggests the same. A trial that turns up late, because
    another process wrote it, with an earlier time than one already learned, takes the tuner back
    to a copy made before that time. Copies are made ever more rarely, so that all of them together
    cost a constant factor.

    Args:
        tuner: A tuner that has learned nothing; it is copied, not used.
        encoding: The way between the study's parameters and index vectors.
    """

    def __init__(self, tuner: Tuner, encoding: Encoding) -> None:
        fresh = _copy(tuner)
        fresh.update_search_space(encoding.space)
        self._encoding = encoding
        self._tuner = _copy(fresh)
        self._copies: list[tuple[int, Tuner]] = [(0, fresh)]
        self._order: list[_Moment] = []
        self._learned: set[int] = set()

    def propose(self, number: int, trials: Sequence[FrozenTrial]) -> Proposal:
        """Suggest the parameters of trial ``number``.

        Args:
            number: The trial's number in the study; the suggestion's randomness comes from it.
            trials: All trials of the study; they are not changed.

        Raises:
            SearchSpaceExhausted: when every architecture has been proposed.
            TunerError: if the tuner raises or breaks its contract.
        """
        self._follow(trials)
        self._tuner.set_pending(
            {
                trial.number: (vector, _note(trial))
                for trial in trials
                if not trial.state.is_finished() and trial.number != number
                if (vector := self._vector(trial)) is not None
            }
        )
        parameters = self._tuner.generate_parameters(number)
        note = self._tuner.proposal_note(number)
        return Proposal(self._tuner.proposed_vector(number), parameters, note)

    def repeat(self, number: int) -> Proposal:
        """An architecture drawn at random, known or not, for when nothing new is left."""
        space = self._encoding.space
        vector = space.sample(Random(f"{self._tuner.seed}:{number}"))
        return Proposal(vector, to_parameters(space, vector), None)

    def is_taken(self, number: int, vector: IndexVector, trials: Sequence[FrozenTrial]) -> bool:
        """Whether another trial, unknown or running at the last proposal, turns out to try this.

        Never for a tuner that may propose the same twice.
        """
        others = (t for t in trials if t.number != number and t.number not in self._learned)
        return self._tuner.dedup and any(self._vector(trial) == vector for trial in others)

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing new is left, as of the last call of :meth:`propose`."""
        return self._tuner.is_exhausted

    def _follow(self, trials: Sequence[FrozenTrial]) -> None:
        new = [t for t in trials if t.number not in self._learned and t.state.is_finished()]
        if not new:
            return
        new.sort(key=_moment)
        if self._order and _moment(new[0]) < self._order[-1]:
            new = self._roll_back(_moment(new[0]), trials)
        for trial in new:
            self._learn(trial)
            learned, _ = self._copies[-1]
            if len(self._order) >= 1.25 * learned + 64:
                self._copies.append((len(self._order), _copy(self._tuner)))

    def _roll_back(self, moment: _Moment, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Return to before a moment; the finished trials to learn from there."""
        keep = bisect_right(self._order, moment)
        while self._copies[-1][0] > keep:
            self._copies.pop()
        learned, tuner = self._copies[-1]
        self._tuner = _copy(tuner)
        del self._order[learned:]
        self._learned = {number for _, number in self._order}
        again = [t for t in trials if t.number not in self._learned and t.state.is_finished()]
        return sorted(again, key=_moment)

    def _learn(self, trial: FrozenTrial) -> None:
        self._order.append(_moment(trial))
        self._learned.add(trial.number)
        vector = self._vector(trial)
        if vector is not None:
            self._tuner.tell(trial.number, vector, _value(trial), _note(trial))
        elif trial.params:
            _logger.warning("Trial %d is not of this search space; ignored.", trial.number)

    def _vector(self, trial: FrozenTrial) -> IndexVector | None:
        """What a trial tries; None if nothing was suggested yet, or of another space.

        What counts is what the study holds or is bound to hold (enqueued values). The rest, which
        is not written yet or which the objective had no use for, is as it was proposed.
        """
        values: dict[str, Any] = {}
        published = trial.system_attrs.get(VECTOR_ATTR)
        if published is not None and not self._encoding.space.invalid_entries(published):
            values = self._encoding.encode(tuple(published))
        try:
            return self._encoding.decode(values | _enqueued(trial) | trial.params)
        except (KeyError, ValueError):
            return None


def _copy(tuner: Tuner) -> Tuner:
    try:
        return copy.deepcopy(tuner)
    except Exception as error:  # whatever a tuner of one's own holds
        raise TunerError(
            f"{tuner.name} cannot be copied, which following a study needs: {error}; "
            "keep files, locks and processes out of it, or give it a __deepcopy__"
        ) from error


def _moment(trial: FrozenTrial) -> _Moment:
    return (trial.datetime_complete or datetime.min, trial.number)


def _value(trial: FrozenTrial) -> float | None:
    """The final value, or the last report of a pruned trial; None for a failure."""
    return trial.value


def _enqueued(trial: FrozenTrial) -> dict[str, Any]:
    """The values of ``study.enqueue_trial``."""
    fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed


def _note(trial: FrozenTrial) -> dict[str, Any] | None:
    note: dict[str, Any] | None = trial.system_attrs.get(NOTE_ATTR)
    return note
