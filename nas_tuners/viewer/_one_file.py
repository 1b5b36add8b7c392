"""The page as one file: its modules, styles and data within one HTML text."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Any

from nas_tuners.contract.errors import ExportError

from ._page import INDEX, page_file
from ._run import json_bytes

MAIN = "app.js"
WORKER = "graph/worker.js"
WORKER_URL = "graph/worker_url.js"  # says where the worker is; written anew by the page

# Each module becomes a file of the browser's own (a Blob) once those that it imports have: only
# then are their addresses known. A page that is a file may not make a worker of modules from a
# Blob, nor may a worker import the page's ones: it is a data: URL that makes some of its own, and
# keeps what it is told until it listens.
_START = """
function linked({ sources }, names) {
  const addresses = new Map();
  for (const name of names) {
    const text = sources[name].replace(/"@module:([^"]+)"/g,
      (_, other) => JSON.stringify(addresses.get(other)));
    const blob = new Blob([text], { type: "text/javascript" });
    addresses.set(name, URL.createObjectURL(blob));
  }
  return addresses.get(names.at(-1));
}
const modules = JSON.parse(document.getElementById("modules").textContent);
const { sources, worker } = modules;
const own = { sources: Object.fromEntries(worker.map((name) => [name, sources[name]])) };
const start = `
const told = [];
const keep = ({ data }) => told.push(data);
addEventListener("message", keep);
import((${linked})(${JSON.stringify(own)}, ${JSON.stringify(worker)})).then(() => {
  removeEventListener("message", keep);
  for (const data of told) dispatchEvent(new MessageEvent("message", { data }));
});`;
const address = `data:text/javascript;charset=utf-8,${encodeURIComponent(start)}`;
sources["graph/worker_url.js"] = `export const workerUrl = () => ${JSON.stringify(address)};`;
import(linked(modules, modules.page));
"""
_IMPORT = re.compile(
    r"""(?:^|[;}\n])[ \t]*(?:import|export)\b(?:[^"'`;()]*?\bfrom)?\s*"(\.{1,2}/[^"\n]+)\""""
)
_STYLE = re.compile(r'[ \t]*<link rel="stylesheet" href="([^"]+)">\n?')
_ICON = re.compile(r'(<link rel="icon" href=")([^"]+)(")')
_SCRIPT = re.compile(r'[ \t]*<script type="module" src="([^"]+)"></script>\n?')
_ENDING = "<>&\u2028\u2029"  # what could end a script, or a line of one


def one_file(data: Mapping[str, Any], read: Callable[[str], str] | None = None) -> str:
    """The page with all that it needs.

    Args:
        data: What it shows, see ``page/data.js``.
        read: Gives the files of the page; None for those of the package.

    Raises:
        ExportError: if a file of the page is missing, or modules import each other in a circle.
    """
    read = read or _file
    index = read(INDEX)
    styles = "".join(read(name) for name in _STYLE.findall(index))
    page_modules, worker_modules = modules(MAIN, read), modules(WORKER, read)
    linked = {
        "sources": page_modules | worker_modules,
        "page": list(page_modules),
        "worker": list(worker_modules),
    }
    scripts = "".join(
        (
            _data_script("data", data),
            _data_script("modules", linked),
            f'<script type="module">{_START}</script>\n',
        )
    )
    head = f'<meta http-equiv="content-security-policy" content="{_policy(styles)}">\n'
    page = _STYLE.sub("", index)
    page = _ICON.sub(lambda found: found[1] + _as_data(read(found[2])) + found[3], page)
    page = page.replace("</head>", f"<style>{styles}</style>\n</head>", 1)
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{head}', 1)
    return _SCRIPT.sub(lambda _: scripts, page, count=1)


def modules(root: str, read: Callable[[str], str]) -> dict[str, str]:
    """The sources of a module and of all that it imports, each after those that it imports.

    In them, what they import is called ``"@module:NAME"``.

    Raises:
        ExportError: as :func:`one_file`.
    """
    found: dict[str, str] = {}
    _add(root, read, found, ())
    return found


def imports(source: str) -> list[str]:
    """What a module imports, as it is written there."""
    return _IMPORT.findall(source)


def _add(
    name: str, read: Callable[[str], str], found: dict[str, str], path: tuple[str, ...]
) -> None:
    if name in path:
        circle = " -> ".join((*path, name))
        raise ExportError(f"modules of the page import each other in a circle: {circle}")
    if name in found:
        return
    source = read(name) if name != WORKER_URL else ""

    def renamed(match: re.Match[str]) -> str:
        other = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[1]))
        _add(other, read, found, (*path, name))
        return f'{match[0][: match.start(1) - match.start() - 1]}"@module:{other}"'

    found[name] = _IMPORT.sub(renamed, source)


def _file(name: str) -> str:
    file = page_file(name)
    if file is None:
        raise ExportError(f"the page has no file {name!r}; is the package installed as a whole?")
    return file.content.decode("utf-8")


def _data_script(name: str, content: Any) -> str:
    """Data that no text in it can end, whatever it is."""
    text = json_bytes(content).decode("utf-8")
    for letter in _ENDING:
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _as_data(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _policy(styles: str) -> str:
    """Only these scripts and styles, and no request to anywhere."""
    return (
        f"default-src 'none'; script-src {_hash(_START)} blob:; style-src {_hash(styles)}; "
        "img-src data: blob:; worker-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
