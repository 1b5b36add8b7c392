"""What a table is, and tables by name."""

from __future__ import annotations

import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from nas_tuners.contract.errors import TableError, did_you_mean
from nas_tuners.contract.search_space import IndexVector, SearchSpace

DATA_VARIABLE = "NAS_TUNERS_DATA"
_DEFAULT_FOLDER = Path("../shared/data")

TABLES: dict[str, str] = {
    "nasbench201-cifar10": "nas_tuners.bench.published:nasbench201",
    "nasbench-macro": "nas_tuners.bench.published:nasbench_macro",
    "nasbench-graph-arxiv": "nas_tuners.bench.published:nasbench_graph_arxiv",
    "nasbench-graph-computers": "nas_tuners.bench.published:nasbench_graph_computers",
    "nasbench-graph-cora": "nas_tuners.bench.published:nasbench_graph_cora",
    "synthetic-separable": "nas_tuners.bench.synthetic:separable",
    "synthetic-pairwise": "nas_tuners.bench.synthetic:pairwise",
    "synthetic-darts": "nas_tuners.bench.synthetic:darts",
    "synthetic-widths": "nas_tuners.bench.synthetic:widths",
}
"""Name -> ``"module:function"``; those that start with ``synthetic`` need no files."""


class Table(ABC):
    """Architectures of a search space with known results. Higher is better.

    Attributes:
        name: Its name in :data:`TABLES`.
        space: The search space.
        best_test: The highest test result in the table.
        best_validation: The highest validation result in the table.
    """

    name: str
    space: SearchSpace
    best_test: float
    best_validation: float

    @abstractmethod
    def validation(self, vector: IndexVector) -> float | None:
        """What a search gets to see; None if the architecture was not published."""

    @abstractmethod
    def test(self, vector: IndexVector) -> float:
        """What is reported of an architecture whose validation result is known."""

    def cost_seconds(self, vector: IndexVector) -> float | None:
        """What training it took; None if unknown."""
        return None

    @property
    def has_costs(self) -> bool:
        """Whether it says how long training took."""
        return False

    @property
    def devices(self) -> tuple[str, ...]:
        """Devices on which latency is known."""
        return ()

    def latency(self, vector: IndexVector, device: str) -> float:
        """Milliseconds on a device.

        Raises:
            TableError: if the table has no such figures.
        """
        raise TableError(f"table {self.name} has no latency on {device!r}")


def load_table(name: str, folder: str | Path | None = None) -> Table:
    """A table by its name.

    Args:
        name: A name in :data:`TABLES`.
        folder: Where the files are; :func:`data_folder` if None.

    Raises:
        TableError: for an unknown name, or a file that is missing or unreadable.
    """
    if name not in TABLES:
        known = ", ".join(TABLES)
        raise TableError(f"no table {name!r}{did_you_mean(name, TABLES)} (known: {known})")
    table: Table = _loader(name)(data_folder() if folder is None else Path(folder))
    return table


def describe(name: str) -> str:
    """One line about a table in :data:`TABLES`."""
    return (_loader(name).__doc__ or "").partition("\n")[0]


def data_folder() -> Path:
    """Where the tables' files are: ``NAS_TUNERS_DATA``, or else ``../shared/data``."""
    return Path(os.environ.get(DATA_VARIABLE) or _DEFAULT_FOLDER).expanduser()


def _loader(name: str) -> Callable[[Path], Table]:
    module, _, function = TABLES[name].partition(":")
    load: Callable[[Path], Table] = getattr(importlib.import_module(module), function)
    return load
