"""The rules that every tuner keeps, as test cases."""

from __future__ import annotations

import copy
import json
import math
import pickle
from random import Random
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._cases import check_proposals, drive, limit, ordinary_value, score
from ._constraint_cases import ConstraintCases
from ._odd_cases import OddCases
from ._search_cases import SearchCases
from ._spaces import SPACES


class TunerSuite(SearchCases, OddCases, ConstraintCases):
    """Everything that is asked of a tuner: that it keeps the rules, searches, and survives.

    Subclass this in a test module and implement ``make_tuner``; the attributes ``budget``,
    ``learning_budget``, ``learns``, ``constant_cost``, ``seconds_for_200``, ``infinite_spaces``,
    ``large_spaces``, ``exhausts`` and ``seeded`` say what the tuner is like.

    Example::

        class TestMyTuner(TunerSuite):
            constant_cost = True

            def make_tuner(self, space, **options):
                return MyTuner(**options)
    """

    # ---- what is proposed -----------------------------------------------------------------------

    @pytest.mark.parametrize("name", list(SPACES))
    def test_proposals_fit_the_space_and_do_not_repeat(self, name: str) -> None:
        space, tuner = self._new(name)
        history = drive(tuner, limit(space, self.budget))
        check_proposals(space, history)

    @pytest.mark.parametrize("name", ["small", "one candidate", "empty"])
    def test_it_ends_when_every_architecture_was_proposed(self, name: str) -> None:
        if not self.exhausts:
            pytest.skip("proposes a part of the space only")
        space, tuner = self._new(name)
        history = drive(tuner, int(space.size), pending=3)
        assert set(history) == set(space.enumerate())
        with pytest.raises(SearchSpaceExhausted):
            tuner.generate_parameters(10_000)

    def test_the_empty_space_has_one_architecture(self) -> None:
        _, tuner = self._new("empty")
        assert tuner.generate_parameters(0) == {}
        with pytest.raises(SearchSpaceExhausted):
            tuner.generate_parameters(1)

    def test_it_never_waits_for_results(self) -> None:
        space, tuner = self._new("layers")
        proposals = [to_vector(space, tuner.generate_parameters(i)) for i in range(self.budget)]
        assert len(set(proposals)) == self.budget

    def test_several_at_once_are_fewer_at_the_end(self) -> None:
        space, tuner = self._new("one candidate")
        assert len(tuner.generate_multiple_parameters(range(10))) == space.size
        with pytest.raises(SearchSpaceExhausted):
            tuner.generate_multiple_parameters([10, 11])

    def test_parameters_are_json(self) -> None:
        for name in self._names():
            _, tuner = self._new(name)
            parameters = tuner.generate_parameters(0)
            assert json.loads(json.dumps(parameters, allow_nan=False)) == parameters

    # ---- determinism ----------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ["layers", "inputs", "conditional", "numbers", "continuous"])
    def test_equal_seeds_search_equally(self, name: str) -> None:
        length = limit(SearchSpace(SPACES[name]), self.budget)
        assert drive(self._new(name)[1], length) == drive(self._new(name)[1], length)

    def test_other_seeds_search_otherwise(self) -> None:
        if not self.seeded:
            pytest.skip("nothing is random")
        first, second = self._new("layers", seed=1)[1], self._new("layers", seed=2)[1]
        assert drive(first, self.budget) != drive(second, self.budget)

    @pytest.mark.parametrize("name", ["layers", "inputs", "conditional", "numbers", "continuous"])
    def test_replaying_the_history_gives_the_same_next_suggestion(self, name: str) -> None:
        space, tuner = self._new(name)
        log: list[tuple[Any, ...]] = []
        drive(tuner, limit(space, self.budget) - 3, pending=3, log=log)
        resumed = self._start(space)
        for number, vector, value, note in log:
            resumed.tell(number, vector, value, note)
        for number in (5_000, 5_001):
            assert resumed.generate_parameters(number) == tuner.generate_parameters(number)

    @pytest.mark.parametrize("name", ["layers", "conditional", "continuous"])
    def test_pickled_and_copied_tuners_go_on_equally(self, name: str) -> None:
        space, tuner = self._new(name)
        drive(tuner, limit(space, self.budget) - 3)
        others = [pickle.loads(pickle.dumps(tuner)), copy.deepcopy(tuner)]
        expected = tuner.generate_parameters(5_000)
        assert [other.generate_parameters(5_000) for other in others] == [expected, expected]

    def test_minimizing_is_maximizing_the_negative(self) -> None:
        down = self._new("layers", optimize_mode="minimize")[1]
        up = self._new("layers")[1]

        def negative(number: int, vector: IndexVector) -> float | None:
            value = ordinary_value(number, vector)
            return None if value is None else -value

        assert drive(down, self.budget, value_of=negative) == drive(up, self.budget)

    # ---- results --------------------------------------------------------------------------------

    @pytest.mark.parametrize("name", ["layers", "inputs", "conditional", "numbers", "continuous"])
    def test_it_learns_from_results_of_others(self, name: str) -> None:
        space, tuner = self._new(name)
        rng = Random(1)
        foreign = {space.sample(rng) for _ in range(limit(space, self.budget) // 2)}
        for number, vector in enumerate(sorted(foreign, key=str)):
            value = score(vector)
            tuner.receive_trial_result(1_000 + number, to_parameters(space, vector), value)
        history = drive(tuner, limit(space, self.budget) // 4)
        assert foreign.isdisjoint(history)

    def test_imported_data_count_as_known(self) -> None:
        space, tuner = self._new("layers")
        rng = Random(2)
        vectors = {space.sample(rng) for _ in range(self.budget)}
        records = [
            {"parameter": json.dumps(to_parameters(space, vector)), "value": str(score(vector))}
            if number % 2  # as NNI exports them
            else {"parameter": to_parameters(space, vector), "value": score(vector)}
            for number, vector in enumerate(sorted(vectors))
        ]
        tuner.import_data(records)
        assert vectors.isdisjoint(drive(tuner, self.budget // 2))

    def test_what_is_no_record_is_refused_with_all_the_rest(self) -> None:
        space, tuner = self._new("layers")
        good = {"parameter": to_parameters(space, space.sample(Random(0))), "value": 1.0}
        with pytest.raises(ArchitectureError, match=r"record 1[\s\S]*record 2"):
            tuner.import_data([good, {"value": 3}, {"parameter": [1, 2], "value": 3}])
        untouched = self._new("layers")[1]
        assert tuner.generate_parameters(0) == untouched.generate_parameters(0)

    def test_failed_trials_are_survived_and_not_repeated(self) -> None:
        space, tuner = self._new("layers")
        failures = [None, math.nan, "text", {"default": math.inf}]
        seen = []
        for number in range(self.budget):
            parameters = tuner.generate_parameters(number)
            seen.append(to_vector(space, parameters))
            if number % 5 == 4:
                tuner.trial_end(number, success=False)
            else:
                value = failures[number % 4] if number % 3 else score(seen[-1])
                tuner.receive_trial_result(number, parameters, value)
                tuner.trial_end(number, success=True)
        assert len(set(seen)) == self.budget

    def test_everything_may_fail(self) -> None:
        _, tuner = self._new("layers")
        for number in range(self.budget):
            tuner.generate_parameters(number)
            tuner.trial_end(number, success=False)

    def test_a_second_result_of_a_trial_is_ignored(self) -> None:
        first, second = self._new("layers")[1], self._new("layers")[1]
        for tuner in (first, second):
            for number in range(self.budget // 2):
                parameters = tuner.generate_parameters(number)
                tuner.receive_trial_result(number, parameters, float(number))
                if tuner is second:
                    tuner.receive_trial_result(number, parameters, -1e9)
        assert first.generate_parameters(900) == second.generate_parameters(900)

    def test_results_may_be_dicts(self) -> None:
        first, second = self._new("layers")[1], self._new("layers")[1]
        for number in range(self.budget // 2):
            parameters = first.generate_parameters(number)
            assert second.generate_parameters(number) == parameters
            value = score(to_vector(first.space, parameters))
            first.receive_trial_result(number, parameters, value)
            second.receive_trial_result(number, parameters, {"default": value, "latency": 3})
        assert first.generate_parameters(900) == second.generate_parameters(900)

    # ---- mistakes -------------------------------------------------------------------------------

    def test_a_tuner_without_a_space_says_so(self) -> None:
        tuner = self.make_tuner(SearchSpace(SPACES["layers"]), seed=0)
        with pytest.raises(TunerError, match="update_search_space"):
            tuner.generate_parameters(0)

    def test_the_space_is_set_once(self) -> None:
        space, tuner = self._new("layers")
        tuner.update_search_space(space.to_dict())
        with pytest.raises(TunerError, match="cannot change"):
            tuner.update_search_space(SPACES["inputs"])

    def test_an_id_is_used_once(self) -> None:
        _, tuner = self._new("layers")
        tuner.generate_parameters(7)
        with pytest.raises(TunerError, match="7 has been used"):
            tuner.generate_parameters(7)

    def test_parameters_of_another_space_are_refused(self) -> None:
        _, tuner = self._new("layers")
        with pytest.raises(ArchitectureError, match="edge_0: missing"):
            tuner.receive_trial_result(0, {"conv": {"_value": "a", "_idx": 0}}, 1.0)
