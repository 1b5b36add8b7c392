"""Mean regret over evaluations, one picture a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas_tuners.bench import PEERS
from nas_tuners.bench.statistics import summarize

from .methods import FLAGSHIP, METHODS
from .results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE = {
    "svg.hashsalt": "nas-tuners",  # the same results give the same file
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def draw(results: Results, table: str, path: Path) -> None:
    """Write the picture of a table as SVG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.5, 4.2), layout="constrained")
        axes = figure.subplots()
        for method in results.methods(table):
            _draw_method(axes, results, table, method)
        axes.set(xscale="log", title=table)
        axes.set(xlabel="evaluations", ylabel="mean test regret")
        ticks = [t for t in (10, 20, 50, 100, 200, 400, 1_000, 5_000) if t <= axes.get_xlim()[1]]
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], minor=False)
        axes.minorticks_off()
        axes.set_ylim(bottom=0.0)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})


def _draw_method(axes: Axes, results: Results, table: str, method: str) -> None:
    budgets = results.budgets(table, method)
    regrets = {b: list(results.regret(table, method, b).values()) for b in budgets}
    figures = {b: summarize(values) for b, values in regrets.items() if values}
    place = METHODS.index(method) if method in METHODS else len(METHODS)
    colour = f"C{place % 10}"
    axes.plot(
        list(figures),
        [figure.mean for figure in figures.values()],
        color=colour,
        linestyle="--" if method in PEERS else "-",
        linewidth=2.2 if method == FLAGSHIP else 1.2,
        label=method,
    )
    axes.fill_between(
        list(figures),
        [figure.low for figure in figures.values()],
        [figure.high for figure in figures.values()],
        color=colour,
        alpha=0.12,
        linewidth=0,
    )
