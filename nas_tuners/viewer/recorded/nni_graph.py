"""NNI's ``graph.json``, a trace of TorchScript, as a graph of our schema.

Operations that compute nothing (constants, lists, parameters, sizes) go, and what they passed on
goes from producer to consumer. Modules are read from scopes (``Net/LayerChoice[conv]/Conv2d[0]``),
and the candidates of a choice are, as in NNI, the items of the list that stands in its scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.space_json import InputChoice, LayerChoice, Spec

from .graph_choices import MAX_KEYS, MAX_NAMES
from .nni_flow import Call, Flow, flow_of
from .nni_ops import Path, parameters_of, read_ops, type_and_name
from .problems import Problems, clean_text, shown

_NOTE = "converted from NNI's graph.json; operations that only move data are left out"


def is_nni(content: Any) -> bool:
    """Whether this is a graph as NNI wrote it."""
    return isinstance(content, Mapping) and "schema" not in content and "node" in content


def from_nni(content: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """The graph, not yet checked: indices hold, texts are as they were."""
    instances = _instances(content.get("mutable"), problems)
    root = _root(content, instances)
    ops = read_ops(content, root, problems)
    choices = {
        path[1:]: (key, not path[-1].startswith("InputChoice"))
        for key, paths in instances.items()
        for path in paths
    }
    flow = flow_of(ops, choices)
    index, modules = _modules(flow, choices, parameters_of(ops), root)
    texts: list[str] = []
    nodes = _nodes(flow, index, modules, choices, texts)
    described = _choices(instances, choices, flow, index, modules, problems)
    inputs = [node["shapes"] for node in nodes if node["kind"] == "input"]
    return {
        "schema": "nas-graph/1",
        "tier": "cpu",
        "note": _NOTE,
        "model": root,
        "inputs": [{"shape": shapes[0], "dtype": ""} for shapes in inputs if shapes],
        "parameters": modules[0]["params"] or None,
        "flops": None,
        "search_space": _space(described, problems),
        "texts": texts,
        "modules": modules,
        "nodes": nodes,
        "edges": [list(edge) for edge in flow.edges],
        "choices": described,
        "templates": _templates(choices, index, modules),
    }


def _instances(given: Any, problems: Problems) -> dict[str, list[Path]]:
    """The paths of each key's choices, with the model's class before them."""
    instances: dict[str, list[Path]] = {}
    if not isinstance(given, Mapping):
        problems.note(
            "mutable", f"an object was expected, not {shown(given)}; no choices are shown"
        )
        return instances
    for key, listed in list(given.items())[:MAX_KEYS]:
        for i, trail in enumerate(listed if isinstance(listed, list) else [None]):
            path = _path(trail)
            if path is None:
                what = "a list of types and names was expected; left out"
                problems.note(f"mutable, {shown(key)}[{i}]", what)
            elif not path[-1].startswith("MutableScope"):
                instances.setdefault(key, []).append(path)
    return instances


def _path(trail: Any) -> Path | None:
    if not isinstance(trail, list) or not trail:
        return None
    scopes = []
    for step in trail:
        kind = step.get("type") if isinstance(step, Mapping) else None
        name = step.get("name", "") if isinstance(step, Mapping) else None
        if not isinstance(kind, str) or not isinstance(name, str):
            return None
        scopes.append(f"{kind}[{name}]" if name else kind)
    return tuple(scopes)


def _root(content: Mapping[str, Any], instances: Mapping[str, list[Path]]) -> str:
    """The model's class: where choices begin, or else the first scope of most operations."""
    for paths in instances.values():
        return paths[0][0]
    entries = content.get("node")
    for entry in entries if isinstance(entries, list) else []:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if isinstance(name, str) and "/" in name and entry.get("op") != "IO Node":
            return name.partition("/")[0]
    return "Model"


def _modules(
    flow: Flow, choices: Mapping[Path, Any], parameters: Mapping[Path, int], root: str
) -> tuple[dict[Path, int], list[dict[str, Any]]]:
    """The index of every path that something stands at, and the modules."""
    index: dict[Path, int] = {(): 0}
    modules: list[dict[str, Any]] = [
        {"parent": None, "name": "", "type": root, "params": parameters.get((), 0)}
    ]
    for path in [*flow.paths, *choices]:
        if path in index:
            continue
        for length in range(1, len(path) + 1):
            part = path[:length]
            if part not in index:
                index[part] = len(modules)
                kind, name = type_and_name(part[-1])
                entry = {"name": name, "type": kind, "params": parameters.get(part, 0)}
                modules.append({"parent": index[part[:-1]], **entry})
    return index, modules


def _nodes(
    flow: Flow,
    index: Mapping[Path, int],
    modules: list[dict[str, Any]],
    choices: Mapping[Path, Any],
    texts: list[str],
) -> list[dict[str, Any]]:
    """The nodes by module. All that a leaf module does, if it is one operation, is its call."""
    inner = {module["parent"] for module in modules} | {index[path] for path in choices}
    done: dict[int, set[str]] = {}
    for node, path in zip(flow.nodes, flow.paths, strict=True):
        done.setdefault(index[path], set()).add(node.get("op", ""))
    places: dict[str, int] = {}
    nodes = []
    for node, path in zip(flow.nodes, flow.paths, strict=True):
        node, module = dict(node), index[path]
        text = node.pop("text", "")
        if node["kind"] == "op" and module not in inner and len(done[module]) == 1:
            node = {"kind": "module", "shapes": node["shapes"]}
            if text:
                modules[module]["text"] = places.setdefault(text, len(places))
        if node["kind"] not in ("input", "output"):
            node["module"] = module
        nodes.append(node)
    texts += places
    return nodes


def _choices(
    instances: Mapping[str, list[Path]],
    choices: Mapping[Path, tuple[str, bool]],
    flow: Flow,
    index: Mapping[Path, int],
    modules: list[dict[str, Any]],
    problems: Problems,
) -> dict[str, Any]:
    calls: dict[Path, list[Call]] = {}
    for call in flow.calls:
        calls.setdefault(call.path, []).append(call)
    found = {}
    for key, paths in instances.items():
        layer = choices[paths[0][1:]][1]
        names: list[str] | None = None
        places = []
        for path in (path[1:] for path in paths):
            here = calls.get(path, [])
            place = {"module": index[path], "nodes": [call.node for call in here], "slots": []}
            if not here:
                problems.note(f"mutable, {shown(key)}", "nothing of it was found in the graph")
            else:
                if names is None:
                    names = _names(here[0], flow, choices, layer=layer)
                if len(here[0].slots) == len(names):
                    place["slots"] = [
                        _slot(slot, path, flow, index, modules) for slot in here[0].slots
                    ]
            places.append(place)
        found[key] = {
            "kind": "layer" if layer else "input",
            "names": names or ["0"],
            "n_chosen": 1 if layer else None,
            "places": places,
        }
    return found


def _slot(
    slot: Any, path: Path, flow: Flow, index: Mapping[Path, int], modules: list[dict[str, Any]]
) -> dict[str, Any]:
    shapes = flow.nodes[slot.sources[0]]["shapes"] if slot.sources else []
    result: dict[str, Any] = {"shape": shapes[0]} if shapes else {}
    if slot.child:
        module = index[(*path, slot.child)]
        result |= {"module": module, "params": modules[module]["params"]}
    return result


def _names(
    call: Call, flow: Flow, choices: Mapping[Path, tuple[str, bool]], *, layer: bool
) -> list[str]:
    """Candidates by their modules; inputs by the choice or the module that they come from."""
    if layer:
        return [_candidate(slot.child) for slot in call.slots]
    return [
        _origin(flow, slot.sources[0], call.path, choices) if slot.sources else ""
        for slot in call.slots
    ]


def _candidate(scope: str) -> str:
    """A module's name, with its class if it is a mere number."""
    kind, name = type_and_name(scope)
    return f"{name} {kind}" if name.isdecimal() else name


def _origin(flow: Flow, node: int, path: Path, choices: Mapping[Path, tuple[str, bool]]) -> str:
    """The outermost choice around a node that is not around the one that takes it; its module."""
    made, there = flow.nodes[node], flow.paths[node]
    for length in range(1, len(there) + 1):
        if there[:length] in choices and path[:length] != there[:length]:
            return choices[there[:length]][0]
    if made["kind"] == "input":
        return str(made["name"])
    return type_and_name(there[-1])[1] if there else str(made.get("op", ""))


def _space(described: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    specs: dict[str, Spec] = {}
    for key, choice in described.items():
        names = tuple(clean_text(name) for name in choice["names"][:MAX_NAMES])
        layer = choice["kind"] == "layer"
        specs[key] = LayerChoice(names) if layer else InputChoice(names, None)
    try:
        return SearchSpace.from_specs(specs).to_dict()
    except SearchSpaceError as error:
        problems.note("mutable", f"no search space can be made of it: {clean_text(str(error))}")
        return {}


def _templates(
    choices: Mapping[Path, tuple[str, bool]],
    index: Mapping[Path, int],
    modules: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Modules of one class with the same choices at the same places: the outermost such groups."""
    inside: dict[Path, list[tuple[Path, str]]] = {}
    for path, (key, _) in choices.items():
        for length in range(1, len(path)):
            inside.setdefault(path[:length], []).append((path[length:], key))
    groups: dict[Any, list[Path]] = {}
    for path, held in inside.items():
        kind = modules[index[path]]["type"]
        groups.setdefault((kind, tuple(sorted(held))), []).append(path)
    alike = {path for paths in groups.values() if len(paths) > 1 for path in paths}
    templates = []
    for (kind, _), paths in groups.items():
        outer = [p for p in paths if not any(p[:n] in alike for n in range(1, len(p)))]
        if len(outer) > 1:
            templates.append({"name": kind, "modules": [index[path] for path in outer]})
    return templates
