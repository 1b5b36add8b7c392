"""See a search: its supernet, choices over time, cells and trials.

The command ``nas-tuners view`` shows them in a browser; these functions in notebooks and files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners._lazy import imported_on_use

if TYPE_CHECKING:
    from ._export import export_page
    from ._notebook import show
    from .figures.plot_architecture import plot_architecture
    from .figures.plot_choices import plot_choices
    from .figures.plot_search import plot_search

__all__ = ["export_page", "plot_architecture", "plot_choices", "plot_search", "show"]

_MODULES = {
    "export_page": "._export",
    "plot_architecture": ".figures.plot_architecture",
    "plot_choices": ".figures.plot_choices",
    "plot_search": ".figures.plot_search",
    "show": "._notebook",
}
__getattr__ = imported_on_use(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
