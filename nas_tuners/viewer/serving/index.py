"""The page's first file, as it is served: it names all modules, so that they come at once."""

from __future__ import annotations

from functools import cache

from .._one_file import MAIN, modules
from .._page import INDEX, PageFile, page_file

_END = "  </head>"


@cache
def index() -> PageFile:
    """``index.html`` with a line for each module that the page will ask for.

    Without them the browser learns of a module only when it has read the one that imports it.
    """
    page = page_file(INDEX)
    assert page is not None, "it is in the package"
    lines = [f'    <link rel="modulepreload" href="{name}">\n' for name in modules(MAIN, _text)]
    text = page.content.decode().replace(_END, "".join(lines) + _END)
    return PageFile(INDEX, page.type, text.encode())


def _text(name: str) -> str:
    file = page_file(name)
    assert file is not None, name
    return file.content.decode()
