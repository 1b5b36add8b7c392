"""The files of the page, which lie in the package."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ExportError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
INDEX = "index.html"


@dataclass(frozen=True)
class PageFile:
    """One file of the page: its name, as in ``views/cells.js``, its type and its content."""

    name: str
    type: str
    content: bytes

    @staticmethod
    def of(name: str, text: str) -> PageFile:
        return PageFile(name, TYPES[_suffix(name)], text.encode())

    @cached_property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def page_file(name: str) -> PageFile | None:
    """A file by its name, or None if the page has none of that name.

    The name is looked up among those of the files that are there, and never becomes a path.
    """
    return _files().get(name)


def page_text(name: str) -> str:
    """The text of a file of the page.

    Raises:
        ExportError: if there is none of that name.
    """
    file = page_file(name)
    if file is None:
        raise ExportError(f"the page has no file {name!r}; is the package installed as a whole?")
    return file.content.decode("utf-8")


def page_names() -> list[str]:
    """The names of all files of the page."""
    return sorted(_files())


@cache
def _files() -> dict[str, PageFile]:
    """All of them, which take less than a megabyte and do not change while this process lives."""
    folder = importlib.resources.files(__package__) / "page"
    return {
        name: PageFile(name, TYPES[_suffix(name)], entry.read_bytes())
        for name, entry in _entries(folder)
    }


def _entries(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _entries(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in TYPES:
            yield prefix + entry.name, entry


def _suffix(name: str) -> str:
    _, dot, suffix = name.rpartition(".")
    return dot + suffix
