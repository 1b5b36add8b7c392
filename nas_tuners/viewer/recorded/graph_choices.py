"""The search space of a graph and the places of its choices, checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.space_json import (
    InputChoice,
    LayerChoice,
    NestedOption,
    Spec,
    ValueChoice,
)

from .graph_modules import Tree
from .graph_nodes import clean_shape
from .graph_values import count_of, is_index
from .problems import Problems, clean_text, shown

MAX_KEYS = 5_000
MAX_NAMES = 1_000

_KINDS = ("layer", "input", "value")
_UNUSABLE = ("", "__proto__")  # as names of a JavaScript object's entries


def clean_space(given: Any, problems: Problems) -> tuple[dict[str, Any], dict[str, Spec]]:
    """The search space as JSON and as specs; empty, with a problem noted, if it is unusable."""
    if not isinstance(given, Mapping) or not given:
        if given not in (None, {}):
            problems.note("search_space", f"an object was expected, not {shown(given)}; left out")
        return {}, {}
    if len(given) > MAX_KEYS:
        problems.note("search_space", f"{len(given):,} keys, but at most {MAX_KEYS:,} are read")
        return {}, {}
    try:
        space = SearchSpace(given)
        json.dumps(space.to_dict(), ensure_ascii=False).encode()
    except SearchSpaceError as error:
        for problem in error.problems:
            what = f"{clean_text(str(problem), 300)}; the search space is left out"
            problems.note("search_space", what, kind="search space")
        return {}, {}
    except (ValueError, RecursionError):
        problems.note("search_space", "cannot be written again as JSON; left out")
        return {}, {}
    return space.to_dict(), space.specs


def clean_choices(
    given: Any, specs: Mapping[str, Spec], problems: Problems
) -> dict[str, dict[str, Any]]:
    """Kind, names and number of each key, without places; keys of the search space come first."""
    if given is not None and not isinstance(given, Mapping):
        problems.note("choices", f"an object was expected, but this is {shown(given)}; left out")
    entries = given if isinstance(given, Mapping) else {}
    choices: dict[str, dict[str, Any]] = {}
    for key in [*specs, *(key for key in entries if key not in specs)]:
        name = clean_text(key)
        where = f"choices, {shown(key)}"
        if name in choices or name in _UNUSABLE:
            problems.note(where, "the key cannot be told from another; left out", kind="same key")
        elif len(choices) == MAX_KEYS:
            problems.note(where, f"more than {MAX_KEYS:,} keys; left out", kind="too many keys")
        else:
            head = _of_spec(specs[key]) if key in specs else None
            choice = _head(entries.get(key), head, where, problems)
            if choice is not None:
                choices[name] = choice
    return choices


def clean_places(
    given: Any,
    choices: Mapping[str, dict[str, Any]],
    tree: Tree,
    nodes: list[dict[str, Any]],
    problems: Problems,
) -> dict[str, dict[str, Any]]:
    """The choices with the places that are shown."""
    entries = {clean_text(k): v for k, v in given.items()} if isinstance(given, Mapping) else {}
    result = {}
    for key, choice in choices.items():
        entry = entries.get(key)
        listed = entry.get("places") if isinstance(entry, Mapping) else None
        places = []
        for i, place in enumerate(listed if isinstance(listed, list) else []):
            where = f"choices, {shown(key)}, places[{i}]"
            cleaned = _place(place, key, len(choice["names"]), tree, nodes, where, problems)
            if cleaned is not None:
                places.append(cleaned)
        is_told = isinstance(entry, Mapping) and entry.get("return_mask") is True
        told = {"return_mask": True} if is_told else {}
        result[key] = {**choice, **told, "places": places}
    return result


def _of_spec(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, (LayerChoice, InputChoice)):
        kind = "layer" if isinstance(spec, LayerChoice) else "input"
        count = spec.n_chosen if isinstance(spec, InputChoice) else 1
        n_chosen = list(count) if isinstance(count, tuple) else count
        return {"kind": kind, "names": [*map(clean_text, spec.candidates)], "n_chosen": n_chosen}
    names = [_option(option) for option in spec.options] if isinstance(spec, ValueChoice) else []
    return {"kind": "value", "names": names, "n_chosen": 1}


def _option(option: Any) -> str:
    if isinstance(option, NestedOption):
        return clean_text(option.name)
    return clean_text(option if isinstance(option, str) else json.dumps(option))


def _head(
    given: Any, head: dict[str, Any] | None, where: str, problems: Problems
) -> dict[str, Any] | None:
    """What a key chooses from: as the file says where that agrees with the search space."""
    if given is None:
        return head
    names = given.get("names") if isinstance(given, Mapping) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems.note(where, "a list of names was expected; left out")
        return head
    if len(names) > MAX_NAMES:
        problems.note(where, f"{len(names):,} candidates: the first {MAX_NAMES:,} are shown")
        names = names[:MAX_NAMES]
    if head is not None and len(head["names"]) != len(names):
        problems.note(where, "not as many candidates as in the search space, which counts")
        return head
    kind = given.get("kind")
    if kind not in _KINDS:
        problems.note(where, f"its kind, {shown(kind)}, is not known", kind="choice kind")
        kind = head["kind"] if head else "value"
    count = head["n_chosen"] if head else _n_chosen(given.get("n_chosen", 1), len(names))
    return {"kind": kind, "names": [*map(clean_text, names)], "n_chosen": count}


def _n_chosen(value: Any, n: int) -> Any:
    if value is None or is_index(value, n + 1):
        return value
    if isinstance(value, list) and len(value) == 2 and all(is_index(v, n + 1) for v in value):
        return sorted(value)
    return None


def _place(
    given: Any,
    key: str,
    n: int,
    tree: Tree,
    nodes: list[dict[str, Any]],
    where: str,
    problems: Problems,
) -> dict[str, Any] | None:
    module = tree.exact(given.get("module")) if isinstance(given, Mapping) else None
    if module is None:
        return problems.note(where, "its module is not shown; left out", kind="place")
    called = given.get("nodes")
    calls = [i for i in called if is_index(i, len(nodes))] if isinstance(called, list) else []
    calls = [i for i in dict.fromkeys(calls) if nodes[i].get("key") == key]
    if calls != (called or []):
        problems.note(where, "some of its nodes are not shown, or no calls of this choice")
    listed = given.get("slots")
    slots = [_slot(slot, tree) for slot in (listed if isinstance(listed, list) else [])[:n]]
    if slots and (not isinstance(listed, list) or len(listed) != n):
        problems.note(where, "not as many slots as candidates; filled up with empty ones")
        slots += [{} for _ in range(n - len(slots))]
    return {"module": module, "nodes": calls, "slots": slots}


def _slot(given: Any, tree: Tree) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        return {}
    slot: dict[str, Any] = {}
    module = tree.exact(given.get("module"))
    if module is not None:
        slot["module"] = module
    if given.get("shape") is not None:
        slot["shape"] = clean_shape(given["shape"])
    for field in ("params", "flops"):
        count = count_of(given.get(field))
        if count is not None:
            slot[field] = count
    return slot
