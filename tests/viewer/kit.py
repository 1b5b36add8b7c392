"""Recorded searches, and the real server that shows them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from nas_tuners.viewer._runs import Runs, runs_in_folder
from nas_tuners.viewer.serving.events import Hub
from nas_tuners.viewer.serving.serve import Address, Viewer

SPACE = {"k": {"_type": "layer_choice", "_value": ["a", "b"]}}
GRAPH: dict[str, Any] = {
    "schema": "nas-graph/1",
    "tier": "meta",
    "note": "",
    "model": "Net",
    "inputs": [{"shape": [2, 3], "dtype": "float32"}],
    "parameters": 12,
    "flops": 24,
    "search_space": SPACE,
    "texts": [],
    "modules": [
        {"parent": None, "name": "", "type": "Net", "params": 12},
        {"parent": 0, "name": "k", "type": "LayerChoice", "params": 12},
        {"parent": 1, "name": "a", "type": "Linear", "params": 12},
        {"parent": 1, "name": "b", "type": "Identity", "params": 0},
    ],
    "nodes": [
        {"kind": "input", "name": "x", "shapes": [[2, 3]]},
        {"kind": "module", "module": 2, "shapes": [[2, 3]], "flops": 24},
        {"kind": "module", "module": 3, "shapes": [[2, 3]]},
        {"kind": "choice", "key": "k", "module": 1, "shapes": [[2, 3]]},
        {"kind": "output", "shapes": [[2, 3]]},
    ],
    "edges": [[0, 1], [0, 2], [1, 3, 0], [2, 3, 1], [3, 4]],
    "choices": {
        "k": {
            "kind": "layer",
            "names": ["a", "b"],
            "n_chosen": 1,
            "places": [
                {
                    "module": 1,
                    "nodes": [3],
                    "slots": [
                        {"module": 2, "shape": [2, 3], "params": 12, "flops": 24},
                        {"module": 3, "shape": [2, 3], "params": 0, "flops": 0},
                    ],
                }
            ],
        }
    },
    "templates": [],
}


def record(step: int, *, kind: str = "probability") -> dict[str, Any]:
    share = 1 / (1 + step)
    return {
        "step": step,
        "epoch": step // 10,
        "time": 1763795000.0 + step,
        "kind": kind,
        "status": {"k": [share, 1 - share]},
    }


def append(folder: Path, steps: Iterable[int]) -> None:
    with (folder / "log").open("a") as file:
        for step in steps:
            file.write(json.dumps(record(step)) + "\n")


def recorded(folder: Path, steps: int = 5) -> Path:
    """A recorded search in a new folder."""
    folder.mkdir(parents=True)
    (folder / "graph.json").write_text(json.dumps(GRAPH))
    append(folder, range(1, steps + 1))
    return folder


class Served:
    """A server that runs, and what asks it."""

    def __init__(self, viewer: Viewer) -> None:
        parts = urlsplit(viewer.url)
        self.viewer = viewer
        self.url = f"http://{parts.netloc}{parts.path}"
        self.port = parts.port or 0
        self.token = parts.query.removeprefix("token=")
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def get(self, path: str, **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers=given)

    def raw(self, request: bytes) -> tuple[int, bytes]:
        """What the server answers to these very bytes: its status, and all of it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return int(answer.split(b" ", 2)[1]), answer

    def raw_get(self, target: str, *headers: str) -> tuple[int, bytes]:
        """A GET whose target no client has made prettier."""
        given = headers or (f"Host: 127.0.0.1:{self.port}",)
        lines = [f"GET {target} HTTP/1.1", *given, "Connection: close", "", ""]
        return self.raw("\r\n".join(lines).encode("latin-1"))


@contextmanager
def served(
    source: Path | Runs, *, hub: Hub | None = None, patience: int = 10, **address: Any
) -> Iterator[Served]:
    """Serve a folder from a thread of this process."""
    runs = source if isinstance(source, Runs) else runs_in_folder(source)
    viewer = Viewer(runs, Address(**{"port": 0, **address}), hub=hub, patience=patience)
    thread = threading.Thread(target=viewer.run)
    thread.start()
    it = Served(viewer)
    try:
        yield it
    finally:
        it.client.close()
        viewer.stop()
        thread.join()
