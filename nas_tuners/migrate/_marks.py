"""Marks in a script, and what reaches for NNI without an import of a name."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ._edits import Edit, mark
from ._lookup import is_nni
from ._script import Script, module_of, walk
from .names import ENVIRONMENT

_IMPORTERS = ("import_module", "__import__")


def mark_at(script: Script, node: cst.CSTNode, message: str) -> Iterator[Edit]:
    """The comment above the statement that a node belongs to."""
    start = script.statement_start(node)
    yield from mark(script.content, start, message, script.newline)


def hidden(script: Script) -> Iterator[Edit]:
    """Marks where a script reaches for NNI by a star, a text or the environment."""
    for node in walk(script.module):
        message = _message(node)
        if message is not None:
            yield from mark_at(script, node, message)


def _message(node: cst.CSTNode) -> str | None:
    if isinstance(node, cst.ImportFrom) and is_nni(module_of(node) or ""):
        has_star = isinstance(node.names, cst.ImportStar)
        return "import what is used by its name, and migrate again" if has_star else None
    if isinstance(node, cst.Call) and is_nni(_imported_by(node)):
        return f"imports `{_imported_by(node)}`, which was left as it is"
    if isinstance(node, cst.Expr) and _text_of(node.value).lstrip().startswith("@nni."):
        return "annotations in texts are not read here: call trial_api, and use its choices"
    if isinstance(node, cst.SimpleString) and node.evaluated_value in ENVIRONMENT:
        name = str(node.evaluated_value)
        return f"only NNI sets {name}: call {ENVIRONMENT[name]}"
    return None


def _imported_by(call: cst.Call) -> str:
    """The module that a call imports, if it does."""
    function = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if not isinstance(function, cst.Name) or function.value not in _IMPORTERS or not call.args:
        return ""
    return _text_of(call.args[0].value)


def _text_of(node: cst.BaseExpression) -> str:
    return str(node.evaluated_value) if isinstance(node, cst.SimpleString) else ""
