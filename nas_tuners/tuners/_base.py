"""The tuner interface: bookkeeping in the base, the algorithm in two small methods."""

from __future__ import annotations

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from random import Random
from typing import Any, Union, final

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._acceptance import Acceptance
from ._arguments import NotesArguments
from ._blame import blame
from ._exchange import Ask, Result
from ._goals import Goals, OptimizeMode
from ._other_version import read_usable_records
from ._records import Record, read_result
from ._refusals import ProposalFilter
from ._scores import read_scores
from ._unseen import draw_unseen

__all__ = ["AnySpace", "Ask", "OptimizeMode", "Result", "Tuner"]

_logger = logging.getLogger(__name__)

AnySpace = Union[SearchSpace, Mapping[str, Any], str, Path]


@dataclass
class _Pending:
    vector: IndexVector
    note: dict[str, Any] | None


class Tuner(NotesArguments, ABC):
    """Proposes architectures of a search space and learns from their results.

    The public methods are those of NNI's tuner contract and are final. An algorithm implements
    :meth:`_propose`, and :meth:`_learn` if it learns; both see index vectors only.

    Every tuner keeps these rules. A suggestion is a function of space, options, seed, the results
    in their order, and the pending proposals. It never waits. It proposes nothing twice unless
    ``dedup=False``. It learns from results that it did not propose. A failed trial is neither a
    zero nor proposed again. What breaks a constraint of the space is not proposed.

    Args:
        optimize_mode: ``"maximize"`` or ``"minimize"``; or a dict that gives each metric of a
            result one of these or a bound, such as ``{"default": "maximize", "latency": "<= 5"}``.
            Several objectives need a tuner that handles them; bounds are kept by all.
        seed: Of everything random; drawn once when None.
        dedup: Whether an architecture that has been proposed or evaluated is never proposed again.
    """

    multi_objective = False
    """Whether the algorithm handles several objectives."""
    uses_scores = False
    """Whether the algorithm makes use of :meth:`warm_start`."""
    enumerates = False
    """Whether it goes through a list of architectures, in an order that no result changes."""

    _attempts = 20  # proposals asked of the algorithm before something new is drawn at random
    _refusable = 100  # of its new proposals, before others are drawn at random

    def __init__(
        self,
        *,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral)):
            raise ValueError(f"`seed` must be an integer or None, but got (seed={seed!r}).")
        if not isinstance(dedup, bool):
            raise ValueError(f"`dedup` must be True or False, but got (dedup={dedup!r}).")
        self.seed = secrets.randbits(32) if seed is None else int(seed)
        self.dedup = dedup
        self._space: SearchSpace | None = None
        self._pending: dict[int, _Pending] = {}
        self._evaluated: set[IndexVector] = set()
        self._ended: set[int] = set()
        self._scores: list[Record] = []
        self.optimize_mode = optimize_mode

    @property
    def optimize_mode(self) -> OptimizeMode:
        """As it was given."""
        return self._optimize_mode

    @optimize_mode.setter
    def optimize_mode(self, mode: OptimizeMode) -> None:
        goals = Goals.of(mode)
        if len(goals.objectives) > 1 and not self.multi_objective:
            raise ValueError(
                f"`optimize_mode` has {len(goals.objectives)} objectives, which "
                f"{self.name} does not handle; make all but one of them bounds "
                "('<= 5'), or take BayesianTuner, or nsga2 (in Python "
                "OptunaTuner(NSGAIISampler()))."
            )
        if self._space is not None and self._is_bound_to_other(goals):
            raise ValueError(
                f"{self.name} was prepared with optimize_mode={self._optimize_mode!r}, and cannot "
                f"take {mode!r} any more; give it to the tuner's constructor."
            )
        self._optimize_mode: OptimizeMode = mode
        self._goals = goals

    @property
    def goals(self) -> Goals:
        """``optimize_mode`` in numbers."""
        return self._goals

    @property
    def name(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @property
    def space(self) -> SearchSpace:
        """The search space.

        Raises:
            TunerError: before :meth:`update_search_space`.
        """
        if self._space is None:
            raise TunerError(f"call update_search_space() before using {type(self).__name__}")
        return self._space

    @property
    def has_had_trials(self) -> bool:
        """Whether it has proposed something, or was told of a trial with a number."""
        return bool(self._pending or self._ended)

    # ---- the contract ---------------------------------------------------------------------------

    @final
    def update_search_space(self, search_space: AnySpace) -> None:
        """Set the search space, once.

        Raises:
            SearchSpaceError: if it is malformed.
            TunerError: if it differs from the one already set, or has constraints that the other
                has not.
        """
        space = SearchSpace.of(search_space)
        if self._space is not None and not _are_the_same(self._space, space):
            raise TunerError(
                "the search space of a tuner, and the order of its keys, cannot change; "
                "make a new tuner"
            )
        if self._space is not None:
            _check_constraints(self._space, space)
        if self._space is None:
            scores = read_scores(space, self._scores)
            self._space = space
            self._filter = ProposalFilter(space)
            with blame(self.name, "reading the search space"):
                self._prepare(space)
            self._use_scores(scores)

    @final
    def generate_parameters(
        self, parameter_id: int, *, acceptance: Acceptance | None = None, **_: Any
    ) -> dict[str, Any]:
        """The parameters of one new trial.

        Args:
            parameter_id: Its id.
            acceptance: What it must keep to besides the constraints of the space.

        Raises:
            SearchSpaceExhausted: when every architecture has been proposed, or was refused.
            TunerError: if the algorithm raises or breaks the contract, or too many proposals in a
                row are refused.
            SearchSpaceError: if a constraint raises, or does not return a bool.
        """
        if parameter_id in self._pending or parameter_id in self._ended:
            raise TunerError(f"parameter id {parameter_id} has been used already")
        ask = Ask(parameter_id, Random(f"{self.seed}:{parameter_id}"), self._pending_vectors())
        if self.space.constraints or acceptance:
            vector = self._accepted_vector(ask, acceptance)
        else:
            vector = self._new_vector(ask)
        parameters = to_parameters(self.space, vector)
        self._pending[parameter_id] = _Pending(vector, ask.note)
        return parameters

    @final
    def generate_multiple_parameters(
        self, parameter_id_list: Iterable[int], **_: Any
    ) -> list[dict[str, Any]]:
        """Parameters for several ids; fewer when the space ends on the way.

        Raises:
            SearchSpaceExhausted: when there is not even one.
        """
        result: list[dict[str, Any]] = []
        for parameter_id in parameter_id_list:
            try:
                result.append(self.generate_parameters(parameter_id))
            except SearchSpaceExhausted:
                if not result:
                    raise
                break
        return result

    @final
    def receive_trial_result(
        self,
        parameter_id: int | None,
        parameters: Mapping[str, Any],
        value: Any,
        note: dict[str, Any] | None = None,
        *,
        intermediate: Mapping[int, float] | None = None,
        pruned: bool = False,
        **_: Any,
    ) -> None:
        """Learn from a trial, whoever proposed it.

        Args:
            parameter_id: Its id; None for data without one.
            parameters: Its parameters.
            value: A number, a dict of metrics (``default`` among them), or a list with one number
                an objective. None, NaN and the like are a failure.
            note: :meth:`proposal_note` of the tuner that proposed it.
            intermediate: Step (epoch, budget) -> the first objective at that step.
            pruned: Whether the trial was stopped early: ``value`` is that of its last step.

        Raises:
            ArchitectureError: if the parameters do not fit the space.
            TunerError: if the algorithm raises.
        """
        if note is not None and not isinstance(note, dict):
            raise ValueError(f"`note` must be a dict or None, but got (note={note!r}).")
        if parameter_id is not None and parameter_id in self._ended:
            _logger.warning("Trial %s has ended already; its result is ignored.", parameter_id)
            return
        pending = self._pending.get(parameter_id) if parameter_id is not None else None
        if pending is not None and to_parameters(self.space, pending.vector) == parameters:
            vector, note = pending.vector, note or pending.note
        else:
            vector = to_vector(self.space, parameters)
        self.tell(parameter_id, vector, value, note, intermediate=intermediate, pruned=pruned)

    @final
    def trial_end(self, parameter_id: int, success: bool, **_: Any) -> None:
        """The end of a trial; without a result before, it has failed."""
        del success  # what counts is whether there was a result
        pending = self._pending.get(parameter_id)
        if pending is not None:
            self.tell(parameter_id, pending.vector, None, pending.note)

    @final
    def import_data(self, data: Iterable[Mapping[str, Any]]) -> None:
        """Learn from records ``{"parameter": {...}, "value": ...}``.

        A record of another version of the space is used where it decides everything that this one
        asks; one warning lists what differs.

        Raises:
            ArchitectureError: if something is no record, or none fits.
        """
        for vector, value in read_usable_records(self.space, data, "imported data"):
            self.tell(None, vector, value, None)

    @final
    def warm_start(self, scores: Iterable[Mapping[str, Any]]) -> None:
        """Take scores of architectures from elsewhere as a prior.

        Zero-cost proxies, accuracies inside a supernet, results of another study: on any scale,
        higher is better. With several objectives they are about the first. How much they count is
        learned from the results; scores that do not rank them count for nothing. Scores that come
        after the first suggestion count as if they had been there before.

        Args:
            scores: Records ``{"parameter": {...}, "value": number}``.

        Raises:
            TunerError: if the algorithm makes no use of them.
            ArchitectureError: if something is no record, none fits, or no score is a number.
        """
        if not self.uses_scores:
            raise TunerError(
                f"{self.name} makes no use of scores; BayesianTuner and PredictorEvolutionTuner "
                "do, and import_data() takes results of real trials"
            )
        records = list(scores)
        if self._space is not None:
            self._use_scores(read_scores(self._space, records))
        self._scores += records

    # ---- for those who drive a tuner ------------------------------------------------------------

    @final
    def proposal_note(self, parameter_id: int) -> dict[str, Any] | None:
        """What to keep with a pending trial and give back with its result."""
        return self._pending[parameter_id].note

    @final
    def proposed_vector(self, parameter_id: int) -> IndexVector:
        """The canonical vector of a pending trial."""
        return self._pending[parameter_id].vector

    @final
    def set_pending(
        self, pending: Mapping[int, tuple[IndexVector, dict[str, Any] | None]]
    ) -> None:
        """Replace the pending trials: number -> (vector, note)."""
        self._pending = {
            number: _Pending(vector, note)
            for number, (vector, note) in pending.items()
            if number not in self._ended
        }

    @final
    def tell(
        self,
        number: int | None,
        vector: IndexVector,
        value: Any,
        note: dict[str, Any] | None = None,
        *,
        intermediate: Mapping[int, float] | None = None,
        pruned: bool = False,
        excess: Mapping[str, float] | None = None,
    ) -> None:
        """:meth:`receive_trial_result` on a canonical vector.

        ``excess`` has the constraints that are not among the metrics; feasible at 0 and below.
        """
        if number is not None:
            self._pending.pop(number, None)
            self._ended.add(number)
        self._evaluated.add(vector)
        result = read_result(
            self._goals,
            number,
            vector,
            value,
            note=note,
            intermediate=intermediate,
            pruned=pruned,
            excess=excess,
        )
        with blame(self.name, f"learning from trial {number}"):
            self._learn(result)

    @final
    def skip(self, number: int, vector: IndexVector) -> None:
        """A trial has ended that teaches nothing; its architecture is not proposed again."""
        self._pending.pop(number, None)
        self._ended.add(number)
        self._evaluated.add(vector)

    @final
    @property
    def is_exhausted(self) -> bool:
        """Whether every architecture has been proposed or evaluated."""
        if not self.dedup:
            return False
        waiting = {pending.vector for pending in self._pending.values()} - self._evaluated
        return len(self._evaluated) + len(waiting) >= self.space.size

    # ---- the algorithm --------------------------------------------------------------------------

    @abstractmethod
    def _propose(self, ask: Ask) -> IndexVector:
        """One canonical vector. What is not new is asked for again, with the same ``ask``.

        Raises:
            SearchSpaceExhausted: if the algorithm has nothing more to propose.
        """

    def _learn(self, result: Result) -> None:
        """Take in one result."""

    def _prepare(self, space: SearchSpace) -> None:
        """Called once, when the space is known."""

    def _warm_start(self, scores: Sequence[tuple[IndexVector, float]]) -> None:
        """Take in scores of :meth:`warm_start`."""

    # ---- bookkeeping ----------------------------------------------------------------------------

    def _is_bound_to_other(self, goals: Goals) -> bool:
        """Whether what was prepared or learned has no meaning under other goals."""
        if len(goals.signs) != len(self._goals.signs):
            return True
        same = (goals.signs, goals.bounds) == (self._goals.signs, self._goals.bounds)
        return bool(self._evaluated) and not same

    def _accepted_vector(self, ask: Ask, acceptance: Acceptance | None) -> IndexVector:
        proposals = self._proposals(ask)
        if not self.enumerates:
            return self._filter.first(proposals, ask, acceptance)
        trials = len(self._pending) + len(self._ended)
        return self._filter.following(
            proposals, ask, acceptance, trials=trials, evaluated=self._evaluated
        )

    def _proposals(self, ask: Ask) -> Iterator[IndexVector]:
        """The algorithm's without end, or after so many architectures drawn at random."""
        while self.enumerates:
            yield self._new_vector(ask)
        for _ in range(self._refusable):
            yield self._new_vector(ask)
        rng = Random(f"{self.seed}:{ask.number}:accepted")
        known = {v for number, v in ask.pending.items() if self.dedup or number < 0}
        while True:
            drawn = draw_unseen(self.space, rng, self._evaluated if self.dedup else (), known)
            yield drawn
            known.add(drawn)  # it was refused, or nobody would ask on

    def _new_vector(self, ask: Ask) -> IndexVector:
        if self.is_exhausted:
            raise SearchSpaceExhausted(f"all {self.space.size:,} architectures have been proposed")
        known = set(ask.pending.values())
        for _ in range(self._attempts):
            vector = self._checked_proposal(ask)
            if not self.dedup or (vector not in self._evaluated and vector not in known):
                return vector
        ask.note = None
        return draw_unseen(self.space, ask.rng, self._evaluated, known)

    def _checked_proposal(self, ask: Ask) -> IndexVector:
        with blame(self.name, f"proposing trial {ask.number}"):
            vector = tuple(self._propose(ask))
            # Algorithms are code of the project or of users: a wrong index must not reach a trial.
            wrong = self.space.invalid_entries(vector)
        if wrong:
            raise TunerError(
                f"{self.name} proposed a wrong vector: {'; '.join(wrong)} (one int a "
                "decision is expected, None where it is inactive: `self.space.canonical(vector)`)"
            )
        return vector

    def _use_scores(self, scores: Sequence[tuple[IndexVector, float]]) -> None:
        if scores:
            with blame(self.name, "taking in scores"):
                self._warm_start(scores)

    def _pending_vectors(self) -> dict[int, IndexVector]:
        return {number: pending.vector for number, pending in self._pending.items()}


def _are_the_same(one: SearchSpace, other: SearchSpace) -> bool:
    """Whether vectors of one mean the same in the other."""
    names = [[decision.name for decision in space.decisions] for space in (one, other)]
    return one == other and names[0] == names[1]


def _check_constraints(ours: SearchSpace, theirs: SearchSpace) -> None:
    """What a tuner has proposed so far knew nothing of constraints that come later."""
    new = [c.name for c in theirs.constraints if c not in ours.constraints]
    if new:
        raise TunerError(
            f"the tuner has this search space without the constraint {', '.join(map(repr, new))}; "
            "constrain the space before a tuner gets it"
        )
