"""The graph and the log of a recorded search, for functions that users call."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from nas_tuners.contract.errors import ConfigError, Problem

from ..recorded.graph_file import GraphRead, graph_of, read_graph
from ..recorded.log_file import LogFile
from .supernet import Supernet

GRAPH = "graph.json"
LOG = "log"

Source = Union[str, Path, Mapping[str, Any]]

_logger = logging.getLogger(__name__)


def read_supernet(source: Source) -> Supernet:
    """The supernet of a recording.

    Args:
        source: The recording's folder, its ``graph.json``, or what that holds.

    Raises:
        ConfigError: if there is no graph in it, saying why.
    """
    if isinstance(source, Mapping):
        read = graph_of(dict(source))
    else:
        path = path_of(source)
        read = read_graph(path / GRAPH if path.is_dir() else path)
    return Supernet(_usable(read, source))


def read_log(source: Source) -> LogFile | None:
    """The log of a recording, read to its end; None if there is none."""
    if isinstance(source, Mapping):
        return None
    path = path_of(source)
    log = LogFile((path if path.is_dir() else path.parent) / LOG)
    log.refresh()
    return log if log.count else None


def needed_log(source: str | Path) -> LogFile:
    """The log of a recording.

    Args:
        source: The recording's folder or a file of it.

    Raises:
        ConfigError: if it has no records, saying why.
    """
    path = path_of(source)
    if not path.exists():
        raise ConfigError(f"there is no {path}", "source")
    inside = [log.parent.name for log in sorted(path.glob(f"*/{LOG}"))]
    if inside and not (path / LOG).exists():
        names = ", ".join(inside[-3:])
        raise ConfigError(f"{path} holds several recordings; take one of them ({names})", "source")
    log = LogFile(path / LOG if path.is_dir() else path.with_name(LOG))
    log.refresh()
    if not log.count:
        problems = log.problems or [f"{log.path.name}: is empty"]
        raise ConfigError([Problem("", problem) for problem in problems], str(log.path.parent))
    _tell(log.problems)
    return log


def path_of(source: Any) -> Path:
    """The path that a user gave.

    Raises:
        ConfigError: if it is none.
    """
    if not isinstance(source, (str, Path)):
        kind = type(source).__name__
        raise ConfigError(
            f"must be the folder of a recording, or a file of it, got a {kind}", "source"
        )
    return Path(source).expanduser()


def names_and_numbers(source: Source) -> dict[str, tuple[list[str], Any]]:
    """Of each key the names of its candidates and how many are chosen; empty without a graph."""
    try:
        choices = read_supernet(source).choices
    except ConfigError:
        return {}
    return {key: (choice["names"], choice["n_chosen"]) for key, choice in choices.items()}


def _usable(read: GraphRead, source: Source) -> dict[str, Any]:
    if read.graph is None:
        where = "the graph" if isinstance(source, Mapping) else str(source)
        raise ConfigError([Problem("", problem) for problem in read.problems], where)
    _tell(read.problems)
    return read.graph


def _tell(problems: Sequence[str]) -> None:
    for problem in problems:
        _logger.warning("%s", problem)
