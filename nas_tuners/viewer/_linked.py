"""The page's modules as one script, and its styles as one.

A browser that asks for a hundred modules one by one takes as long for that as for all the rest.
In the script each is a function that gives what the module exports, called when it is first
imported. The modules are written in few forms, which patterns know: names that are imported and
exported one by one, and never assigned to afterwards; ``await import("./file.js")`` for what is
needed later.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nas_tuners.contract.errors import ExportError

MAIN = "app.js"
WORKER = "graph/worker.js"

_LINK = re.compile(
    r"""(?P<before>^|[;}\n])[ \t]*(?:
      import\b \s* (?:(?P<names>[^"'`;()]*?) \bfrom\b)? \s* "(?P<imported>\.{1,2}/[^"\n]+)"
    | export\b \s* (?:
        \{ (?P<listed>[^}]*) \} (?: \s* from \s* "(?P<passed>\.{1,2}/[^"\n]+)" )?
      | (?P<default>default\b(?!\s+(?:async\s+)?(?:function\b\s*\*?|class\b)\s*[\w$]))
      | (?P<declared>(?:async\s+)?(?:function\b\s*\*?|class\b|const\b)\s*(?P<name>[\w$]+))
      | (?P<unknown>.{0,40})
      )
    )""",
    re.VERBOSE,
)
_LATER = re.compile(r"""\bawait import\("(\.{1,2}/[^"\n]+)"\)""")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LEFT = re.compile(
    r"""^[ \t]*(?:import|export)\b(?![ \t]*:).*|\bimport\s*[.(].{0,40}""", re.MULTILINE
)
_START = """"use strict";
const $modules = {};
const $given = new Map();
const $linked = (name) => {
  if (!$given.has(name)) $given.set(name, $modules[name]());
  return $given.get(name);
};
"""
_STYLE = re.compile(r'[ \t]*<link rel="stylesheet" href="([^"]+)">\n?')


def linked_script(root: str, read: Callable[[str], str]) -> str:
    """A script that does what a module does, with all that it imports.

    Args:
        root: The module's name.
        read: Gives the files of the page by their names.

    Raises:
        ExportError: if modules import each other in a circle, or what is not exported, or one is
            written in a form that is not known here.
    """
    found: dict[str, _Module] = {}
    _add(root, read, found, ())
    parts = [f"\n$modules[{name!r}] = {module.function};\n" for name, module in found.items()]
    return f"{_START}{''.join(parts)}\n$linked({root!r});\n"


def linked_styles(index: str, read: Callable[[str], str], replacement: str) -> tuple[str, str]:
    """A page with something in the place of its styles, and these as one text."""
    styles = "".join(read(name) for name in _STYLE.findall(index))
    page = _STYLE.sub("", index)
    return page.replace("</head>", f"{replacement}</head>", 1), styles


def imports(source: str) -> list[str]:
    """What a module imports, as it is written there; what it imports later comes last."""
    found = _LINK.finditer(source)
    names = [name for match in found if (name := match["imported"] or match["passed"])]
    return names + _LATER.findall(source)


@dataclass(frozen=True)
class _Module:
    """A module as a function that gives what it exports.

    Attributes:
        function: Its source.
        given: What is exported, by name: how the function gets it.
    """

    function: str
    given: Mapping[str, str]


def _add(
    name: str, read: Callable[[str], str], found: dict[str, _Module], path: tuple[str, ...]
) -> None:
    """Add a module, after all those that it imports."""
    if name in path:
        circle = " -> ".join((*path, name))
        raise ExportError(f"modules of the page import each other in a circle: {circle}")
    if name in found:
        return
    source = read(name)
    for other in imports(source):
        _add(_resolved(name, other), read, found, (*path, name))
    found[name] = _module(name, source, found)


def _module(name: str, source: str, others: Mapping[str, _Module]) -> _Module:
    given: dict[str, str] = {}

    def bound(match: re.Match[str]) -> str:
        text = ""
        if match["imported"]:
            other = _resolved(name, match["imported"])
            pairs = _imported(name, match["names"])
            _check(name, other, pairs, others)
            names = ", ".join(f"{outer}: {inner}" for outer, inner in pairs)
            text = f"const {{ {names} }} = {_call(other)}"
        elif match["passed"]:
            other = _resolved(name, match["passed"])
            pairs = _pairs(match["listed"])
            _check(name, other, pairs, others)
            given.update({outer: f"{_call(other)}.{inner}" for inner, outer in pairs})
        elif match["listed"]:
            given.update({outer: inner for inner, outer in _pairs(match["listed"])})
        elif match["default"]:
            given["default"] = "$default"
            text = "const $default ="
        elif match["declared"]:
            given[match["name"]] = match["name"]
            text = match["declared"]
        else:
            raise ExportError(f"{name}: not a known form: export {match['unknown']}")
        return match["before"] + text

    body = _LINK.sub(bound, source)
    body = _LATER.sub(lambda match: f"await {_call(_resolved(name, match[1]))}", body)
    if left := _LEFT.search(_COMMENT.sub("", body)):
        raise ExportError(f"{name}: not a known form: {left[0].strip()}")
    values = ", ".join(f"{outer}: {inner}" for outer, inner in given.items())
    return _Module(f"() => {{\n{body}\nreturn {{ {values} }};\n}}", given)


def _imported(name: str, names: str | None) -> list[tuple[str, str]]:
    """``{ a, b as c }``, or the name for the default, as :func:`_pairs`."""
    names = (names or "{}").strip()
    if names.startswith("{") and names.endswith("}"):
        return _pairs(names[1:-1])
    if names.isidentifier():
        return [("default", names)]
    raise ExportError(f"{name}: not a known form: import {names}")


def _check(
    name: str, other: str, pairs: Sequence[tuple[str, str]], modules: Mapping[str, _Module]
) -> None:
    for imported, _ in pairs:
        if imported not in modules[other].given:
            raise ExportError(f"{name}: imports {imported!r}, which {other} does not export")


def _call(name: str) -> str:
    return f"$linked({name!r})"


def _pairs(names: str) -> list[tuple[str, str]]:
    """``a, b as c`` as ``[("a", "a"), ("b", "c")]``."""
    parts = [part.split() for part in names.split(",") if part.strip()]
    return [(words[0], words[-1]) for words in parts]


def _resolved(name: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
