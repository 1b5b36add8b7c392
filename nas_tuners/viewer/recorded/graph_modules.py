"""The module tree of a graph, checked: depth first, bounded in size and depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .graph_values import count_of, is_index
from .problems import Problems, clean_text, shown

MAX_MODULES = 50_000
MAX_DEPTH = 64


@dataclass(frozen=True)
class Tree:
    """The modules that are shown.

    Attributes:
        modules: As in the file.
        target: Index in the file -> index of that module, or of what it is shown within.
        kept: For each index in the file, whether the module itself is shown.
    """

    modules: list[dict[str, Any]]
    target: list[int]
    kept: list[bool]

    def exact(self, index: Any) -> int | None:
        """The new index of a module that is shown."""
        return self.target[index] if is_index(index, len(self.kept)) and self.kept[index] else None

    def holder(self, index: Any) -> int | None:
        """The new index of a module or of what it is shown within."""
        return self.target[index] if is_index(index, len(self.target)) else None


def clean_modules(given: list[Any], model: str, n_texts: int, problems: Problems) -> Tree:
    """The tree of what a file lists; at least the model itself.

    What is no object is shown as an unknown module, and what has no valid parent within the model.
    """
    parents = _parents(given, problems)
    order, depths = _depth_first(parents)
    shown_order = _cut(order, depths, problems)
    kept = [False] * len(parents)
    for old in shown_order:
        kept[old] = True
    target = [0] * len(parents)
    for new, old in enumerate(shown_order):
        target[old] = new
    for old in order:
        if not kept[old]:
            target[old] = target[parents[old]]
    modules = []
    for old in shown_order:
        entry = _entry(given[old] if given else {"type": model}, old, n_texts, problems)
        parent = None if old == 0 else target[parents[old]]
        modules.append({"parent": parent, **entry})
    return Tree(modules, target, kept)


def clean_templates(given: list[Any], tree: Tree, problems: Problems) -> list[dict[str, Any]]:
    """Those groups of at least two modules of one class, none of which lies within another."""
    templates = []
    for i, item in enumerate(given[:1000]):
        found = item.get("modules") if isinstance(item, Mapping) else None
        indices = [tree.exact(index) for index in found] if isinstance(found, list) else []
        members = sorted({index for index in indices if index is not None})
        kinds = {tree.modules[index]["type"] for index in members}
        if len(members) < 2 or len(kinds) > 1 or _nested(members, tree.modules):
            what = "two or more modules of one class, side by side, were expected; left out"
            problems.note(f"templates[{i}]", what)
            continue
        name = item.get("name")
        named = clean_text(name) if isinstance(name, str) and name else next(iter(kinds))
        templates.append({"name": named, "modules": members})
    return templates


def _parents(given: list[Any], problems: Problems) -> list[int]:
    """The index of each module's parent, which is smaller than its own; the model has -1."""
    parents = [-1]
    for i, entry in enumerate(given[1:], 1):
        parent: Any = entry.get("parent") if isinstance(entry, Mapping) else 0
        if not is_index(parent, i):
            what = f"its parent, {shown(parent)}, does not stand before it; shown within the model"
            problems.note(f"modules[{i}]", what, kind="parent")
            parent = 0
        parents.append(int(parent))
    return parents


def _depth_first(parents: list[int]) -> tuple[list[int], list[int]]:
    children: dict[int, list[int]] = {}
    depths = [0] * len(parents)
    for i, parent in enumerate(parents[1:], 1):
        children.setdefault(parent, []).append(i)
        depths[i] = depths[parent] + 1
    order, stack = [], [0]
    while stack:
        order.append(stack.pop())
        stack += reversed(children.get(order[-1], ()))
    return order, depths


def _cut(order: list[int], depths: list[int], problems: Problems) -> list[int]:
    """As many whole levels as may be shown; of children too many the first."""
    sizes = Counter(depths)
    deepest, total = 0, 1
    while deepest < MAX_DEPTH and 0 < sizes[deepest + 1] <= MAX_MODULES - total:
        deepest += 1
        total += sizes[deepest]
    if total == len(order):
        return order
    if deepest == 0:
        result = [i for i in order if depths[i] <= 1][:MAX_MODULES]
        which = f"the first {len(result):,}"
    else:
        result = [i for i in order if depths[i] <= deepest]
        which = f"the {total:,} of the upper {deepest + 1} levels"
    problems.note("modules", f"{len(order):,} modules are too many or too deep; {which} are shown")
    return result


def _entry(given: Any, index: int, n_texts: int, problems: Problems) -> dict[str, Any]:
    where = f"modules[{index}]"
    if not isinstance(given, Mapping):
        problems.note(where, "it is not an object; shown as unknown")
        given = {}
    name, kind, text = given.get("name", ""), given.get("type"), given.get("text")
    if not isinstance(name, str) or not isinstance(kind, str):
        problems.note(where, "its name and type must be texts; shown as unknown")
    entry = {
        "name": clean_text(name) if isinstance(name, str) else f"?{index}",
        "type": clean_text(kind) if isinstance(kind, str) else "?",
        "params": count_of(given.get("params")) or 0,
    }
    if is_index(text, n_texts):
        entry["text"] = text
    elif text is not None:
        problems.note(where, f"there is no text {shown(text)}; left out", kind="text")
    return entry


def _nested(members: list[int], modules: list[dict[str, Any]]) -> bool:
    """Whether one module lies within another of these."""
    chosen = set(members)
    for member in members:
        parent = modules[member]["parent"]
        while parent is not None:
            if parent in chosen:
                return True
            parent = modules[parent]["parent"]
    return False
