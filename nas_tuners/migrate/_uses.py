"""Where an imported name is used: the dotted name, its call, the class that inherits from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.helpers import get_full_name_for_node

from ._calls import change_arguments, describe, unwrap
from ._edits import Edit
from ._lookup import Found, find
from ._marks import mark_at
from ._script import Binding, Script, Use
from ._table import Name


@dataclass(frozen=True)
class Rewritten:
    """What a use becomes, and the packages whose dotted names it has now."""

    edits: tuple[Edit, ...]
    packages: tuple[str, ...] = ()


def found_of(binding: Binding, use: Use) -> Found | None:
    """The row about a use."""
    return None if use.is_quoted else find(".".join([binding.nni, *use.attributes]))


def message_of(binding: Binding, use: Use) -> str:
    """Why a use is left as it is."""
    found = found_of(binding, use)
    if use.is_quoted:
        return f"`{binding.local}` in quotes was left as it is"
    if found is None:
        name = ".".join([binding.nni, *use.attributes])
        return f"`{name}` is not known here: it was left as it is"
    why = found.name.note if found.name.ours is None or found.name.goes_by_use else ""
    return f"`{found.name.nni}`: {why or 'its new name does not fit here: it was left as it is'}"


def change_use(script: Script, binding: Binding, use: Use, stays: str | None) -> Rewritten | None:
    """A use, rewritten.

    Args:
        script: The script.
        binding: The import that the name comes from.
        use: Where it is used.
        stays: What the local name stands for from now on; None where it goes.

    Returns:
        None where it cannot be rewritten.
    """
    found = found_of(binding, use)
    if found is None:
        return None
    node = use.chain[found.parts - 1 - binding.nni.count(".")]
    if found.name.vanishes:
        return _without(script, node)
    written = _written(script, binding, node, found.name, stays)
    if written is None:
        return None
    text, packages = written
    edits = [] if script.code(node) == text else [Edit(*script.span(node), text)]
    if found.name.decorator is not None:
        decoration = _decorate(script, node, found.name.decorator)
        package = found.name.decorator.partition(":")[0]
        return Rewritten((*edits, decoration), (*packages, package)) if decoration else None
    return Rewritten((*edits, *_change_calls(script, node, found.name)), packages)


def _change_calls(script: Script, node: cst.CSTNode, name: Name) -> Iterator[Edit]:
    """The arguments where it is called; a mark where others may call it."""
    parent, arguments = script.parent(node), name.arguments
    if arguments is None:
        return
    if isinstance(parent, cst.Call) and parent.func is node:
        for change in change_arguments(script, parent, arguments):
            yield from [change] if isinstance(change, Edit) else mark_at(script, node, change)
    elif _is_called_elsewhere(script, node):
        message = f"`{name.nni}`, where it is called: {describe(arguments)}"
        yield from mark_at(script, node, message)


def _is_called_elsewhere(script: Script, node: cst.CSTNode) -> bool:
    """Whether it gets another name, an heir, or some of its arguments ahead."""
    parent = script.parent(node)
    if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.NamedExpr)) or _heir(script, node):
        return True
    call = script.parent(parent) if isinstance(parent, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return False
    return (get_full_name_for_node(call.func) or "").rpartition(".")[2] == "partial"


def _written(
    script: Script, binding: Binding, node: cst.CSTNode, name: Name, stays: str | None
) -> tuple[str, tuple[str, ...]] | None:
    """Our name as it is written in the script, and the packages that it needs.

    None where the name is taken, or a comment stands in the present one.
    """
    if name.ours is None or "#" in script.code(node):
        return None
    if stays is not None and (inside := _inside(name.ours, stays)) is not None:
        return f"{binding.local}{inside}", ()
    package, _, attribute = name.ours.partition(":")
    is_builtin = package == "builtins"
    if not script.is_free(attribute if is_builtin else package.partition(".")[0]):
        return None
    return (attribute, ()) if is_builtin else (f"{package}.{attribute}", (package,))


def _inside(ours: str, stays: str) -> str | None:
    """The attributes that lead from one of our names to another below it."""
    whole, above = ours.replace(":", "."), stays.replace(":", ".")
    return whole.removeprefix(above) if f"{whole}.".startswith(f"{above}.") else None


def _without(script: Script, node: cst.CSTNode) -> Rewritten | None:
    """The argument of a call in the place of the call, if it has just one."""
    call = script.parent(node)
    if not isinstance(call, cst.Call) or call.func is not node or len(call.args) != 1:
        return None
    argument = call.args[0]
    if argument.keyword is not None or argument.star:
        return None
    return Rewritten(tuple(unwrap(script, call)))


def _heir(script: Script, node: cst.CSTNode) -> cst.ClassDef | None:
    """The class that has this as a base."""
    argument = script.parent(node)
    owner = script.parent(argument) if isinstance(argument, cst.Arg) else None
    return owner if isinstance(owner, cst.ClassDef) and argument in owner.bases else None


def _decorate(script: Script, node: cst.CSTNode, decorator: str) -> Edit | None:
    """The decorator above a class that has this as a base."""
    heir = _heir(script, node)
    if heir is None:
        return None
    start = script.statement_start(heir)
    indent = script.content[:start].decode().rpartition("\n")[2]
    return Edit(start, start, f"@{decorator.replace(':', '.')}{script.newline}{indent}")
