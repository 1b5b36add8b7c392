"""What the cases of the suite have in common: a tuner to make, and trials to run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.tuners._base import Tuner

from ._spaces import ODD_SPACES, SPACES

ValueOf = Callable[[int, IndexVector], "float | None"]


class TunerCases:
    """What a subclass of the suite says about its tuner."""

    budget = 80
    """Trials of the long runs: set it beyond the algorithm's random start."""
    learning_budget = 200
    """Trials in which the tuner must have left random search behind."""
    learns = True
    """Whether the search depends on the results."""
    constant_cost = False
    """Whether a trial costs as much after a thousand others as after two hundred."""
    seconds_for_200: float = 60.0
    """Processor time that 200 suggestions of a small space may take, with their results;
    ``math.inf``: any.
    """
    infinite_spaces = True
    """Whether continuous numbers are handled."""
    large_spaces = True
    """Whether five hundred keys, or a key of two thousand candidates, are affordable."""
    exhausts = True
    """Whether the tuner goes on until every architecture has been proposed."""
    seeded = True
    """Whether another seed means another search."""

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        """A fresh tuner. ``options`` are ``seed`` and ``optimize_mode``; ``space`` is for those
        who must know it beforehand; it is set on the tuner by the suite.
        """
        raise NotImplementedError(
            "give the suite `make_tuner(self, space, **options)`, which returns a fresh tuner"
        )

    def _names(self) -> list[str]:
        return [name for name in SPACES if self.infinite_spaces or name != "continuous"]

    def _new(self, name: str, **options: Any) -> tuple[SearchSpace, Tuner]:
        if name not in self._names() and name not in ODD_SPACES:
            pytest.skip("continuous numbers are not handled")
        space = SearchSpace((SPACES | ODD_SPACES)[name])
        return space, self._start(space, **options)

    def _start(self, space: SearchSpace, **options: Any) -> Tuner:
        tuner = self.make_tuner(space, **({"seed": 0} | options))
        tuner.update_search_space(space)
        return tuner


def ordinary_value(number: int, vector: IndexVector) -> float | None:
    """The score; every seventh trial fails."""
    return None if number % 7 == 6 else score(vector)


def score(vector: IndexVector) -> float:
    """A smooth made-up objective with a little ruggedness."""
    weights = [0.7**position for position in range(len(vector))]
    rugged = Random(str(vector)).random()
    return sum(w * float(e or 0) for w, e in zip(weights, vector, strict=True)) + 0.1 * rugged


def drive(
    tuner: Tuner,
    trials: int,
    *,
    pending: int = 1,
    first: int = 0,
    value_of: ValueOf = ordinary_value,
    log: list[tuple[Any, ...]] | None = None,
) -> list[IndexVector]:
    """Run trials, ``pending`` at a time, finishing out of order.

    Returns the proposed vectors; ``log`` collects (number, vector, value, note) as learned.
    """
    rng = Random(3)
    proposed: dict[int, IndexVector] = {}
    running: list[int] = []
    while len(proposed) < trials or running:
        if len(proposed) < trials and len(running) < pending:
            number = first + len(proposed)
            proposed |= propose(tuner, [number])
            running.append(number)
            continue
        number = running.pop(rng.randrange(len(running)))
        vector, note = proposed[number], tuner.proposal_note(number)
        value = value_of(number, vector)
        tuner.tell(number, vector, value, note)
        if log is not None:
            log.append((number, vector, value, note))
    return list(proposed.values())


def propose(tuner: Tuner, numbers: list[int]) -> dict[int, IndexVector]:
    """Ask for several trials; number -> vector."""
    return {n: to_vector(tuner.space, tuner.generate_parameters(n)) for n in numbers}


def limit(space: SearchSpace, trials: int) -> int:
    """So many trials, or as many as there are architectures."""
    return int(min(space.size, trials))


def check_proposals(space: SearchSpace, vectors: list[IndexVector]) -> None:
    """They belong to the space, and none comes twice."""
    wrong = [message for vector in vectors for message in space.invalid_entries(vector)]
    assert wrong == []
    assert len(set(vectors)) == len(vectors), "an architecture was proposed twice"
