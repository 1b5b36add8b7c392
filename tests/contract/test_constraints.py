"""Constraints: same space, fewer architectures that may be proposed."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from nas_tuners.contract.architecture import to_architecture, to_vector
from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace, check_same_space
from tests.strategies import generators, spaces

SPACE = SearchSpace(
    {
        "kind": {"_type": "layer_choice", "_value": ["conv", "pool"]},
        "kernel": {"_type": "layer_choice", "_value": ["3", "5"], "_active_if": {"kind": [0]}},
        "from": {"_type": "input_choice", "_value": {"candidates": ["", ""], "n_chosen": None}},
        "names": {"_type": "input_choice", "_value": {"candidates": ["x", "y"], "n_chosen": 1}},
        "width": {"_type": "choice", "_value": [16, [8, 8]]},
        "depth": {"_type": "quniform", "_value": [2, 6, 2]},
    }
)
ARCHITECTURE = {
    "kind": "conv",
    "kernel": "5",
    "from": [1],
    "names": ["y"],
    "width": [8, 8],
    "depth": 4,
}
VECTOR = to_vector(SPACE, ARCHITECTURE)


def is_shallow(architecture: dict[str, Any]) -> bool:
    return bool(architecture["depth"] < 6)


def is_deep(architecture: dict[str, Any], *, above: int) -> bool:
    return bool(architecture["depth"] > above)


class Bound:
    def __call__(self, architecture: dict[str, Any]) -> bool:
        return False


# ---- the same space -----------------------------------------------------------------------------


def test_a_constraint_changes_nothing_of_the_space() -> None:
    constrained = SPACE.constrain(is_shallow)
    assert constrained == SPACE
    assert hash(constrained) == hash(SPACE)
    assert constrained.to_dict() == SPACE.to_dict()
    assert constrained.fingerprint == SPACE.fingerprint
    assert constrained.size == SPACE.size
    assert [*constrained.enumerate()] == [*SPACE.enumerate()]
    assert constrained.sample(Random(0)) == SPACE.sample(Random(0))
    assert SearchSpace.of(constrained) is constrained
    check_same_space(SPACE, constrained, ours_is="one", theirs_is="other")


def test_the_space_itself_stays_without() -> None:
    constrained = SPACE.constrain(is_shallow)
    twice = constrained.constrain(lambda _: True)
    assert [len(space.constraints) for space in (SPACE, constrained, twice)] == [0, 1, 2]


def test_a_space_tells_of_its_constraints() -> None:
    once = SPACE.constrain(is_shallow)
    assert repr(once) == repr(SPACE)[:-1] + ", 1 constraint)"
    assert repr(once.constrain(is_shallow)) == repr(SPACE)[:-1] + ", 2 constraints)"


def test_constraints_may_be_taken_from_a_twin() -> None:
    twin = SearchSpace(dict(reversed(SPACE.to_dict().items())))
    constrained = twin.with_constraints(SPACE.constrain(is_shallow).constraints)
    assert not constrained.fits(to_vector(twin, ARCHITECTURE | {"depth": 6}))
    assert constrained.fits(to_vector(twin, ARCHITECTURE))


def test_spaces_with_constraints_travel() -> None:
    constrained = SPACE.constrain(is_shallow, attempts=7)
    for other in (pickle.loads(pickle.dumps(constrained)), copy.deepcopy(constrained)):
        assert other == SPACE
        assert other.constraints == constrained.constraints


def test_copies_share_what_a_constraint_holds() -> None:
    constrained = SPACE.constrain(Bound())
    assert copy.deepcopy(constrained).constraints[0] is constrained.constraints[0]


# ---- what fits ----------------------------------------------------------------------------------


def test_a_constraint_sees_the_architecture_as_people_write_it() -> None:
    seen: list[dict[str, Any]] = []
    space = SPACE.constrain(lambda architecture: not seen.append(architecture))
    space.fits(VECTOR)
    space.fits(to_vector(SPACE, ARCHITECTURE | {"kind": "pool"}))
    without_kernel = {key: value for key, value in ARCHITECTURE.items() if key != "kernel"}
    assert seen == [ARCHITECTURE, without_kernel | {"kind": "pool"}]


@given(spaces(), generators())
def test_what_fits_is_what_the_function_says(space: SearchSpace, rng: Random) -> None:
    def is_even(architecture: dict[str, Any]) -> bool:
        return len(str(architecture)) % 2 == 0

    constrained = space.constrain(is_even)
    vector = space.sample(rng)
    fits = is_even(to_architecture(space, vector))
    assert constrained.fits(vector) == fits
    assert (constrained.broken_constraint(vector) is None) == fits
    assert space.fits(vector)


def test_later_constraints_are_asked_where_earlier_ones_hold() -> None:
    space = SPACE.constrain(is_shallow).constrain(partial(is_deep, above=2))
    broken = {
        depth: space.broken_constraint(to_vector(SPACE, ARCHITECTURE | {"depth": depth}))
        for depth in (2, 4, 6)
    }
    names = {depth: constraint and constraint.name for depth, constraint in broken.items()}
    assert names == {2: "is_deep", 4: None, 6: "is_shallow"}


def test_what_a_constraint_does_to_an_architecture_is_its_own_affair() -> None:
    def greedy(architecture: dict[str, Any]) -> bool:
        architecture["width"].append(9)
        architecture.clear()
        return True

    assert not SPACE.constrain(greedy).constrain(lambda a: a != ARCHITECTURE).fits(VECTOR)
    assert SPACE.constrain(greedy).fits(VECTOR)
    assert to_architecture(SPACE, VECTOR) == ARCHITECTURE


@pytest.mark.parametrize(
    ("predicate", "name"),
    [
        (is_shallow, "is_shallow"),
        (partial(is_deep, above=3), "is_deep"),
        (Bound(), "Bound"),
        (lambda architecture: True, "constraint 1"),
    ],
)
def test_a_constraint_has_a_telling_name(predicate: Any, name: str) -> None:
    assert SPACE.constrain(predicate).constraints[0].name == name
    assert SPACE.constrain(predicate, name="small").constraints[0].name == "small"


# ---- drawing ------------------------------------------------------------------------------------


def test_what_is_drawn_fits() -> None:
    space = SPACE.constrain(is_shallow)
    drawn = [space.sample_fitting(Random(seed)) for seed in range(50)]
    assert all(map(space.fits, drawn))
    assert len(set(drawn)) > 10
    assert drawn == [space.sample_fitting(Random(seed)) for seed in range(50)]
    assert SPACE.sample_fitting(Random(0)) == SPACE.sample(Random(0))


@pytest.mark.parametrize(("first", "second"), [(60, 10), (10, 60)])
def test_drawing_ends(first: int, second: int) -> None:
    space = SPACE.constrain(is_shallow, attempts=first).constrain(Bound(), attempts=second)
    message = r"none of 60 architectures .* \(\d+ by Bound, \d+ by is_shallow\): relax"
    with pytest.raises(SearchSpaceError, match=message):
        space.sample_fitting(Random(0))


# ---- mistakes -----------------------------------------------------------------------------------


def test_a_constraint_that_raises_is_named_with_the_architecture() -> None:
    space = SPACE.constrain(lambda architecture: architecture["heads"] > 2, name="enough heads")
    message = r"'enough heads' raised KeyError: 'heads' \(the architecture is \{'kind': 'conv', "
    with pytest.raises(SearchSpaceError, match=message) as caught:
        space.fits(VECTOR)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("verdict", [None, 1, "yes", np.float64(1.0), np.array([True])])
def test_a_verdict_is_true_or_false(verdict: Any) -> None:
    space = SPACE.constrain(lambda _: verdict)
    with pytest.raises(SearchSpaceError, match="'constraint 1' must return True or False, but"):
        space.fits(VECTOR)


@pytest.mark.parametrize("verdict", [True, False])
def test_a_verdict_may_be_numpys(verdict: bool) -> None:
    assert SPACE.constrain(lambda _: np.bool_(verdict)).fits(VECTOR) is verdict  # type: ignore[arg-type,return-value]


def test_what_is_no_constraint_is_not_taken_from_a_twin() -> None:
    with pytest.raises(SearchSpaceError, match=r"but got <function is_shallow.*by constrain\(\)"):
        SPACE.with_constraints([is_shallow])  # type: ignore[list-item]


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(SearchSpaceError, match="must be a function of the architecture"):
        SPACE.constrain("flops <= 6")  # type: ignore[arg-type]
    for attempts in (0, -1, 1.5, True, "many"):
        with pytest.raises(
            SearchSpaceError, match="`attempts` must be a whole number of at least 1"
        ):
            SPACE.constrain(is_shallow, attempts=attempts)  # type: ignore[arg-type]
