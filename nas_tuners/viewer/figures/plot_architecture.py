"""Cells as papers draw them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.architecture import read_architecture
from nas_tuners.contract.errors import ConfigError, did_you_mean
from nas_tuners.contract.search_space import SearchSpace

from .genotype import Edge, Genotype, chosen_only, genotype_of
from .layering import Layering, layered
from .lazy_matplotlib import LINE, STYLE, one_or_all, plain, pyplot
from .recording import Source, read_log, read_supernet
from .supernet import Cell, Supernet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHARACTER = 0.066  # inches, of a label's font
_ROW = 0.34  # inches
_MARGIN = 0.2  # inches
_TITLE = 0.35  # inches
_NARROWEST = 2.5  # inches
_LABEL = 40  # characters
_FONT = 8.0
_THIN, _THICK = 0.6, 5.0  # points


@dataclass(frozen=True)
class _Look:
    """How an edge is drawn: its label, and a strength from 0 to 1 (None: not known)."""

    label: str
    strength: float | None = None
    absent: bool = False


def plot_architecture(
    graph: Source,
    architecture: Mapping[str, Any] | str | Path | None = None,
    *,
    cell: str | int | None = None,
) -> Any:
    """Draw the cells of a recorded search: states, and between them the operations.

    With an architecture, edges bear what it chooses. Without, they bear the strongest candidate of
    the last record of the log that has probabilities (else of the last record), and are the wider
    the larger its share is; edges of inputs that are not chosen are dashed.

    Args:
        graph: The folder of a recording, its ``graph.json``, or what that holds.
        architecture: An architecture in any form that is read elsewhere, or its file.
        cell: The name or the number of the only cell to draw; None draws all. A model without
            repeated cells is one.

    Returns:
        A :class:`matplotlib.axes.Axes` object, or an array of them if several cells are drawn.

    Raises:
        ConfigError: if the graph cannot be read, has no choices or no such cell, or matplotlib is
            missing.
        ArchitectureError: if the architecture does not fit the search space.

    Example::

        from nas_tuners.viewer import plot_architecture

        plot_architecture("logs/2026-01-01_10-00-00", "architecture.json")
    """
    plt = pyplot()
    supernet = read_supernet(graph)
    cells = _cells(supernet, cell)
    chosen = None if architecture is None else chosen_in(supernet, architecture)
    weights = None if chosen is not None else _weights(graph)
    drawings = [_drawing(supernet, one, chosen, weights) for one in cells]
    with plt.style.context(STYLE):
        heights = [layering.n_rows * _ROW + _TITLE + _MARGIN for _, layering, _ in drawings]
        width = max(_columns(full, layering, looks)[-1] for full, layering, looks in drawings)
        width = max(width, _NARROWEST) + 2 * _MARGIN
        figure = plt.figure(figsize=(width, sum(heights)))
        axes = []
        bottom = sum(heights)
        for one, height, (full, layering, looks) in zip(cells, heights, drawings, strict=True):
            bottom -= height
            inner = (bottom + _MARGIN / 2) / sum(heights), (height - _TITLE) / sum(heights)
            ax = figure.add_axes((0.0, inner[0], 1.0, inner[1]))  # a unit is an inch
            ax.set_xlim(-_MARGIN, width - _MARGIN)
            ax.set_ylim(_MARGIN / 2 - height + _TITLE, _MARGIN / 2)
            ax.set_axis_off()
            _draw(ax, full, layering, looks)
            words = one.name + _rest(supernet, full, chosen)
            ax.set_title(plain(words), fontsize=10, loc="left", x=_MARGIN / width)
            axes.append(ax)
    return one_or_all(axes)


def chosen_in(
    supernet: Supernet, architecture: Mapping[str, Any] | str | Path
) -> dict[str, list[int]]:
    """The candidates that an architecture chooses, by key; keys that do not matter are missing.

    Raises:
        ConfigError: if the graph has no search space.
        ArchitectureError: if the architecture does not fit it.
    """
    if not supernet.graph["search_space"]:
        raise ConfigError("the graph has no search space, which an architecture is read with")
    space = SearchSpace(supernet.graph["search_space"])
    vector = read_architecture(space, architecture)
    chosen = {}
    for key, spec in space.specs.items():
        entry = vector[space.first_decision[key]]
        if entry is not None and supernet.choices.get(key, {}).get("names"):
            chosen[key] = list(spec.domain.chosen(entry))  # type: ignore[union-attr]
    return chosen


def _cells(supernet: Supernet, wanted: str | int | None) -> list[Cell]:
    cells = supernet.cells
    if not cells or not supernet.nodes:
        reason = supernet.graph["note"] or "it has no choices at known places"
        raise ConfigError(f"nothing can be drawn of this graph: {reason}", "graph")
    if wanted is None:
        return cells
    names = [cell.name for cell in cells]
    if isinstance(wanted, int) and 0 <= wanted < len(cells):
        return [cells[wanted]]
    if wanted in names:
        return [cells[names.index(str(wanted))]]
    hint = did_you_mean(wanted, names)
    raise ConfigError(f"there is no cell {wanted!r}{hint} (there are: {', '.join(names)})", "cell")


def _weights(source: Source) -> dict[str, list[float]] | None:
    log = read_log(source)
    if log is None:
        return None
    kinds = log.kinds
    number = kinds.rfind(b"\x00")
    status: dict[str, list[float]] = log.record(number if number >= 0 else log.count - 1)["status"]
    return status


def _drawing(
    supernet: Supernet,
    cell: Cell,
    chosen: dict[str, list[int]] | None,
    weights: dict[str, list[float]] | None,
) -> tuple[Genotype, Layering, list[_Look]]:
    full = genotype_of(supernet, cell)
    if chosen is not None:
        full = chosen_only(full, chosen)
        looks = [_chosen_look(supernet, edge, chosen) for edge in full.edges]
    else:
        looks = [_weighted_look(supernet, edge, weights or {}) for edge in full.edges]
    pairs = [(edge.start, edge.end) for edge in full.edges]
    return full, layered(len(full.states), pairs), looks


def _chosen_look(supernet: Supernet, edge: Edge, chosen: Mapping[str, Sequence[int]]) -> _Look:
    if edge.op is None:
        return _Look("")
    indices = chosen.get(edge.op.key)
    if indices is None:
        return _Look("not active", absent=True)
    names = supernet.choices[edge.op.key]["names"]
    return _Look(_cut(" + ".join(names[index] for index in indices) or "none"))


def _weighted_look(
    supernet: Supernet, edge: Edge, weights: Mapping[str, Sequence[float]]
) -> _Look:
    label, strength = "", None
    if edge.op is not None:
        names = supernet.choices[edge.op.key]["names"]
        given = list(weights.get(edge.op.key, ()))[: len(names)]
        if given:
            strength = max(given)
            label = f"{_cut(names[given.index(strength)])} {strength:.2f}"
        else:
            label = _cut(f"{edge.op.key}: {len(names)}")
    if edge.slot is None:
        return _Look(label, strength)
    key, number = edge.slot
    share = list(weights.get(key, ()))[number : number + 1]
    if not share:
        return _Look(label, strength)
    if edge.op is None:
        return _Look(f"{share[0]:.2f}", share[0], absent=share[0] <= 0)
    whole = share[0] if strength is None else strength * share[0]
    return _Look(label, whole, absent=share[0] <= 0)


def _rest(supernet: Supernet, full: Genotype, chosen: Mapping[str, Sequence[int]] | None) -> str:
    """What is chosen of the keys that the drawing does not show."""
    names = {key: supernet.choices[key]["names"] for key in full.rest}
    words = [
        f"{key} = {', '.join(names[key][index] for index in (chosen or {})[key])}"
        for key in full.rest
        if key in (chosen or {})
    ]
    shown = ", ".join(words[:6]) + (", ..." if len(words) > 6 else "")
    return _cut(f" ({shown})", 120) if words else ""


def _columns(full: Genotype, layering: Layering, looks: Sequence[_Look]) -> list[float]:
    """The middles of the layers, and last the width of all, in inches."""
    widths = [0.25] * layering.n_layers
    for (layer, _), look in zip(layering.labels, looks, strict=True):
        widths[layer] = max(widths[layer], len(look.label) * _CHARACTER + 0.4)
    for (layer, _), state in zip(layering.vertices, full.states, strict=True):
        widths[layer] = max(widths[layer], 2 * _half(state.name) + 0.1)
    middles, left = [], 0.0
    for width in widths:
        middles.append(left + width / 2)
        left += width
    return [*middles, left]


def _half(name: str) -> float:
    """Half of a state's width in inches."""
    return max(len(_mathless(name)) * _CHARACTER / 2 + 0.06, 0.1)


def _mathless(name: str) -> str:
    return name.replace("_", "").replace("{", "").replace("}", "")


def _draw(ax: Axes, full: Genotype, layering: Layering, looks: Sequence[_Look]) -> None:
    columns = _columns(full, layering, looks)

    def at(place: tuple[int, float]) -> tuple[float, float]:
        return columns[place[0]], -(place[1] + 0.5) * _ROW

    for edge, way, place, look in zip(
        full.edges, layering.routes, layering.labels, looks, strict=True
    ):
        start, end = at(layering.vertices[edge.start]), at(layering.vertices[edge.end])
        points = [
            start,
            *map(at, way),
            (end[0] - _half(full.states[edge.end].name), end[1]),
        ]
        _draw_edge(ax, points, look)
        if look.label:
            box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
            ax.text(*at(place), plain(look.label), **_CENTRED, color="black", bbox=box, zorder=3)
    for state, place in zip(full.states, layering.vertices, strict=True):
        _draw_state(ax, at(place), state.name, state.kind)


_CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": _FONT}
_FILL = {"input": "#cfe8cf", "output": "#f6e3a1", "node": "#cfe0f5", "junction": "white"}


def _draw_state(ax: Axes, place: tuple[float, float], name: str, kind: str) -> None:
    box = {"boxstyle": "round,pad=0.35", "facecolor": _FILL[kind], "edgecolor": LINE}
    text = f"${name}$" if name.startswith("c_{k") else plain(name)
    ax.text(*place, text or " ", **_CENTRED, color="black", bbox=box, zorder=4)


def _draw_edge(ax: Axes, points: Sequence[tuple[float, float]], look: _Look) -> None:
    """A curve that is level at each of its points, with a head."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

    vertices, codes = [points[0]], [Curve.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        middle = (x0 + x1) / 2
        vertices += [(middle, y0), (middle, y1), (x1, y1)]
        codes += [Curve.CURVE4] * 3
    strength = 0.15 if look.strength is None else min(max(look.strength, 0.0), 1.0)
    width = _THIN + (_THICK - _THIN) * strength
    patch = FancyArrowPatch(
        path=Curve(vertices, codes),
        arrowstyle=f"-|>,head_length={4 + width / 2},head_width={2 + width / 3}",
        mutation_scale=1,
        linewidth=width,
        linestyle=(0, (3, 3)) if look.absent else "-",
        edgecolor=LINE,
        facecolor=LINE,
        joinstyle="miter",
        zorder=1 if look.absent else 2,
    )
    patch.set_label(look.label)
    ax.add_patch(patch)


def _cut(text: str, limit: int = _LABEL) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
