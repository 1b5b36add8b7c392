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
from collections.abc import Callable

from nas_tuners.contract.errors import ExportError

MAIN = "app.js"
WORKER = "graph/worker.js"

_LINK = re.compile(
    r"""(?P<before>^|[;}\n])[ \t]*(?:
      import\b \s* (?:(?P<names>[^"'`;()]*?) \bfrom\b)? \s* "(?P<imported>\.{1,2}/[^"\n]+)"
    | export\b \s* (?:
        \{ (?P<listed>[^}]*) \} (?: \s* from \s* "(?P<passed>\.{1,2}/[^"\n]+)" )?
      | (?P<default>default\b)
      | (?P<declared>(?:async\s+)?(?:function\b\s*\*?|class\b|const\b)\s*(?P<name>[\w$]+))
      | (?P<unknown>.{0,40})
      )
    )""",
    re.VERBOSE,
)
_LATER = re.compile(r"""\bawait import\("(\.{1,2}/[^"\n]+)"\)""")
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
        ExportError: if modules import each other in a circle, or one is written in a form that
            is not known here.
    """
    functions: dict[str, str] = {}
    _add(root, read, functions, ())
    parts = [f"\n$modules[{name!r}] = {text};\n" for name, text in functions.items()]
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


def _add(
    name: str, read: Callable[[str], str], functions: dict[str, str], path: tuple[str, ...]
) -> None:
    """Add the function that a module becomes, after those of all that it imports."""
    if name in path:
        circle = " -> ".join((*path, name))
        raise ExportError(f"modules of the page import each other in a circle: {circle}")
    if name in functions:
        return
    source = read(name)
    for other in imports(source):
        _add(_resolved(name, other), read, functions, (*path, name))
    functions[name] = _function(name, source)


def _function(name: str, source: str) -> str:
    """A module as a function that gives what the module exports."""
    given: list[str] = []

    def of(other: str) -> str:
        return f"$linked({_resolved(name, other)!r})"

    def replaced(match: re.Match[str]) -> str:
        text = ""
        if match["imported"]:
            text = _bound(name, match["names"], of(match["imported"]))
        elif match["passed"]:
            pairs = _pairs(match["listed"])
            given.extend(f"{outer}: {of(match['passed'])}.{inner}" for inner, outer in pairs)
        elif match["listed"]:
            given.extend(f"{outer}: {inner}" for inner, outer in _pairs(match["listed"]))
        elif match["default"]:
            given.append("default: $default")
            text = "const $default ="
        elif match["declared"]:
            given.append(match["name"])
            text = match["declared"]
        else:
            raise ExportError(f"{name}: not a known form: export {match['unknown']}")
        return match["before"] + text

    body = _LINK.sub(replaced, source)
    body = _LATER.sub(lambda match: f"await {of(match[1])}", body)
    return f"() => {{\n{body}\nreturn {{ {', '.join(given)} }};\n}}"


def _bound(name: str, names: str | None, module: str) -> str:
    """The statement that binds what is imported: ``{ a, b as c }``, the default, or nothing."""
    names = (names or "").strip()
    if not names:
        return module
    if names.startswith("{") and names.endswith("}"):
        pairs = _pairs(names[1:-1])
        return f"const {{ {', '.join(f'{outer}: {inner}' for outer, inner in pairs)} }} = {module}"
    if names.isidentifier():
        return f"const {names} = {module}.default"
    raise ExportError(f"{name}: not a known form: import {names}")


def _pairs(names: str) -> list[tuple[str, str]]:
    """``a, b as c`` as ``[("a", "a"), ("b", "c")]``."""
    parts = [part.split() for part in names.split(",") if part.strip()]
    return [(words[0], words[-1]) for words in parts]


def _resolved(name: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
