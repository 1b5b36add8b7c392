"""What happens to tuners in practice: late, foreign and worthless results, and odd spaces."""

from __future__ import annotations

import math

import pytest

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector

from ._cases import TunerCases, ValueOf, check_proposals, drive, limit, propose, score
from ._spaces import ODD_SPACES


class OddCases(TunerCases):
    """Cases of :class:`~nas_tuners.testing.TunerSuite`."""

    # ---- late and foreign results ---------------------------------------------------------------

    @pytest.mark.parametrize("name", ["layers", "inputs", "continuous"])
    def test_results_may_come_late_and_in_reverse(self, name: str) -> None:
        space, tuner = self._new(name)
        late = propose(tuner, list(range(int(min(3 * self.budget, space.size / 2)))))
        for number in reversed(late):
            tuner.receive_trial_result(
                number, to_parameters(space, late[number]), score(late[number])
            )
        following = drive(tuner, len(late) // 4, first=len(late))
        check_proposals(space, [*late.values(), *following])

    def test_late_results_count_in_the_order_in_which_they_come(self) -> None:
        space, tuner = self._new("layers")
        late = propose(tuner, list(range(self.budget)))
        notes = {number: tuner.proposal_note(number) for number in late}
        resumed = self._start(space)
        for number in reversed(late):
            tuner.tell(number, late[number], score(late[number]), notes[number])
            resumed.tell(number, late[number], score(late[number]), notes[number])
        assert resumed.generate_parameters(9_000) == tuner.generate_parameters(9_000)

    def test_results_of_ids_it_never_proposed(self) -> None:
        space, tuner = self._new("layers")
        mine = drive(tuner, self.budget // 2)
        foreign = next(vector for vector in space.enumerate() if vector not in mine)
        tuner.trial_end(7_000, success=False)
        tuner.receive_trial_result(7_001, to_parameters(space, foreign), 1.0)
        tuner.trial_end(7_001, success=True)
        with pytest.raises(TunerError, match="7001 has been used"):
            tuner.generate_parameters(7_001)
        following = drive(tuner, self.budget // 4, first=self.budget)
        check_proposals(space, [*mine, foreign, *following])

    def test_a_trial_may_have_tried_something_else(self) -> None:
        """Somebody edited its parameters: what was tried counts, under its id."""
        space, tuner = self._new("layers")
        proposed = propose(tuner, [0])[0]
        tried = tuple(0 if entry else 1 for entry in proposed)
        tuner.receive_trial_result(0, to_parameters(space, tried), 1.0)
        assert tried not in drive(tuner, self.budget // 2, first=1)

    # ---- worthless results ----------------------------------------------------------------------

    @pytest.mark.parametrize("kind", ["equal", "outlier", "deep outlier", "failures in a row"])
    @pytest.mark.parametrize("name", ["layers", "conditional"])
    def test_odd_results_are_survived(self, name: str, kind: str) -> None:
        space, tuner = self._new(name)
        failures = 2 * self.budget // 3
        values: dict[str, ValueOf] = {
            "equal": lambda number, vector: 0.5,
            "outlier": lambda number, vector: 1e30 if number == 3 else score(vector),
            "deep outlier": lambda number, vector: -1e30 if number == 3 else score(vector),
            "failures in a row": lambda number, vector: _after(failures, number, vector),
        }
        vectors = drive(tuner, limit(space, self.budget), pending=2, value_of=values[kind])
        check_proposals(space, vectors)

    # ---- odd spaces -----------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ODD_SPACES)
    def test_odd_spaces_are_searched_or_end(self, name: str) -> None:
        if name in ("five hundred keys", "two thousand candidates") and not self.large_spaces:
            pytest.skip("large spaces are not affordable")
        space, tuner = self._new(name)
        vectors = drive(tuner, limit(space, self.budget // 2), pending=2)
        check_proposals(space, vectors)
        if len(vectors) == space.size:
            with pytest.raises(SearchSpaceExhausted):
                tuner.generate_parameters(8_000)

    @pytest.mark.parametrize("name", ["small", "two architectures"])
    def test_it_ends_when_others_tried_everything(self, name: str) -> None:
        space, tuner = self._new(name)
        parameters = [to_parameters(space, vector) for vector in space.enumerate()]
        tuner.import_data([{"parameter": p, "value": 1.0} for p in parameters])
        with pytest.raises(SearchSpaceExhausted):
            tuner.generate_parameters(0)


def _after(failures: int, number: int, vector: IndexVector) -> float | None:
    if number < failures:
        return math.nan if number % 2 else None
    return score(vector)
