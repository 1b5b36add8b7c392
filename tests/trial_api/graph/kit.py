"""Recorded graphs in tests: read by names instead of numbers, and checked."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from trial_api import profile
from trial_api.graph import record_graph

TOP = {
    "schema",
    "tier",
    "note",
    "model",
    "inputs",
    "parameters",
    "flops",
    "search_space",
    "texts",
    "modules",
    "nodes",
    "edges",
    "choices",
    "templates",
}


def recorded(model: nn.Module, inputs: Any, *, tier: str = "meta") -> dict[str, Any]:
    """The graph as a file gives it back, after every check that holds for all."""
    graph = record_graph(model, inputs)
    read: dict[str, Any] = json.loads(json.dumps(graph, allow_nan=False))
    assert read == graph, "only what JSON has"
    assert read["tier"] == tier, read["note"]
    check(read)
    return read


def check(graph: dict[str, Any]) -> None:
    assert set(graph) == TOP
    assert (graph["note"] == "") == (graph["tier"] == "meta")
    _check_modules(graph)
    _check_nodes(graph)
    _check_edges(graph)
    _check_choices(graph)
    for template in graph["templates"]:
        assert set(template) == {"name", "modules"}
        assert len(template["modules"]) >= 2


def path(graph: dict[str, Any], module: int) -> str:
    """Of a module, as in ``named_modules``."""
    names = []
    while graph["modules"][module]["parent"] is not None:
        names.append(graph["modules"][module]["name"])
        module = graph["modules"][module]["parent"]
    return ".".join(reversed(names))


def templates(graph: dict[str, Any]) -> dict[str, list[str]]:
    """The modules of each group that is built alike, by paths."""
    return {
        one["name"]: [path(graph, module) for module in one["modules"]]
        for one in graph["templates"]
    }


def label(graph: dict[str, Any], number: int) -> str:
    """A node in words: ``input x``, ``conv1``, ``relu in block``, ``choice k``, ``output``."""
    node = graph["nodes"][number]
    if node["kind"] == "module":
        return path(graph, node["module"])
    if node["kind"] == "op":
        inside = path(graph, node["module"])
        return f"{node['op']} in {inside}" if inside else node["op"]
    if node["kind"] == "choice":
        return f"choice {node['key']}"
    return f"input {node['name']}" if node["kind"] == "input" else "output"


def edges(graph: dict[str, Any]) -> set[tuple[str | int, ...]]:
    """In words; of those into choices the slot is the third."""
    return {(label(graph, a), label(graph, b), *slot) for a, b, *slot in graph["edges"]}


def inside(graph: dict[str, Any], module: int, outer: int) -> bool:
    """Whether a module is another, or in it."""
    here: int | None = module
    while here is not None and here != outer:
        here = graph["modules"][here]["parent"]
    return here == outer


def flops_alone(module: nn.Module, shape: Any) -> int:
    return profile(module, torch.zeros(*shape)).flops


def slots_of(graph: dict[str, Any], key: str, place: int = 0) -> list[dict[str, Any]]:
    slots: list[dict[str, Any]] = graph["choices"][key]["places"][place]["slots"]
    return slots


def _check_modules(graph: dict[str, Any]) -> None:
    for number, module in enumerate(graph["modules"]):
        assert set(module) - {"text"} == {"parent", "name", "type", "params"}
        assert (module["parent"] is None) == (number == 0)
        assert number == 0 or module["parent"] < number
    used = {module["text"] for module in graph["modules"] if "text" in module}
    assert used == set(range(len(graph["texts"])))
    assert len(set(graph["texts"])) == len(graph["texts"])
    assert graph["modules"][0]["params"] == graph["parameters"]


def _check_nodes(graph: dict[str, Any]) -> None:
    fields = {
        "input": {"name"},
        "module": {"module"},
        "op": {"op", "module"},
        "choice": {"key", "module"},
        "output": set(),
    }
    for node in graph["nodes"]:
        assert set(node) - {"flops"} == {"kind", "shapes", *fields[node["kind"]]}
        assert node.get("flops", 1) > 0
    total = sum(node.get("flops", 0) for node in graph["nodes"])
    assert graph["flops"] == (None if graph["tier"] == "modules" else total)


def _check_edges(graph: dict[str, Any]) -> None:
    kinds = [node["kind"] for node in graph["nodes"]]
    assert len({tuple(edge) for edge in graph["edges"]}) == len(graph["edges"])
    for edge in graph["edges"]:
        source, target = edge[:2]
        assert 0 <= source < target < len(kinds)
        assert len(edge) == (3 if kinds[target] == "choice" else 2)
        assert kinds[source] != "output"
        assert kinds[target] != "input"


def _check_choices(graph: dict[str, Any]) -> None:
    assert list(graph["choices"]) == list(graph["search_space"])
    into: dict[int, list[list[int]]] = defaultdict(list)
    for edge in graph["edges"]:
        into[edge[1]].append(edge)
    for key, choice in graph["choices"].items():
        assert set(choice) - {"return_mask"} == {"kind", "names", "n_chosen", "places"}
        for place, source, node, slot in _slot_edges(into, choice):
            assert graph["nodes"][node]["key"] == key
            assert 0 <= slot < len(choice["names"])
            if choice["kind"] == "layer":
                candidate = place["slots"][slot]["module"]
                assert inside(graph, graph["nodes"][source]["module"], candidate)
        for place in choice["places"]:
            fields = {"layer": {"module", "shape", "params", "flops"}, "input": {"shape"}}
            for slot in place["slots"]:
                assert set(slot) == fields.get(choice["kind"], {"shape", "params", "flops"})
            assert len(place["slots"]) in (0, len(choice["names"]))


def _slot_edges(
    into: dict[int, list[list[int]]], choice: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], int, int, int]]:
    for place in choice["places"]:
        for node in place["nodes"]:
            for source, _, slot in into[node]:
                yield place, source, node, slot
