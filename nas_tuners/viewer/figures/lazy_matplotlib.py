"""Matplotlib, imported when a figure is drawn, and what the figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLE = "ggplot"  # as in optuna.visualization.matplotlib
SCALE = "cividis"  # of probabilities: looks alike to nearly all eyes
LINE = "#444444"
MARK = "#d55e00"


def pyplot() -> Any:
    """The module ``matplotlib.pyplot``.

    Raises:
        ConfigError: if it is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        hint = "figures need the package matplotlib: pip install 'nas-tuners[plot]'"
        raise ConfigError(hint) from error
    return plt


def plain(text: str) -> str:
    """A text that comes from a file, in which no formula is to be seen."""
    return text.replace("$", r"\$")


def one_or_all(axes: list[Axes]) -> Any:
    """As Optuna returns them: one Axes, or an array of several."""
    import numpy as np

    if len(axes) == 1:
        return axes[0]
    array = np.empty(len(axes), dtype=object)
    array[:] = axes
    return array
