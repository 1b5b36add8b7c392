"""The tuner interface: bookkeeping in the base, the algorithm in two small methods."""

from __future__ import annotations

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, Union, final

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import (
    ArchitectureError,
    NasTunersError,
    Problem,
    SearchSpaceExhausted,
    TunerError,
)
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._records import field_of, from_text, number_or_none

_logger = logging.getLogger(__name__)

_DRAWS = 30  # of a finite space, before looking for what is left
_DRAWS_OF_INFINITE = 1_000  # where only a small part may be infinite

OptimizeMode = Literal["maximize", "minimize"]
AnySpace = Union[SearchSpace, Mapping[str, Any], str, Path]


@dataclass
class Ask:
    """What an algorithm may use for one proposal.

    Attributes:
        number: The parameter id.
        rng: Seeded by the tuner's seed and ``number``.
        pending: number -> vector of the proposals that have no result yet.
        note: Set this to a JSON dict to get it back with the result, also after a restart.
    """

    number: int
    rng: Random
    pending: Mapping[int, IndexVector]
    note: dict[str, Any] | None = None


@dataclass(frozen=True)
class Result:
    """What an algorithm learns from.

    Attributes:
        number: The parameter id; None for imported data.
        vector: The canonical index vector.
        value: What the trial reported; None if it failed.
        score: The value, negated when minimizing: higher is better. None if the trial failed.
        note: What the algorithm noted when it proposed this; None for foreign results.
    """

    number: int | None
    vector: IndexVector
    value: float | None
    score: float | None
    note: dict[str, Any] | None


@dataclass
class _Pending:
    vector: IndexVector
    note: dict[str, Any] | None


class Tuner(ABC):
    """Proposes architectures of a search space and learns from their results.

    The public methods are those of NNI's tuner contract and are final. An algorithm implements
    :meth:`_propose`, and :meth:`_learn` if it learns; both see index vectors only.

    Every tuner keeps these rules. A suggestion is a function of space, options, seed, the results
    in their order, and the pending proposals. It never waits. It proposes nothing twice unless
    ``dedup=False``. It learns from results that it did not propose. A failed trial is neither a
    zero nor proposed again.

    Args:
        optimize_mode: ``"maximize"`` or ``"minimize"``.
        seed: Of everything random; drawn once when None.
        dedup: Whether an architecture that has been proposed or evaluated is never proposed again.
    """

    _attempts = 20  # proposals asked of the algorithm before something new is drawn at random

    def __init__(
        self,
        *,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        if optimize_mode not in ("maximize", "minimize"):
            raise ValueError(
                "`optimize_mode` must be 'maximize' or 'minimize', "
                f"but got (optimize_mode={optimize_mode!r})."
            )
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"`seed` must be an integer or None, but got (seed={seed!r}).")
        self.optimize_mode: OptimizeMode = optimize_mode
        self.seed = secrets.randbits(32) if seed is None else seed
        self.dedup = dedup
        self._space: SearchSpace | None = None
        self._pending: dict[int, _Pending] = {}
        self._evaluated: set[IndexVector] = set()
        self._ended: set[int] = set()

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

    # ---- the contract ---------------------------------------------------------------------------

    @final
    def update_search_space(self, search_space: AnySpace) -> None:
        """Set the search space, once.

        Raises:
            SearchSpaceError: if it is malformed.
            TunerError: if it differs from the one already set.
        """
        space = SearchSpace.of(search_space)
        if self._space is not None and self._space != space:
            raise TunerError("the search space of a tuner cannot change; make a new tuner")
        if self._space is None:
            self._space = space
            with _blame(self, "reading the search space"):
                self._prepare(space)

    @final
    def generate_parameters(self, parameter_id: int, **_: Any) -> dict[str, Any]:
        """The parameters of one new trial.

        Raises:
            SearchSpaceExhausted: when every architecture has been proposed.
            TunerError: if the algorithm raises or breaks the contract.
        """
        if parameter_id in self._pending or parameter_id in self._ended:
            raise TunerError(f"parameter id {parameter_id} has been used already")
        ask = Ask(parameter_id, Random(f"{self.seed}:{parameter_id}"), self._pending_vectors())
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
        **_: Any,
    ) -> None:
        """Learn from a trial, whoever proposed it.

        Args:
            parameter_id: Its id; None for data without one.
            parameters: Its parameters.
            value: A number, or a dict whose ``default`` is one. None, NaN and the like are a
                failure.
            note: :meth:`proposal_note` of the tuner that proposed it.

        Raises:
            ArchitectureError: if the parameters do not fit the space.
            TunerError: if the algorithm raises.
        """
        if parameter_id is not None and parameter_id in self._ended:
            _logger.warning("Trial %s has ended already; its result is ignored.", parameter_id)
            return
        pending = self._pending.pop(parameter_id, None) if parameter_id is not None else None
        if pending is not None and to_parameters(self.space, pending.vector) == parameters:
            vector, note = pending.vector, note or pending.note
        else:
            vector = to_vector(self.space, parameters)
        self._tell(parameter_id, vector, number_or_none(value, parameter_id), note)

    @final
    def trial_end(self, parameter_id: int, success: bool, **_: Any) -> None:
        """The end of a trial; without a result before, it has failed."""
        del success  # what counts is whether there was a result
        pending = self._pending.pop(parameter_id, None)
        if pending is not None:
            self._tell(parameter_id, pending.vector, None, pending.note)

    @final
    def import_data(self, data: Iterable[Mapping[str, Any]]) -> None:
        """Learn from records ``{"parameter": {...}, "value": ...}``, all or none.

        Raises:
            ArchitectureError: with every record that does not fit the space.
        """
        problems: list[Problem] = []
        results: list[tuple[IndexVector, float | None]] = []
        for index, record in enumerate(data):
            try:
                vector = to_vector(self.space, from_text(field_of(record, "parameter")))
            except ArchitectureError as error:
                problems += [
                    Problem(f"record {index}, {problem.where}".rstrip(", "), problem.message)
                    for problem in error.problems
                ]
            else:
                results.append((vector, number_or_none(from_text(record.get("value")), index)))
        if problems:
            raise ArchitectureError(problems, "imported data")
        for vector, value in results:
            self._tell(None, vector, value, None)

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
        number: int,
        vector: IndexVector,
        value: float | None,
        note: dict[str, Any] | None = None,
    ) -> None:
        """:meth:`receive_trial_result` on a canonical vector."""
        self._pending.pop(number, None)
        self._tell(number, vector, number_or_none(value, number), note)

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

    def _learn(self, result: Result) -> None:  # noqa: B027 - learning is optional
        """Take in one result."""

    def _prepare(self, space: SearchSpace) -> None:  # noqa: B027 - preparing is optional
        """Called once, when the space is known."""

    # ---- bookkeeping ----------------------------------------------------------------------------

    def _new_vector(self, ask: Ask) -> IndexVector:
        if self.is_exhausted:
            raise SearchSpaceExhausted(f"all {self.space.size:,} architectures have been proposed")
        known = set(ask.pending.values())
        for _ in range(self._attempts):
            vector = self._checked_proposal(ask)
            if not self.dedup or (vector not in self._evaluated and vector not in known):
                return vector
        ask.note = None
        return self._something_new(ask.rng, known)

    def _checked_proposal(self, ask: Ask) -> IndexVector:
        with _blame(self, f"proposing trial {ask.number}"):
            vector = tuple(self._propose(ask))
            # Algorithms are code of the project or of users: a wrong index must not reach a trial.
            wrong = self.space.invalid_entries(vector)
        if wrong:
            raise TunerError(
                f"{self.name} proposed a wrong vector: {'; '.join(wrong)} (one int a "
                "decision is expected, None where it is inactive: `self.space.canonical(vector)`)"
            )
        return vector

    def _something_new(self, rng: Random, known: set[IndexVector]) -> IndexVector:
        """An architecture not seen yet: drawn, or else the next one in order after a drawn one."""
        infinite = isinstance(self.space.size, float)
        draws = _DRAWS_OF_INFINITE if infinite else _DRAWS
        for _ in range(draws):
            vector = self.space.sample(rng)
            if vector not in self._evaluated and vector not in known:
                return vector
        if infinite:
            raise SearchSpaceExhausted(f"nothing new in {draws} draws from {self.space}")
        sizes = [int(decision.domain.size) for decision in self.space.decisions]
        for _ in range(len(self._evaluated) + len(known)):  # no more than those can be in the way
            following = self.space.successor(vector, sizes) or self.space.successor(None, sizes)
            assert following is not None
            vector = following
            if vector not in self._evaluated and vector not in known:
                return vector
        raise SearchSpaceExhausted(f"nothing is left of {self.space}")

    def _tell(
        self,
        number: int | None,
        vector: IndexVector,
        value: float | None,
        note: dict[str, Any] | None,
    ) -> None:
        if number is not None:
            self._ended.add(number)
        self._evaluated.add(vector)
        sign = 1.0 if self.optimize_mode == "maximize" else -1.0
        score = None if value is None else sign * value
        with _blame(self, f"learning from trial {number}"):
            self._learn(Result(number, vector, value, score, note))

    def _pending_vectors(self) -> dict[int, IndexVector]:
        return {number: pending.vector for number, pending in self._pending.items()}


class _blame:  # noqa: N801 - reads as a statement
    """Turn what an algorithm raises into a TunerError that names it."""

    def __init__(self, tuner: Tuner, doing: str) -> None:
        self._tuner, self._doing = tuner, doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, NasTunersError):
            name = self._tuner.name
            cause = f"{type(error).__name__}: {error}"
            raise TunerError(f"{name} raised while {self._doing}: {cause}") from error
