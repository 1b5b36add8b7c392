"""Reading ``graph.json``: the recorded graph of a model, checked so that all of it can be trusted.

Whoever gets a graph from here need not check an index or a type again: modules stand depth first,
edges lead from earlier nodes to later ones, every key, slot and place exists, texts are short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .graph_choices import clean_choices, clean_places, clean_space
from .graph_modules import MAX_MODULES, clean_modules, clean_templates
from .graph_nodes import clean_edges, clean_nodes, clean_shape
from .graph_values import count_of, list_of
from .json_file import read_json
from .nni_graph import from_nni, is_nni
from .problems import Problems, clean_text, shown

SCHEMA = "nas-graph/1"
TIERS = ("meta", "cpu", "modules")

_OURS = {"schema", "search_space", "modules", "nodes", "choices"}


@dataclass(frozen=True)
class GraphRead:
    """What :func:`read_graph` found.

    Attributes:
        graph: A graph of the schema ``nas-graph/1``, or None if there is nothing to show.
        problems: What is wrong, a sentence each.
    """

    graph: dict[str, Any] | None
    problems: list[str]


def read_graph(path: str | Path) -> GraphRead:
    """Read a graph file: ours, those of earlier versions, and NNI's. Bad content never raises."""
    path = Path(path)
    problems = Problems(path.name)
    content = read_json(path, problems)
    return GraphRead(None, problems.listed()) if content is None else _read(content, problems)


def graph_of(content: Any, name: str = "graph") -> GraphRead:
    """:func:`read_graph` of what such a file holds."""
    return _read(content, Problems(name))


def _read(content: Any, problems: Problems) -> GraphRead:
    wrong = _not_a_graph(content)
    if wrong:
        problems.note("", wrong)
        return GraphRead(None, problems.listed())
    if is_nni(content):
        content = from_nni(content, problems)
    return GraphRead(_clean(content, problems), problems.listed())


def _not_a_graph(content: Any) -> str:
    """What the content is, if it is no graph."""
    expected = "graph.json of a recorded search was expected"
    if not isinstance(content, Mapping):
        return f"holds {shown(content)}, but an object was expected"
    if not content:
        return f"is an empty object, but {expected}"
    if is_nni(content):
        return ""
    schema = content.get("schema")
    if isinstance(schema, str) and schema != SCHEMA:
        hint = "written by another version" if schema.startswith("nas-graph") else "not a graph"
        return f"has the schema {shown(schema)} ({hint}), but {SCHEMA!r} is read"
    values = list(content.values())[:1000]
    if schema is None and all(isinstance(v, Mapping) and "_type" in v for v in values):
        return f"this is a search space, not a graph; {expected}"
    if schema is None and _OURS.isdisjoint(content):
        if all(map(_is_decision, values)):
            return f"this looks like an architecture, not a graph; {expected}"
        return f"this is not a graph; {expected}"
    return ""


def _is_decision(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "_value" in value or "_idx" in value
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(part, (str, int, float)) for part in parts)


def _clean(content: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    tier = content.get("tier")
    space, specs = clean_space(content.get("search_space"), problems)
    model = _text(content.get("model"), "Model")
    texts = [_text(text, "", 1000) for text in list_of(content, "texts", problems)[:MAX_MODULES]]
    tree = clean_modules(list_of(content, "modules", problems), model, len(texts), problems)
    choices = clean_choices(content.get("choices"), specs, problems)
    given_nodes = list_of(content, "nodes", problems)
    nodes = clean_nodes(given_nodes, tree, choices, problems)
    return {
        "schema": SCHEMA,
        "tier": tier if tier in TIERS and nodes else "modules",
        "note": _text(content.get("note"), "", 1000),
        "model": model,
        "inputs": [_input(item) for item in list_of(content, "inputs", problems)[:100]],
        "parameters": count_of(content.get("parameters")),
        "flops": count_of(content.get("flops")),
        "search_space": space,
        "texts": texts,
        "modules": tree.modules,
        "nodes": nodes,
        "edges": clean_edges(
            list_of(content, "edges", problems), nodes, len(given_nodes), choices, problems
        ),
        "choices": clean_places(content.get("choices"), choices, tree, nodes, problems),
        "templates": clean_templates(list_of(content, "templates", problems), tree, problems),
    }


def _input(item: Any) -> dict[str, Any]:
    item = item if isinstance(item, Mapping) else {}
    return {"shape": clean_shape(item.get("shape")), "dtype": _text(item.get("dtype"), "")}


def _text(value: Any, default: str, limit: int = 200) -> str:
    return clean_text(value, limit) if isinstance(value, str) and value else default
