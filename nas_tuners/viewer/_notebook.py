"""Searches in a notebook."""

from __future__ import annotations

import html
import threading
from typing import TYPE_CHECKING, Any

from ._export import page_of
from ._runs import runs_of

if TYPE_CHECKING:
    from ._runs import Runs
    from .serving.serve import Viewer

_LARGE = 5 * 2**20  # characters that a notebook would keep


def show(source: Any, height: int = 700, *, live: bool = False) -> Shown | Live:
    """See a search in a notebook, as ``nas-tuners view`` shows it in a browser.

    Args:
        source: A folder of recorded searches or of an experiment, the URL of a storage, an
            :class:`~nas_tuners.Experiment` or an Optuna study.
        height: Of the page, in pixels.
        live: Whether to serve the page, which then follows a running search, and to give a link
            to it. Without, the notebook keeps the page as it is now, and needs nothing else.

    Returns:
        What the notebook shows when it is a cell's last line.

    Raises:
        ConfigError: if there is nothing to show; with ``live``, if the extra ``view`` is missing.

    Example::

        from nas_tuners import viewer

        viewer.show("logs/2026-01-01_10-00-00")
    """
    runs = runs_of(source)
    if live:
        return Live(runs)
    try:
        page, left_out = page_of(runs)
    finally:
        runs.close()
    return Shown(page, left_out, height)


class Shown:
    """The page as a notebook shows it.

    Attributes:
        page: Its text, as a file would have it.
        left_out: What was left out to keep it small, a sentence each.
    """

    def __init__(self, page: str, left_out: list[str], height: int) -> None:
        self.page = page
        self.left_out = left_out
        self._height = int(height)

    def __repr__(self) -> str:
        return f"<the viewer's page, {len(self.page) / 2**20:.1f} MiB>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, from where it reaches neither notebook nor network."""
        size = len(self.page)
        notes = [*self.left_out]
        if size > _LARGE:
            notes.append(
                f"the notebook keeps {size / 2**20:.0f} MiB of this; export_page writes a file"
            )
        below = "".join(f"<p>{html.escape(note)}</p>" for note in notes)
        return (
            f'<iframe title="nas-tuners" srcdoc="{html.escape(self.page)}" '
            f'sandbox="allow-scripts allow-downloads" width="100%" height="{self._height}" '
            f'style="border: 1px solid #8886"></iframe>{below}'
        )


class Live:
    """The page as a server of this process has it, until :meth:`close`.

    Attributes:
        url: What people open, on this computer.
    """

    def __init__(self, runs: Runs) -> None:
        from .serving.serve import Address, Viewer

        self._runs = runs
        self._viewer: Viewer = Viewer(runs, Address(port=0))
        self.url = self._viewer.url
        self._thread = threading.Thread(target=self._viewer.run, name="viewer", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<the viewer's page at {self.url}>"

    def _repr_html_(self) -> str:
        url = html.escape(self.url)
        return f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'

    def close(self) -> None:
        """End the server."""
        self._viewer.stop()
        self._thread.join()
