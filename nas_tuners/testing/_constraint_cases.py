"""Whether a tuner keeps to the constraints of its space, and ends where nothing fits."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._base import Tuner

from ._cases import TunerCases, check_proposals, drive
from ._spaces import SPACES

_COSTS = {"none": 0, "skip": 1, "conv1x1": 2, "conv3x3": 3}


class ConstraintCases(TunerCases):
    """Cases of :class:`~nas_tuners.testing.TunerSuite`."""

    def test_constraints_are_kept(self) -> None:
        """With trials side by side, of which some fail."""
        space, tuner = self._start_constrained()
        vectors = drive(tuner, min(30, self.budget), pending=3)
        check_proposals(space, vectors)
        assert [vector for vector in vectors if not space.fits(vector)] == []

    def test_constrained_searches_are_replayed_and_copied(self) -> None:
        space, tuner = self._start_constrained()
        log: list[tuple[Any, ...]] = []
        drive(tuner, min(20, self.budget), pending=3, log=log)
        resumed = self._start(space)
        for number, vector, value, note in log:
            resumed.tell(number, vector, value, note)
        others = [resumed, pickle.loads(pickle.dumps(tuner)), copy.deepcopy(tuner)]
        expected = [tuner.generate_parameters(number) for number in (5_000, 5_001)]
        for other in others:
            assert [other.generate_parameters(number) for number in (5_000, 5_001)] == expected

    def test_it_ends_when_all_that_fits_was_proposed(self) -> None:
        if not self.exhausts:
            pytest.skip("proposes a part of the space only")
        space = SearchSpace(SPACES["small"]).constrain(is_convolution_of_first)
        tuner = self._start(space)
        assert {*drive(tuner, 3)} == {*filter(space.fits, space.enumerate())}
        with pytest.raises(SearchSpaceExhausted, match=r"refused \(\d+ by is_convolution_of_fir"):
            tuner.generate_parameters(10_000)

    def test_a_constraint_that_nothing_satisfies_ends_the_search(self) -> None:
        calls: list[dict[str, Any]] = []

        def never(architecture: dict[str, Any]) -> bool:
            calls.append(architecture)
            return False

        tuner = self._start(SearchSpace(SPACES["layers"]).constrain(never, attempts=50))
        with pytest.raises(TunerError, match=r"50 proposals were refused \(50 by never\)"):
            tuner.generate_parameters(0)
        assert len(calls) <= 50
        tuner = self._start(SearchSpace(SPACES["small"]).constrain(never))
        with pytest.raises((SearchSpaceExhausted, TunerError), match=r"refused \(\d+ by never\)"):
            tuner.generate_parameters(0)

    def _start_constrained(self) -> tuple[SearchSpace, Tuner]:
        space = SearchSpace(SPACES["layers"]).constrain(is_cheap)
        return space, self._start(space)


def is_cheap(architecture: dict[str, Any]) -> bool:
    """True of 204 of the 4,096 architectures of ``layers``."""
    return sum(_COSTS[operation] for operation in architecture.values()) <= 4


def is_convolution_of_first(architecture: dict[str, Any]) -> bool:
    """True of 3 of the 16 architectures of ``small``."""
    return bool(architecture["block"] == "conv" and architecture["from"] == [0])
