"""The page's files as they are served: its modules and its styles have become one file each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from .._linked import MAIN, WORKER, linked_script, linked_styles
from .._page import INDEX, PageFile, page_file, page_names, page_text

_STYLES = "page.css"
_LINKED = (".js", ".css")


@cache
def served() -> dict[str, PageFile]:
    """All files that are served, by name."""
    return {file.name: file for file in _files()}


def _files() -> Iterator[PageFile]:
    link = f'  <link rel="stylesheet" href="{_STYLES}">\n  '
    index, styles = linked_styles(page_text(INDEX), page_text, link)
    yield PageFile.of(INDEX, index)
    yield PageFile.of(_STYLES, styles)
    for name in (MAIN, WORKER):
        yield PageFile.of(name, linked_script(name, page_text))
    for name in page_names():
        file = page_file(name)
        if file is not None and name != INDEX and not name.endswith(_LINKED):
            yield file
