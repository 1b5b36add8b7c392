"""Random search spaces, and random JSON in their place."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

from nas_tuners.contract.search_space import SearchSpace

# Names that people and programs write: repeated, empty, with separators, long, in any script.
# Half a surrogate pair is no text and is refused.
names = st.one_of(
    st.sampled_from(["", "a", "b", "conv3x3", "a, b", "a/b", "卷积", "x" * 80]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(-2, 2),
    st.floats(allow_nan=False, allow_infinity=False),
    names,
)
_special_names = st.sampled_from(["_type", "_value", "_name", "_idx", "_idex", "_active_if"])
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names | _special_names, inner, max_size=3)
    ),
    max_leaves=8,
)
_floats = st.floats(-1e6, 1e6)
_positive = st.floats(1e-6, 1e6)


def layer_choices() -> st.SearchStrategy[dict[str, Any]]:
    candidates = st.lists(names, min_size=1, max_size=5)
    return candidates.map(lambda value: {"_type": "layer_choice", "_value": value})


@st.composite
def input_choices(draw: st.DrawFn) -> dict[str, Any]:
    candidates = draw(st.lists(names, min_size=1, max_size=5))
    numbers = st.integers(0, len(candidates))
    ranges = st.tuples(numbers, numbers).map(sorted)
    n_chosen = draw(st.one_of(st.none(), numbers, ranges))
    return {"_type": "input_choice", "_value": {"candidates": candidates, "n_chosen": n_chosen}}


@st.composite
def plain_choices(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(st.lists(scalars, min_size=1, max_size=4, unique_by=_identity))
    return {"_type": "choice", "_value": options}


@st.composite
def nested_choices(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    keys = names.filter(lambda key: key != "_name")
    options: list[Any] = [
        {"_name": name} | draw(st.dictionaries(keys, inner, max_size=2))
        for name in draw(st.lists(names, min_size=1, max_size=2, unique=True))
    ]
    options += draw(st.lists(st.integers(0, 3), max_size=1))
    return {"_type": "choice", "_value": draw(st.permutations(options))}


@st.composite
def grids(draw: st.DrawFn) -> dict[str, Any]:
    """Finite numbers of few values."""
    low, count = draw(st.integers(-20, 20)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["randint", "quniform", "qloguniform"]))
    if kind == "randint":
        return {"_type": kind, "_value": [low, low + count]}
    q = draw(st.sampled_from([1, 2, 0.5, 0.1, 0.3, 1e-3]))
    start = abs(low) + draw(st.sampled_from([0.25, 0.5, 1])) if kind == "qloguniform" else low
    high = start + q * (count - draw(st.sampled_from([0, 0.25, 0.5])))
    return {"_type": kind, "_value": [start, high, q]}


@st.composite
def priors(draw: st.DrawFn) -> dict[str, Any]:
    """Numbers of infinitely many values."""
    kind = draw(st.sampled_from(["uniform", "loguniform", "normal", "lognormal"]))
    if kind.endswith("normal"):
        mean, deviation = draw(st.floats(-20, 20)), draw(st.floats(1e-3, 10))
        q = draw(st.sampled_from([None, 1, 0.5, 0.1]))
        rounded = [] if q is None else [q]
        prefix = "q" if rounded else ""
        return {"_type": prefix + kind, "_value": [mean, deviation, *rounded]}
    numbers = _positive if kind == "loguniform" else _floats
    low, high = sorted(draw(st.lists(numbers, min_size=2, max_size=2, unique=True)))
    return {"_type": kind, "_value": [low, high]}


def _keys(numbers: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    flat = st.one_of(layer_choices(), input_choices(), plain_choices(), numbers)
    return st.one_of(flat, nested_choices(st.one_of(flat, nested_choices(flat))))


@st.composite
def space_dicts(draw: st.DrawFn, *, finite: bool = False, max_keys: int = 5) -> dict[str, Any]:
    """The JSON of a valid search space, with conditions among its keys."""
    numbers = grids() if finite else st.one_of(grids(), priors())
    content = draw(st.dictionaries(names, _keys(numbers), max_size=max_keys))
    order = draw(st.permutations(list(content)))
    for place, key in enumerate(order):
        parents = [name for name in order[:place] if _alternatives(content[name])]
        if parents and draw(st.booleans()):
            chosen = draw(st.lists(st.sampled_from(parents), min_size=1, max_size=2, unique=True))
            content[key] = content[key] | {"_active_if": draw(_conditions(content, chosen))}
    return content


@st.composite
def _conditions(
    draw: st.DrawFn, content: dict[str, Any], parents: Sequence[str]
) -> dict[str, list[int]]:
    return {
        parent: draw(
            st.lists(
                st.integers(0, _alternatives(content[parent]) - 1), min_size=1, unique=True
            ).map(sorted)
        )
        for parent in parents
    }


def spaces(*, finite: bool = False, max_keys: int = 5) -> st.SearchStrategy[SearchSpace]:
    return space_dicts(finite=finite, max_keys=max_keys).map(SearchSpace)


def generators() -> st.SearchStrategy[Random]:
    return st.integers(0, 2**32).map(Random)


@st.composite
def mutated(draw: st.DrawFn, values: st.SearchStrategy[dict[str, Any]]) -> Any:
    """Valid JSON with one to three places replaced, removed or renamed."""
    content = copy.deepcopy(draw(values))
    for _ in range(draw(st.integers(1, 3))):
        content = _mutate(draw, content)
    return content


def _mutate(draw: st.DrawFn, value: Any) -> Any:
    children = list(value) if isinstance(value, dict) else []
    children = list(range(len(value))) if isinstance(value, list) else children
    if not children or draw(st.integers(0, 4)) == 0:
        return draw(json_values)
    place = draw(st.sampled_from(children))
    action = draw(st.sampled_from(["deeper", "deeper", "deeper", "remove", "rename"]))
    if action == "remove":
        del value[place]
    elif action == "rename" and isinstance(value, dict):
        value[draw(names | _special_names)] = value.pop(place)
    else:
        value[place] = _mutate(draw, value[place])
    return value


def _alternatives(body: dict[str, Any]) -> int:
    """How many alternatives a choice has; 0 for a number."""
    value = body["_value"]
    if body["_type"] == "input_choice":
        return len(value["candidates"])
    return len(value) if body["_type"] in ("layer_choice", "choice") else 0


def _identity(option: Any) -> tuple[str, Any]:
    """1 and 1.0 are the same option, 1 and true are not."""
    kind = "number" if type(option) in (int, float) else type(option).__name__
    return kind, option
