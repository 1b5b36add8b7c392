"""A tuner that follows the history of a study which others write to as well."""

from __future__ import annotations

import copy
import logging
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, final

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.study_attributes import NOTE_ATTR, VECTOR_ATTR, excess_of

from ._acceptance import Acceptance
from ._base import Tuner
from ._trial_watch import TrialWatch
from ._zombies import Lifetimes

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


def values_of(trial: FrozenTrial) -> list[float] | None:
    """One number an objective; of a pruned trial its last report; None of a failed one."""
    values: list[float] | None = trial.values
    return values


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
        result_of: What a finished trial gave, as :meth:`Tuner.tell` takes it; NotImplemented if
            the tuner shall learn nothing from it.
        pending_timeout: Seconds after which a running trial counts as dead and no longer as
            pending; None: what :class:`.Lifetimes` takes for usual.
        clock: The time now, on the clock of the trials' times.
    """

    def __init__(
        self,
        tuner: Tuner,
        encoding: Encoding,
        *,
        result_of: Callable[[FrozenTrial], Any] = values_of,
        pending_timeout: float | None = math.inf,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        fresh = copy_tuner(tuner)
        fresh.update_search_space(encoding.space)
        self._encoding = encoding
        self._result_of = result_of
        self._clock = clock
        self._watch, self._lifetimes = TrialWatch(), Lifetimes(pending_timeout)
        self._tuner = copy_tuner(fresh)
        self._copies: list[tuple[int, Tuner]] = [(0, fresh)]
        self._order: list[_Moment] = []
        self._learned: set[int] = set()
        self._finished: dict[int, FrozenTrial] = {}  # by number, those still to be learned

    def propose(
        self, number: int, trials: Sequence[FrozenTrial], acceptance: Acceptance | None = None
    ) -> Proposal:
        """Suggest the parameters of trial ``number``.

        Args:
            number: The trial's number in the study; the suggestion's randomness comes from it.
            trials: All trials of the study; they are not changed.
            acceptance: Which proposals may become trials; if not given, all that keep to the
                constraints of the space.

        Raises:
            SearchSpaceExhausted: when every architecture has been proposed, or is not accepted.
            TunerError: if the tuner raises or breaks its contract, or too many proposals in a
                row are not accepted.
        """
        unfinished = self._look(trials)
        self._follow(trials)
        pending = {
            trial.number: (vector, self._note(trial, vector))
            for trial in unfinished
            if trial.number != number
            if (vector := self._vector(trial)) is not None
        }
        self._tuner.set_pending(pending)
        self._tuner.generate_parameters(number, acceptance=acceptance)
        vector, note = self._tuner.proposed_vector(number), self._tuner.proposal_note(number)
        return Proposal(vector, to_parameters(self._encoding.space, vector), note)

    def repeat(self, number: int) -> Proposal:
        """An architecture drawn at random, known or not, for when nothing new is left."""
        space = self._encoding.space
        vector = space.sample(Random(f"{self._tuner.seed}:{number}"))
        return Proposal(vector, to_parameters(space, vector), None)

    def is_taken(self, number: int, vector: IndexVector, trials: Sequence[FrozenTrial]) -> bool:
        """Whether another trial, unknown or running at the last proposal, turns out to try this.

        Never for a tuner that may propose the same twice.
        """
        unfinished = self._look(trials)
        others = (t for t in (*self._finished.values(), *unfinished) if t.number != number)
        return self._tuner.dedup and any(self._vector(trial) == vector for trial in others)

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing new is left, as of the last call of :meth:`propose`."""
        return self._tuner.is_exhausted

    def _look(self, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        """Take note of what has ended; the trials that have not, and live."""
        news = self._watch.look(trials)
        for trial in news.finished:
            self._lifetimes.note(trial)
            if trial.number not in self._learned:
                self._finished[trial.number] = trial
        return self._lifetimes.alive(news.unfinished, self._clock())

    def _follow(self, trials: Sequence[FrozenTrial]) -> None:
        if not self._finished:
            return
        first = min(map(_moment, self._finished.values()))
        if self._order and first < self._order[-1]:
            self._roll_back(first, trials)
        for trial in sorted(self._finished.values(), key=_moment):
            self._learn(trial)
            learned, _ = self._copies[-1]
            if len(self._order) >= 1.25 * learned + 64:
                self._copies.append((len(self._order), copy_tuner(self._tuner)))

    def _roll_back(self, moment: _Moment, trials: Sequence[FrozenTrial]) -> None:
        """Return to before a moment; what was learned since is to be learned again."""
        keep = bisect_right(self._order, moment)
        while self._copies[-1][0] > keep:
            self._copies.pop()
        learned, tuner = self._copies[-1]
        self._tuner = copy_tuner(tuner)
        again = {number for _, number in self._order[learned:]}
        del self._order[learned:]
        self._learned -= again
        self._finished |= {t.number: t for t in trials if t.number in again}

    def _learn(self, trial: FrozenTrial) -> None:
        self._order.append(_moment(trial))
        self._learned.add(trial.number)
        del self._finished[trial.number]
        vector, result = self._vector(trial), self._result_of(trial)
        if vector is not None and result is NotImplemented:
            self._tuner.skip(trial.number, vector)
        elif vector is not None:
            self._tuner.tell(
                trial.number,
                vector,
                result,
                self._note(trial, vector),
                intermediate=trial.intermediate_values,
                pruned=trial.state.name == "PRUNED",
                excess=excess_of(trial),
            )
        elif trial.params:
            _logger.warning("Trial %d is not of this search space; ignored.", trial.number)

    def _vector(self, trial: FrozenTrial) -> IndexVector | None:
        """What a trial tries; None if nothing was suggested yet, or of another space.

        What counts is what the study holds or is bound to hold (enqueued values). The rest, which
        is not written yet or which the objective had no use for, is as it was proposed.
        """
        values = self._published(trial) | _enqueued(trial) | trial.params
        try:
            return self._encoding.decode(values)
        except (KeyError, ValueError):
            return None

    def _note(self, trial: FrozenTrial, vector: IndexVector) -> dict[str, Any] | None:
        """The tuner's note, unless something else was tried than what it proposed."""
        published = self._published(trial)
        if published and self._encoding.decode(published) != vector:
            return None
        note: dict[str, Any] | None = trial.system_attrs.get(NOTE_ATTR)
        return note

    def _published(self, trial: FrozenTrial) -> dict[str, Any]:
        """The parameters of what was proposed, where the study tells."""
        vector = trial.system_attrs.get(VECTOR_ATTR)
        if vector is None or self._encoding.space.invalid_entries(vector):
            return {}
        return self._encoding.encode(tuple(vector))


def copy_tuner(tuner: Tuner) -> Tuner:
    """A copy that shares nothing.

    Raises:
        TunerError: if the tuner holds what cannot be copied.
    """
    try:
        return copy.deepcopy(tuner)
    except Exception as error:  # whatever a tuner of one's own holds
        raise TunerError(
            f"{tuner.name} cannot be copied, which following a study needs: {error}; "
            "keep files, locks and processes out of it, or give it a __deepcopy__"
        ) from error


def _moment(trial: FrozenTrial) -> _Moment:
    return (trial.datetime_complete or datetime.min, trial.number)


def _enqueued(trial: FrozenTrial) -> dict[str, Any]:
    """The values of ``study.enqueue_trial``."""
    fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed
