"""The page as one file: its modules, styles and data within one HTML text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from ._linked import MAIN, WORKER, linked_script, linked_styles
from ._page import INDEX, page_text
from ._run import json_bytes

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
    read = read or page_text
    index, styles = linked_styles(read(INDEX), read, "")
    script = "\n" + linked_script(MAIN, read)
    scripts = "".join(
        (
            _data_script("data", data),
            _data_script("worker", linked_script(WORKER, read)),
            f'<script type="module">{script}</script>\n',
        )
    )
    policy = f'<meta http-equiv="content-security-policy" content="{_policy(script, styles)}">\n'
    page = index.replace("</head>", f"<style>{styles}</style>\n</head>", 1)
    page = _ICON.sub(lambda found: found[1] + _as_data(read(found[2])) + found[3], page)
    page = page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}', 1)
    return _SCRIPT.sub(lambda _: scripts, page, count=1)


def _data_script(name: str, content: Any) -> str:
    """Data that no text in it can end, whatever it is."""
    text = json_bytes(content).decode("utf-8")
    for letter in _ENDING:
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def _as_data(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _policy(script: str, styles: str) -> str:
    """Only this script and these styles, and no request to anywhere."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(styles)}; "
        "img-src data: blob:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
