"""Errors carry every problem, say where, and survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from nas_tuners.contract import errors
from nas_tuners.contract.errors import (
    ArchitectureError,
    ConfigError,
    MetricError,
    NasTunersError,
    Problem,
    SearchSpaceError,
    SearchSpaceExhausted,
    SpaceMismatchError,
    TrialError,
    did_you_mean,
)

COLLECTED = [SearchSpaceError, ArchitectureError, SpaceMismatchError, ConfigError]
PROBLEMS = [Problem("conv", "unknown _type 'x'"), Problem("", "nothing else")]


def _subclasses(base: type) -> list[type]:
    return [base, *(below for child in base.__subclasses__() for below in _subclasses(child))]


def test_the_tree_at_the_top_of_the_module_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    public = {cls.__name__ for cls in _subclasses(NasTunersError) if cls.__name__[0] != "_"}
    assert public >= {"SearchSpaceError", "SearchSpaceExhausted"}
    assert {name for name in public if name not in drawn} == set()


@pytest.mark.parametrize("error", [*COLLECTED, MetricError])
def test_bad_input_is_a_value_error(error: type[Exception]) -> None:
    assert issubclass(error, ValueError)


def test_a_mismatch_of_spaces_is_caught_as_an_architecture_error() -> None:
    assert issubclass(SpaceMismatchError, ArchitectureError)


def test_exhaustion_is_no_value_error() -> None:
    assert not issubclass(SearchSpaceExhausted, (ValueError, RuntimeError))


@pytest.mark.parametrize("error", COLLECTED)
def test_one_problem_is_one_line(error: type[SearchSpaceError]) -> None:
    assert str(error(PROBLEMS[:1], "space.json")) == "space.json: conv: unknown _type 'x'"
    assert str(error(PROBLEMS[:1])) == "conv: unknown _type 'x'"
    assert str(error("it is broken", "space.json")) == "space.json: it is broken"


@pytest.mark.parametrize("error", COLLECTED)
def test_several_problems_are_all_listed(error: type[SearchSpaceError]) -> None:
    raised = error(PROBLEMS, "space.json")
    assert raised.problems == tuple(PROBLEMS)
    assert str(raised).splitlines() == [
        "space.json: 2 problems",
        "  - conv: unknown _type 'x'",
        "  - nothing else",
    ]


@pytest.mark.parametrize("error", COLLECTED)
def test_collected_errors_pickle_with_their_data(error: type[SearchSpaceError]) -> None:
    copy = pickle.loads(pickle.dumps(error(PROBLEMS, "space.json")))
    assert type(copy) is error
    assert (copy.problems, copy.source) == (tuple(PROBLEMS), "space.json")
    assert str(copy) == str(error(PROBLEMS, "space.json"))


def test_plain_errors_pickle() -> None:
    assert str(pickle.loads(pickle.dumps(TrialError("no file")))) == "no file"


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("layer_choise", "; did you mean 'layer_choice'?"),
        ("zzz", ""),
        ("", ""),
        (3, ""),
        (None, ""),
    ],
)
def test_did_you_mean(word: object, hint: str) -> None:
    assert did_you_mean(word, ["layer_choice", "input_choice"]) == hint
