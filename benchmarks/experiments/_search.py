"""A search of a table, and the storages that its study may lie in."""

from __future__ import annotations

import multiprocessing
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig
from nas_tuners.experiment.configuration.parts import TunerConfig
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from tests.servers import postgres_server

T = TypeVar("T")

OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = 8  # 390,625 architectures, so that 10,000 trials are far from trying them all
SPACE: dict[str, Any] = {
    f"edge_{index}": {"_type": "layer_choice", "_value": OPERATIONS} for index in range(EDGES)
}


class Table:
    """A score for every architecture."""

    def __init__(self, seed: int = 0) -> None:
        self._scores = np.random.default_rng(seed).random((len(OPERATIONS),) * EDGES)

    def __call__(self, parameters: Mapping[str, Any]) -> float:
        return float(self._scores[tuple(parameters[key]["_idx"] for key in SPACE)])


def config(path: Path, **fields: Any) -> ExperimentConfig:
    """An experiment that searches the table's space, its code beside its folder."""
    plain: dict[str, Any] = {
        "name": "bench",
        "tuner": TunerConfig("random"),
        "code_directory": path.parent,
        "experiments_directory": path.parent,
        "search_space": SearchSpace(SPACE),
        "seed": 0,
        "warm": "function" in fields,  # as in a configuration file
    }
    return ExperimentConfig(**(plain | fields))


def new_experiment(path: Path, **fields: Any) -> ExperimentFolder:
    """The folder of such an experiment."""
    return create_folder(config(path, **fields), SearchSpace(SPACE), path=path)


@contextmanager
def new_storages(folder: Path) -> Iterator[dict[str, Callable[[], str]]]:
    """Name -> what gives the URL of a new storage; no PostgreSQL where it is not installed.

    The server is that of the tests: it does not wait for the disk.
    """
    makers: dict[str, Callable[[], str]] = {
        "SQLite": lambda: f"sqlite:///{folder}/{uuid.uuid4().hex}.db",
        "journal": lambda: f"journal:///{folder}/{uuid.uuid4().hex}.log",
    }
    with ExitStack() as stack:
        with suppress(pytest.skip.Exception):
            server = stack.enter_context(postgres_server())

            def new_database() -> str:
                name = f"bench_{uuid.uuid4().hex}"
                server.execute(f"create database {name}")
                return server.url(name)

            makers["PostgreSQL"] = new_database
        yield makers


def in_new_process(function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns that is called in a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        return pool.submit(function, *arguments).result()
