"""The record of a search that the viewer shows: a folder with ``graph.json`` and ``log``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.json_files import write_text


class StatusLog:
    """Appends what a mutator decides, a JSON line each.

    Args:
        folder: Where; it is made. None is ``logs/<time>`` in the working directory.
    """

    def __init__(self, folder: str | Path | None) -> None:
        name = time.strftime("%Y-%m-%d_%H-%M-%S")
        self.folder = Path("logs") / name if folder is None else Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write_graph(self, graph: Mapping[str, Any]) -> None:
        write_text(self.folder / "graph.json", json.dumps(graph, indent=2) + "\n")

    def append(self, status: Mapping[str, Any], *, epoch: int, step: int, kind: str) -> None:
        """One line: when, what kind of decision, and the decision by key."""
        record = {"time": time.time(), "epoch": epoch, "step": step, "kind": kind}
        line = json.dumps({**record, "status": status}, allow_nan=False) + "\n"
        with (self.folder / "log").open("a", encoding="utf-8") as file:
            file.write(line)
