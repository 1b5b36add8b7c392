"""Heat maps of choices over time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .lazy_matplotlib import MARK, SCALE, STYLE, one_or_all, plain, pyplot
from .recording import names_and_numbers, needed_log
from .settling import KeySeries, counted_places, key_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 60  # keys in one figure
_VERDICTS = {
    "moving": "moving",
    "equal": "never told apart",
    "fixed": "all are chosen",
    "empty": "nothing known",
}
_A_COLUMN = 12  # keys
_NAME = 24  # characters
_CHARACTER, _ROW, _TITLE, _WIDTH, _BAR, _BELOW = 0.062, 0.14, 0.32, 3.6, 0.8, 0.5  # inches


def plot_choices(logdir: str | Path, *, keys: Sequence[str] | None = None) -> Any:
    """Draw how the choices of a recorded search developed: candidates over steps, by color.

    A line marks the step from which on the strongest candidates stayed the same; fewer than
    five records draw none. Colors go from 0 to the largest probability that the key had before the
    search ended. Of samples, a candidate's probability is its share of the last ones.

    Args:
        logdir: The folder of a recording, or a file of it.
        keys: The keys to draw; None draws those that ever told their candidates apart, of very
            many the first.

    Returns:
        A :class:`matplotlib.axes.Axes` object, or an array of them if several keys are drawn.

    Raises:
        ConfigError: if there are no records, there is no such key, or matplotlib is missing.

    Example::

        from nas_tuners.viewer import plot_choices

        plot_choices("logs/2026-01-01_10-00-00", keys=["normal_n2_p0", "normal_n2_p1"])
    """
    plt = pyplot()
    overview = needed_log(logdir).overview()
    known = names_and_numbers(logdir)
    wanted = list(overview["values"]) if keys is None else _checked(overview["values"], keys)
    maps = [_Map.of(overview, key, *known.get(key, ([], "unknown"))) for key in wanted]
    note = ""
    if keys is None:
        told = [one for one in maps if one.tells][:_MOST]
        if not told:
            raise ConfigError("no key of the log ever told its candidates apart", "logdir")
        if len(told) < len(maps):
            left = f"{len(maps) - len(told)} of {len(maps)} keys"
            note = f" Left out: {left}, which never told candidates apart."
        maps = told
    with plt.style.context(STYLE):
        axes = _axes(plt, maps)
        for ax, one in zip(axes, maps, strict=True):
            _draw(ax, overview["step"], one)
        figure = axes[0].figure
        figure.text(0.02, 0.01, f"Columns are steps.{note}", fontsize=8, va="bottom")
    return one_or_all(axes)


@dataclass(frozen=True)
class _Map:
    """One key's heat map: a row a candidate, a column a record; black is 0, bright the largest."""

    key: str
    series: KeySeries
    names: Sequence[str]
    largest: float

    @classmethod
    def of(cls, overview: Mapping[str, Any], key: str, names: Sequence[str], count: Any) -> _Map:
        series = key_series(overview, key, count)
        width = max((len(row) for row in series.rows if row is not None), default=0)
        places = counted_places(overview["kind"])
        places = places[len(places) // 10 :]  # the first ones are means of few samples
        rows = [series.rows[place] for place in places]
        largest = max((value for row in rows for value in row or ()), default=0.0)
        labels = [*names[:width], *map(str, range(len(names), width))]
        return cls(key, series, labels, largest if largest > 0 else 1.0)

    @property
    def tells(self) -> bool:
        """Whether there is something to see."""
        values = {value for row in self.series.rows for value in row or ()}
        return self.series.tells and len(values) > 1

    @property
    def height(self) -> float:
        return len(self.names) * _ROW + _TITLE

    def verdict(self, steps: Sequence[int]) -> str:
        if self.series.since is not None:
            return f"settled at step {steps[self.series.since]:,}"
        if self.series.state == "few":
            return f"too few records ({self.series.known}) to tell if it settled"
        return _VERDICTS[self.series.state]


def _checked(values: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    listed = [keys] if isinstance(keys, str) else list(keys)
    problems = [
        Problem("keys", f"the log has no key {key!r}{did_you_mean(key, values)}")
        for key in listed
        if not any(values.get(key, ()))
    ]
    if not listed or problems:
        raise ConfigError(problems or "`keys` is empty")
    return listed


def _axes(plt: Any, maps: Sequence[_Map]) -> list[Axes]:
    """One a map, in columns from top to bottom; and a bar that explains the colors."""
    columns = -(-len(maps) // _A_COLUMN)
    rows = -(-len(maps) // columns)
    shown = [name[:_NAME] for one in maps for name in one.names]
    left = max(map(len, shown), default=0) * _CHARACTER + 0.15
    heights = [max(one.height for one in maps[row::rows]) for row in range(rows)]
    height, width = sum(heights) + _BELOW, columns * (left + _WIDTH) + _BAR
    figure = plt.figure(figsize=(width, height))
    axes: list[Axes] = []
    for number, one in enumerate(maps):
        column, row = divmod(number, rows)
        top = height - sum(heights[:row]) - _TITLE
        size = len(one.names) * _ROW
        x = column * (left + _WIDTH) + left
        axes.append(
            figure.add_axes(
                (x / width, (top - size) / height, (_WIDTH - 0.15) / width, size / height),
                sharex=axes[0] if axes else None,
            )
        )
        if row < rows - 1 and number < len(maps) - 1:
            axes[-1].tick_params(axis="x", labelbottom=False)
    size = min(height - 0.6, 2.0)
    place = ((width - _BAR + 0.1) / width, (height - size) / 2 / height, 0.12 / width)
    bar = figure.add_axes((*place, size / height))
    figure.colorbar(plt.cm.ScalarMappable(cmap=SCALE), cax=bar)
    bar.set_ylabel("Probability / largest of the key", fontsize=8)
    bar.tick_params(labelsize=7)
    return axes


def _draw(ax: Axes, steps: Sequence[int], one: _Map) -> None:
    import numpy as np

    values = np.full((len(one.names), len(steps)), np.nan)
    for place, row in enumerate(one.series.rows):
        if row is not None:
            values[: len(row), place] = row
    ax.pcolormesh(
        _edges(steps),
        np.arange(len(one.names) + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=SCALE,
        vmin=0.0,
        vmax=one.largest,
        rasterized=True,
    )
    labels = [plain(name[:_NAME]) for name in one.names]
    ax.set_yticks(range(len(labels)), labels, fontsize=7)
    ax.tick_params(axis="x", labelsize=7)
    ax.grid(False)
    ax.invert_yaxis()
    title = f"{one.key}: {one.verdict(steps)}, up to {one.largest:.2f}"
    ax.set_title(plain(title), fontsize=8, loc="left", pad=3)
    if one.series.since is not None:
        at = steps[one.series.since]
        ax.axvline(at, color=MARK, linestyle="--", linewidth=1.5, label="settled")


def _edges(steps: Sequence[int]) -> list[float]:
    """Where the record of each step begins, and the last one ends."""
    middles = [(a + b) / 2 for a, b in itertools.pairwise(steps)]
    if not middles:
        return [steps[0] - 0.5, steps[0] + 0.5]
    return [2 * steps[0] - middles[0], *middles, 2 * steps[-1] - middles[-1]]
