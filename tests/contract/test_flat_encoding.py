"""The flat encoding loses nothing, reads everything in range, and favours no index."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nas_tuners.contract.domains import Continuous, Subset
from nas_tuners.contract.flat_encoding import (
    ENCODINGS,
    Category,
    FlatEncoding,
    FlatParameter,
    Integer,
    Real,
)
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing._spaces import SPACES
from tests.strategies import generators, spaces

encodings = st.sampled_from(ENCODINGS)


def _inputs(n: int, n_chosen: Any, key: str = "i") -> SearchSpace:
    value = {"candidates": [f"c{index}" for index in range(n)], "n_chosen": n_chosen}
    return SearchSpace({key: {"_type": "input_choice", "_value": value}})


def _one(kind: str, value: Any, key: str = "x") -> SearchSpace:
    return SearchSpace({key: {"_type": kind, "_value": value}})


def _values(parameter: FlatParameter) -> st.SearchStrategy[Any]:
    if isinstance(parameter, Category):
        return st.sampled_from(parameter.choices)
    if isinstance(parameter, Integer):
        return st.integers(parameter.low, parameter.high)
    return st.floats(parameter.low, parameter.high)


def _in_range(parameter: FlatParameter, value: Any) -> bool:
    if isinstance(parameter, Category):
        return any(value is choice or value == choice for choice in parameter.choices)
    return parameter.low <= value <= parameter.high


def _same(space: SearchSpace, one: IndexVector, other: IndexVector) -> bool:
    """Equal, but for numbers that pass through the quantiles of an unbounded prior."""
    for decision, a, b in zip(space.decisions, one, other, strict=True):
        domain = decision.domain
        if isinstance(domain, Continuous) and math.isinf(domain.high) and not domain.step:
            continue
        if a != b:
            return False
    return True


# ---- properties of random spaces ----------------------------------------------------------------


@given(spaces(), generators(), encodings)
def test_vectors_are_encoded_and_decoded(space: SearchSpace, rng: Random, encoding: str) -> None:
    flat = FlatEncoding(space, encoding)
    vector = space.sample(rng)
    values = flat.encode(vector)
    assert list(values) == list(flat.parameters)
    assert all(_in_range(flat.parameters[name], value) for name, value in values.items())
    assert _same(space, flat.decode(values), vector)


@given(spaces(), st.data(), encodings)
def test_everything_in_range_is_a_valid_architecture(
    space: SearchSpace, data: st.DataObject, encoding: str
) -> None:
    flat = FlatEncoding(space, encoding)
    values = {name: data.draw(_values(parameter)) for name, parameter in flat.parameters.items()}
    vector = flat.decode(values)
    assert space.invalid_entries(vector) == []
    assert space.canonical(vector) == vector
    assert flat.decode(dict(reversed(values.items()))) == vector


@given(spaces(), encodings)
def test_parameters_are_what_databases_and_plots_can_hold(
    space: SearchSpace, encoding: str
) -> None:
    for name, parameter in FlatEncoding(space, encoding).parameters.items():
        assert len(name) <= 512
        if isinstance(parameter, Category):
            assert len(set(parameter.choices)) == len(parameter.choices)
            assert len({type(choice) for choice in parameter.choices} - {int, float}) <= 1
            assert all(len(choice) <= 70 for choice in parameter.choices if choice is str(choice))


# ---- which parameters a decision becomes --------------------------------------------------------

FLAGS = Category((False, True))
C3 = Category(("c0", "c1", "c2"))
UNIT = Real(0.0, 1.0)


@pytest.mark.parametrize(
    ("n", "n_chosen", "encoding", "parameters"),
    [
        (3, 1, "auto", {"i": C3}),
        (3, 1, "booleans", {"i": C3}),
        (3, 2, "auto", {"i[0]": C3, "i[1]": C3}),
        (3, 2, "slots", {"i[0]": C3, "i[1]": C3}),
        (3, 2, "booleans", {"i/c0": FLAGS, "i/c1": FLAGS, "i/c2": FLAGS}),
        (3, 2, "subsets", {"i": Category(("{c0, c1}", "{c0, c2}", "{c1, c2}"))}),
        (3, 2, "scores", {"i/c0": UNIT, "i/c1": UNIT, "i/c2": UNIT}),
        (3, None, "auto", {"i/c0": FLAGS, "i/c1": FLAGS, "i/c2": FLAGS}),
        (3, None, "slots", {"i/c0": FLAGS, "i/c1": FLAGS, "i/c2": FLAGS}),
        (3, [0, 1], "subsets", {"i": Category(("{}", "{c0}", "{c1}", "{c2}"))}),
        (3, 0, "auto", {}),
    ],
)
def test_how_subsets_are_written(
    n: int, n_chosen: Any, encoding: str, parameters: dict[str, FlatParameter]
) -> None:
    assert FlatEncoding(_inputs(n, n_chosen), encoding).parameters == parameters


@pytest.mark.parametrize(
    ("n", "n_chosen", "names"),
    [(20, 3, 3), (20, 6, 6), (9, 4, 9), (20, 7, 20), (6, 5, 6)],
)
def test_auto_takes_slots_for_few_of_many(n: int, n_chosen: int, names: int) -> None:
    assert len(FlatEncoding(_inputs(n, n_chosen)).parameters) == names


def test_too_many_subsets_are_not_listed() -> None:
    assert len(FlatEncoding(_inputs(12, None), "subsets").parameters) == 1
    assert len(FlatEncoding(_inputs(13, None), "subsets").parameters) == 13
    assert len(FlatEncoding(_inputs(40, 5), "subsets").parameters) == 5


@pytest.mark.parametrize(
    ("kind", "value", "parameter"),
    [
        ("layer_choice", ["a", "b"], Category(("a", "b"))),
        ("layer_choice", ["a", "a", ""], Category(("0:a", "1:a", "2:"))),
        ("layer_choice", ["x" * 100, "y"], Category(("0:" + "x" * 60, "1:y"))),
        ("choice", [0.1, 2, 3], Category((0.1, 2, 3))),
        ("choice", [1, "1"], Category(("0:1", "1:1"))),
        ("choice", [True, None, [1]], Category(("True", "None", "[1]"))),
        ("choice", [{"_name": ""}, {"_name": "b"}], Category(("0:", "1:b"))),
        ("randint", [2, 6], Integer(2, 5)),
        ("quniform", [0, 3, 1], Integer(0, 3)),
        ("quniform", [0, 2.6, 1], Real(0, 2.6)),
        ("quniform", [0, 1, 0.25], Real(0, 1)),
        ("qloguniform", [1, 8, 1], Real(1, 8, log=True)),
        ("uniform", [0, 2], Real(0.0, 2.0)),
        ("loguniform", [0.1, 1], Real(0.1, 1.0, log=True)),
    ],
)
def test_how_other_decisions_are_written(kind: str, value: Any, parameter: FlatParameter) -> None:
    assert FlatEncoding(_one(kind, value)).parameters == {"x": parameter}


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_unbounded_numbers_are_written_as_quantiles(kind: str) -> None:
    space = _one(kind, [1.5, 0.5])
    flat = FlatEncoding(space)
    assert list(flat.parameters) == ["x (quantile)"]
    vector = space.sample(Random(0))
    assert flat.decode(flat.encode(vector)) == pytest.approx(vector, rel=1e-6)
    median = 1.5 if kind == "normal" else math.exp(1.5)
    assert flat.decode({"x (quantile)": 0.5}) == (pytest.approx(median),)


def test_scores_decide_by_the_highest_and_free_numbers_by_a_half() -> None:
    layer = FlatEncoding(_one("layer_choice", ["a", "b", "c"]), "scores")
    assert layer.decode({"x/a": 0.1, "x/b": 0.3, "x/c": 0.2}) == (1,)
    two = FlatEncoding(_inputs(3, 2), "scores")
    domain = two.space.decisions[0].domain
    assert isinstance(domain, Subset)
    assert two.decode({"i/c0": 0.1, "i/c1": 0.3, "i/c2": 0.2}) == (domain.index([1, 2]),)
    free = FlatEncoding(_inputs(3, None), "scores")
    domain = free.space.decisions[0].domain
    assert isinstance(domain, Subset)
    assert free.decode({"i/c0": 0.6, "i/c1": 0.5, "i/c2": 0.9}) == (domain.index([0, 2]),)


def test_labels_that_look_alike_stay_apart() -> None:
    candidates = ["a", "b", "a, b"]
    value = {"candidates": candidates, "n_chosen": [1, 2]}
    flat = FlatEncoding(_one("input_choice", value), "subsets")
    for vector in flat.space.enumerate():
        assert flat.decode(flat.encode(vector)) == vector


def test_names_that_collide_or_are_too_long_stay_apart() -> None:
    flags = {"candidates": ["b", "c"], "n_chosen": None}
    space = SearchSpace(
        {
            "a/b": {"_type": "layer_choice", "_value": ["x", "y"]},
            "a": {"_type": "input_choice", "_value": flags},
            "k" * 600 + "1": {"_type": "layer_choice", "_value": ["x", "y"]},
            "k" * 600 + "2": {"_type": "layer_choice", "_value": ["x", "y"]},
        }
    )
    flat = FlatEncoding(space)
    assert list(flat.parameters)[:3] == ["a/b", "a/b #2", "a/c"]
    assert [len(name) for name in list(flat.parameters)[3:]] == [499, 499]
    for vector in space.enumerate():
        assert flat.decode(flat.encode(vector)) == vector


# ---- reading ------------------------------------------------------------------------------------


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`encoding` must be one of \('auto', .*, but got 'x'"):
        FlatEncoding(SearchSpace({}), "x")


def test_a_missing_parameter_is_refused() -> None:
    with pytest.raises(KeyError, match="x"):
        FlatEncoding(_one("layer_choice", ["a", "b"])).decode({})


@pytest.mark.parametrize(
    ("space", "encoding", "name", "value"),
    [
        (_one("layer_choice", ["a", "b"]), "auto", "x", "c"),
        (_one("choice", [1, 2]), "auto", "x", 3),
        (_one("layer_choice", ["a", "b"]), "scores", "x/a", 1.5),
        (_one("randint", [0, 3]), "auto", "x", 3),
        (_one("randint", [0, 3]), "auto", "x", -1),
        (_one("uniform", [0, 3]), "auto", "x", 3.5),
        (_one("uniform", [0, 3]), "auto", "x", math.nan),
        (_one("quniform", [0, 3, 0.5]), "auto", "x", -0.5),
        (_one("normal", [0, 3]), "auto", "x (quantile)", 1.5),
        (_inputs(3, 2), "slots", "i[0]", "c9"),
        (_inputs(3, 2), "booleans", "i/c0", "yes"),
        (_inputs(3, 2), "subsets", "i", "{c0}"),
    ],
)
def test_a_value_out_of_range_is_refused(
    space: SearchSpace, encoding: str, name: str, value: Any
) -> None:
    flat = FlatEncoding(space, encoding)
    values = flat.encode(space.sample(Random(0)))
    assert name in values
    with pytest.raises(ValueError):
        flat.decode(values | {name: value})


def test_equal_numbers_are_read_whatever_their_type() -> None:
    flat = FlatEncoding(_one("choice", [1, 2.0]))
    assert [flat.decode({"x": value}) for value in (1, 1.0, 2, 2.0)] == [(0,), (0,), (1,), (1,)]


# ---- repair -------------------------------------------------------------------------------------


def _chosen(flat: FlatEncoding, values: dict[str, Any]) -> tuple[int, ...]:
    domain = flat.space.decisions[0].domain
    (entry,) = flat.decode(values)
    assert isinstance(domain, Subset)
    assert entry is not None
    return domain.chosen(entry)


def _assignments(flat: FlatEncoding) -> list[dict[str, Any]]:
    choices = [p.choices for p in flat.parameters.values() if isinstance(p, Category)]
    return [
        dict(zip(flat.parameters, values, strict=True)) for values in itertools.product(*choices)
    ]


@pytest.mark.parametrize(
    ("n", "n_chosen", "encoding"),
    [(5, 2, "slots"), (6, 3, "slots"), (5, 2, "booleans"), (7, [2, 3], "booleans")],
)
def test_repair_favours_no_candidate(n: int, n_chosen: Any, encoding: str) -> None:
    """Over all assignments and many keys, each candidate is chosen equally often."""
    counts: Counter[int] = Counter()
    for salt in range(40):
        flat = FlatEncoding(_inputs(n, n_chosen, key=f"key{salt}"), encoding)
        for values in _assignments(flat):
            counts.update(_chosen(flat, values))
    assert stats.chisquare([counts[index] for index in range(n)]).pvalue > 1e-3


@pytest.mark.parametrize(("n", "n_chosen"), [(5, 2), (7, [2, 3])])
def test_repair_moves_as_little_as_it_must(n: int, n_chosen: Any) -> None:
    flat = FlatEncoding(_inputs(n, n_chosen), "booleans")
    domain = flat.space.decisions[0].domain
    assert isinstance(domain, Subset)
    for values in _assignments(flat):
        raw = {index for index, value in enumerate(values.values()) if value}
        chosen = set(_chosen(flat, values))
        assert len(chosen) == min(max(len(raw), domain.low), domain.high)
        assert chosen <= raw or raw <= chosen


def test_repair_does_not_depend_on_the_order_of_slots() -> None:
    flat = FlatEncoding(_inputs(5, 3), "slots")
    for labels in itertools.combinations_with_replacement([f"c{i}" for i in range(5)], 3):
        results = {
            _chosen(flat, dict(zip(flat.parameters, order, strict=True)))
            for order in itertools.permutations(labels)
        }
        assert len(results) == 1
        assert {f"c{index}" for index in results.pop()} >= set(labels)


def test_repair_is_the_same_in_every_process() -> None:
    """Written into studies: a change of it changes what old trials mean."""
    flat = FlatEncoding(_inputs(6, 3), "slots")
    values = dict(zip(flat.parameters, ["c1", "c1", "c1"], strict=True))
    assert _chosen(flat, values) == (1, 3, 5)


def test_parameters_of_inactive_decisions_may_be_missing() -> None:
    encoding = FlatEncoding(SearchSpace(SPACES["conditional"]))
    for seed in range(50):
        vector = encoding.space.sample(Random(seed))
        values = encoding.encode(vector)
        names = zip(encoding._names, vector, strict=True)
        active = [name for part, entry in names if entry is not None for name in part]
        assert encoding.decode({name: values[name] for name in active}) == vector
        for name in active:
            with pytest.raises(KeyError, match=re.escape(name)):
                encoding.decode({n: values[n] for n in active if n != name})
