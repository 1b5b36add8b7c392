"""Tables that others published, read from ``.npz`` files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nas_tuners.contract.errors import TableError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import InputChoice, LayerChoice, Spec

from .tables import DATA_VARIABLE, Table

_Column = NDArray[np.float64]

NB201, NB201_LATENCY = "nasbench201_cifar10.npz", "nasbench201_latency.npz"
MACRO, GRAPH = "nas_bench_macro.npz", "nas_bench_graph.npz"
NB201_COSTS = "cost12_cifar10_seconds"
_NB201_EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")
_NB201_OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
_NB201_COLUMNS = ("ops", "val12_cifar10", "test200_cifar10", NB201_COSTS)
_MACRO_OPS = ("identity", "mb3_k3", "mb6_k5")
_GRAPH_OPS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
_NOT_PUBLISHED = 65535


@final
@dataclass(frozen=True)
class PublishedTable(Table):
    """A table in memory.

    Attributes:
        row_of: Position of an architecture, as a number whose digits are its vector -> row; below
            zero where it was not published.
        validations: Row -> validation result.
        tests: Row -> test result.
        costs: Row -> seconds of training, if known.
        latencies: Device -> row -> milliseconds.
    """

    name: str
    space: SearchSpace
    row_of: NDArray[np.int64]
    validations: _Column
    tests: _Column
    costs: _Column | None
    latencies: Mapping[str, _Column]
    best_test: float
    best_validation: float

    def validation(self, vector: IndexVector) -> float | None:
        row = self._row(vector)
        return float(self.validations[row]) if row >= 0 else None

    def test(self, vector: IndexVector) -> float:
        return float(self.tests[self._row(vector)])

    def cost_seconds(self, vector: IndexVector) -> float | None:
        row = self._row(vector)
        return float(self.costs[row]) if self.costs is not None and row >= 0 else None

    @property
    def has_costs(self) -> bool:
        return self.costs is not None

    @property
    def devices(self) -> tuple[str, ...]:
        return tuple(self.latencies)

    def latency(self, vector: IndexVector, device: str) -> float:
        if device not in self.latencies:
            return super().latency(vector, device)
        return float(self.latencies[device][self._row(vector)])

    def _row(self, vector: IndexVector) -> int:
        position = 0
        for decision, entry in zip(self.space.decisions, vector, strict=True):
            assert isinstance(entry, int)
            position = position * int(decision.domain.size) + entry
        return int(self.row_of[position])


def nasbench201(folder: Path) -> Table:
    """NAS-Bench-201 on CIFAR-10: validation after 12 epochs, test after 200; with latencies."""
    data = _read(folder, NB201, *_NB201_COLUMNS)
    latencies = _read(folder, NB201_LATENCY)
    return _table(
        "nasbench201-cifar10",
        {edge: LayerChoice(_NB201_OPS) for edge in _NB201_EDGES},
        row_of=_rows(data["ops"], len(_NB201_OPS)),
        validations=data["val12_cifar10"],
        tests=data["test200_cifar10"],
        costs=data[NB201_COSTS],
        latencies=latencies,
    )


def nasbench_macro(folder: Path) -> Table:
    """NAS-Bench-Macro: run 1 stands in for validation, the mean of runs 2 and 3 is the test."""
    data = _read(folder, MACRO, "ops", "test_acc_x100")
    runs = data["test_acc_x100"] / 100.0
    return _table(
        "nasbench-macro",
        {f"layer_{layer}": LayerChoice(_MACRO_OPS) for layer in range(1, 9)},
        row_of=_rows(data["ops"], len(_MACRO_OPS)),
        validations=runs[:, 0],
        tests=runs[:, 1:].mean(axis=1),
    )


def _graph(dataset: str) -> Callable[[Path], Table]:
    def load(folder: Path) -> Table:
        valid, test = f"{dataset}_valid_perf", f"{dataset}_perf"
        data = _read(folder, GRAPH, "config_to_row", valid, test)
        rows = data["config_to_row"].astype(np.int64)
        inputs: dict[str, Spec] = {
            f"in{node}": InputChoice(tuple(f"node_{i}" for i in range(node)), 1)
            for node in (2, 3, 4)
        }
        ops: dict[str, Spec] = {f"op{node}": LayerChoice(_GRAPH_OPS) for node in range(1, 5)}
        return _table(
            f"nasbench-graph-{dataset}",
            inputs | ops,
            row_of=np.where(rows == _NOT_PUBLISHED, -1, rows),
            validations=100.0 * data[valid],
            tests=100.0 * data[test],
        )

    load.__doc__ = f"NAS-Bench-Graph on {dataset}, in percent; a few architectures are missing."
    return load


nasbench_graph_arxiv = _graph("arxiv")
nasbench_graph_computers = _graph("computers")
nasbench_graph_cora = _graph("cora")


def _table(
    name: str,
    specs: Mapping[str, Spec],
    *,
    row_of: NDArray[np.int64],
    validations: NDArray[Any],
    tests: NDArray[Any],
    costs: NDArray[Any] | None = None,
    latencies: Mapping[str, NDArray[Any]] | None = None,
) -> PublishedTable:
    return PublishedTable(
        name=name,
        space=SearchSpace.from_specs(specs),
        row_of=row_of,
        validations=validations.astype(np.float64),
        tests=tests.astype(np.float64),
        costs=None if costs is None else costs.astype(np.float64),
        latencies={key: column.astype(np.float64) for key, column in (latencies or {}).items()},
        best_test=float(np.nanmax(tests)),
        best_validation=float(np.nanmax(validations)),
    )


def _rows(ops: NDArray[Any], base: int) -> NDArray[np.int64]:
    """Position -> row, of a table that holds every architecture."""
    digits = base ** np.arange(ops.shape[1] - 1, -1, -1)
    row_of = np.full(base ** ops.shape[1], -1, dtype=np.int64)
    row_of[ops.astype(np.int64) @ digits] = np.arange(len(ops))
    return row_of


def columns_of(folder: Path, file: str) -> tuple[str, ...]:
    """The names of a file's columns, which are not loaded.

    Raises:
        TableError: if the file is missing or unreadable.
    """
    with _opened(folder, file) as archive:
        return tuple(archive.files)


@contextmanager
def _opened(folder: Path, file: str) -> Iterator[Any]:
    path = folder / file
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            yield archive
    except FileNotFoundError:
        raise TableError(
            f"no file {file} in {folder.resolve()}; set {DATA_VARIABLE} to the folder that "
            "holds the tables (docs/tables.md says what it holds)"
        ) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TableError(f"{path} cannot be read: {error}; download it again") from error


def _read(folder: Path, file: str, *needed: str) -> dict[str, NDArray[Any]]:
    with _opened(folder, file) as archive:
        columns = {name: archive[name] for name in archive.files}
    path = folder / file
    missing = [name for name in needed if name not in columns]
    if missing:
        raise TableError(
            f"{path} has no column {', '.join(map(repr, missing))} (it has: {', '.join(columns)})"
        )
    return columns
