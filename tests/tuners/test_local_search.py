"""Local search keeps the rules of all tuners, and its own."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._encoding import neighbours
from nas_tuners.tuners._local_search import LocalSearchTuner

SPACE = SearchSpace(SPACES["layers"])


class TestLocalSearchTuner(TunerSuite):
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return LocalSearchTuner(**options)


def _tuner(**options: Any) -> LocalSearchTuner:
    tuner = LocalSearchTuner(**({"seed": 0} | options))
    tuner.update_search_space(SPACE)
    return tuner


def _ask(tuner: Tuner, number: int) -> IndexVector:
    return to_vector(SPACE, tuner.generate_parameters(number))


def _note(tuner: Tuner, number: int, *, climb: int) -> dict[str, Any]:
    """The note of a proposal, which must be of this climb."""
    note = tuner.proposal_note(number)
    assert note == {"climb": climb}
    return note


def test_a_neighbourhood_is_a_batch() -> None:
    """With one result, everything asked for is next to it, until nothing is left there."""
    tuner = _tuner(num_starts=1)
    foot = SPACE.sample(Random(1))
    tuner.tell(0, foot, 1.0)
    expected = set(neighbours(SPACE, foot))
    batch = [_ask(tuner, number) for number in range(1, 1 + len(expected))]
    assert set(batch) == expected
    assert _ask(tuner, 900) not in expected


def test_it_moves_on_as_soon_as_something_is_better() -> None:
    tuner = _tuner(num_starts=1)
    foot = SPACE.sample(Random(1))
    tuner.tell(0, foot, 1.0)
    better, worse = _ask(tuner, 1), _ask(tuner, 2)
    tuner.tell(1, better, 2.0, {"climb": 0})
    tuner.tell(2, worse, 0.5, {"climb": 0})
    around = set(neighbours(SPACE, better)) - {foot, worse}
    assert {_ask(tuner, number) for number in range(3, 3 + len(around))} == around


def test_pending_starts_are_not_waited_for() -> None:
    """They count as starts: with three of them on the way the first result is climbed from."""
    tuner = _tuner(num_starts=3)
    starts = [_ask(tuner, number) for number in range(3)]
    tuner.tell(0, starts[0], 1.0, {"climb": 0})
    assert {_ask(tuner, number) for number in (3, 4)} <= set(neighbours(SPACE, starts[0]))


def test_a_late_result_opens_its_climb_again() -> None:
    """The last neighbour of the first climb turns out better when the next has begun."""
    tuner = _tuner(num_starts=1, num_expanded=1)
    foot = SPACE.sample(Random(1))
    tuner.tell(0, foot, 1.0)
    count = len(list(neighbours(SPACE, foot)))
    batch = {number: _ask(tuner, number) for number in range(1, count + 1)}
    late = batch.popitem()
    for number, vector in batch.items():
        tuner.tell(number, vector, 0.0, tuner.proposal_note(number))
    tuner.tell(500, _ask(tuner, 500), 0.5, _note(tuner, 500, climb=1))
    _ask(tuner, 501)
    _note(tuner, 501, climb=1)
    tuner.tell(*late, 3.0, {"climb": 0})
    assert _ask(tuner, 502) in set(neighbours(SPACE, late[1]))
    _note(tuner, 502, climb=0)


def test_a_late_start_opens_a_climb_that_was_over() -> None:
    tuner = _tuner(num_starts=2, num_expanded=1)
    foot, late = _ask(tuner, 0), _ask(tuner, 1)
    tuner.tell(0, foot, 1.0, {"climb": 0})
    for number in range(2, 2 + len(list(neighbours(SPACE, foot)))):
        tuner.tell(number, _ask(tuner, number), 0.0, _note(tuner, number, climb=0))
    _ask(tuner, 500)
    _note(tuner, 500, climb=1)
    tuner.tell(1, late, 3.0, {"climb": 0})
    assert _ask(tuner, 501) in set(neighbours(SPACE, late))


def test_a_start_that_fails_late_is_replaced_also_after_a_restart() -> None:
    """What the tuner keeps to save work must not change what it does."""
    tuner, resumed = _tuner(num_starts=2), _tuner(num_starts=2)
    foot, late = _ask(tuner, 0), _ask(tuner, 1)
    history: list[tuple[int, IndexVector, float | None]] = [(0, foot, 1.0)]
    history += [(2 + i, vector, None) for i, vector in enumerate(neighbours(SPACE, foot))]
    for number, vector, value in history:
        tuner.tell(number, vector, value, {"climb": 0})
    _ask(tuner, 500)
    _note(tuner, 500, climb=1)
    tuner.set_pending({})
    for number, vector, value in [*history, (1, late, None)]:
        resumed.tell(number, vector, value, {"climb": 0})
    tuner.tell(1, late, None, {"climb": 0})
    assert _ask(tuner, 501) == _ask(resumed, 501)
    _note(tuner, 501, climb=0)


def test_workers_that_ask_at_the_same_time_get_different_neighbours() -> None:
    """Each knows the same results, and nothing of what the others have just been given."""
    tuner = _tuner(num_starts=1)
    tuner.tell(0, SPACE.sample(Random(1)), 1.0)
    asked = set()
    for number in range(1, 9):
        asked.add(_ask(tuner, number))
        tuner.set_pending({})
    assert len(asked) > 4


def test_failed_starts_are_drawn_again_and_failed_neighbours_are_seen() -> None:
    tuner = _tuner(num_starts=2)
    for number in range(5):
        tuner.tell(number, _ask(tuner, number), None, {"climb": 0})
    first, second = _ask(tuner, 5), _ask(tuner, 6)
    tuner.tell(5, first, 1.0, {"climb": 0})
    tuner.tell(6, second, 0.0, {"climb": 0})
    failed = _ask(tuner, 7)
    assert failed in set(neighbours(SPACE, first))
    tuner.tell(7, failed, None, {"climb": 0})
    assert failed not in {_ask(tuner, number) for number in range(8, 25)}


def test_it_leaves_a_plateau() -> None:
    """All results are equal: the neighbours of one, then of the next start, and so on."""
    tuner = _tuner(num_starts=1, num_expanded=1)
    climbs: list[int] = []
    for number in range(60):
        vector, note = _ask(tuner, number), tuner.proposal_note(number)
        assert note is not None
        climbs.append(note["climb"])
        tuner.tell(number, vector, 0.5, note)
    per_foot = 1 + len(list(neighbours(SPACE, SPACE.sample(Random(0)))))
    assert climbs[: per_foot + 1] == [0] * per_foot + [1]
    assert climbs[-1] >= 2


def test_notes_of_other_tuners_are_no_climbs() -> None:
    tuner = _tuner(num_starts=1)
    best = SPACE.sample(Random(5))
    tuner.tell(0, best, 9.0, {"climb": "north face"})
    tuner.set_pending({1: (SPACE.sample(Random(6)), {"generation": 3})})
    assert _ask(tuner, 2) in set(neighbours(SPACE, best))


@pytest.mark.parametrize("options", [{"num_starts": 0}, {"num_expanded": 0}])
def test_numbers_are_checked(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="`num_starts >= 1` and `num_expanded >= 1` must hold"):
        LocalSearchTuner(**options)  # type: ignore[arg-type]
