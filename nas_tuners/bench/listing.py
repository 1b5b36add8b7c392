"""What there is to know about tables before one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas_tuners.contract.errors import TableError

from .published import GRAPH, MACRO, NB201, NB201_COSTS, NB201_LATENCY, columns_of
from .tables import TABLES, describe

FILES: dict[str, tuple[str, ...]] = {
    "nasbench201-cifar10": (NB201, NB201_LATENCY),
    "nasbench-macro": (MACRO,),
    "nasbench-graph-arxiv": (GRAPH,),
    "nasbench-graph-computers": (GRAPH,),
    "nasbench-graph-cora": (GRAPH,),
}
"""Table -> the files it is read from; all others are made from a seed."""


@dataclass(frozen=True)
class Listing:
    """A table in short.

    Attributes:
        name: Its name in :data:`~nas_tuners.bench.TABLES`.
        summary: What it is.
        files: What it is read from.
        problem: Why these cannot be read; empty if they can.
        has_costs: Whether it says how long training took.
        devices: Devices on which latency is known.
    """

    name: str
    summary: str
    files: tuple[str, ...] = ()
    problem: str = ""
    has_costs: bool = False
    devices: tuple[str, ...] = ()


def list_tables(folder: Path) -> list[Listing]:
    """All tables, as far as their files are in the folder."""
    return [_listing(name, folder) for name in TABLES]


def _listing(name: str, folder: Path) -> Listing:
    summary, files = describe(name), FILES.get(name, ())
    absent = [file for file in files if not (folder / file).is_file()]
    if absent:
        return Listing(name, summary, files, f"missing: {', '.join(absent)}")
    try:
        columns = {file: columns_of(folder, file) for file in files}
    except TableError as error:
        return Listing(name, summary, files, str(error))
    return Listing(
        name,
        summary,
        files,
        has_costs=NB201_COSTS in columns.get(NB201, ()),
        devices=columns.get(NB201_LATENCY, ()),
    )
