"""Reading recorded searches: a log of 100,000 records, and a graph of NNI's of 20,000 nodes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nas_tuners.viewer.recorded.graph_file import read_graph
from nas_tuners.viewer.recorded.log_file import LogFile
from tests.viewer.nni_files import darts

from .._claim import Claim, median_seconds

RECORDS = 100_000
KEYS = 28  # of the DARTS space: an operation an edge, in two kinds of cells
OPERATIONS = 7
BUDGET = 0.1  # seconds after which the first overview is made

_MEMORY = """
import sys
from nas_tuners.viewer.recorded.log_file import LogFile
log = LogFile(sys.argv[1])
if sys.argv[2] == "read":
    log.refresh()
    log.overview()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024)
"""


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder:
        return [*_log(Path(folder) / "log", seed), *_graph(Path(folder) / "graph.json")]


def _log(path: Path, seed: int) -> list[Claim]:
    _write_log(path, seed)
    os.sync()  # or what is timed is also how the machine writes it
    size = path.stat().st_size / 2**20
    what = f"log of {RECORDS:,} records, {size:.0f} MiB"
    begin = time.perf_counter()
    log = LogFile(path)
    more = log.refresh(BUDGET)
    log.overview()
    first = time.perf_counter() - begin
    while more:
        more = log.refresh(BUDGET)
    whole = time.perf_counter() - begin
    assert log.count == RECORDS
    overview = median_seconds(log.overview, 5)
    record = median_seconds(lambda: log.record(RECORDS // 2), 50)
    held = _peak(path, "read") - _peak(path, "open")
    return [
        Claim(f"{what}: first overview", first * 1e3, 500.0, "limit", "ms"),
        Claim(f"{what}: whole index", whole * 1e3, 2_000.0, "limit", "ms"),
        Claim(f"{what}: overview of all", overview * 1e3, 500.0, "limit", "ms"),
        Claim(f"{what}: one record", record * 1e3, 5.0, "limit", "ms"),
        Claim(f"{what}: memory", held, 100.0, "limit", "MiB"),
    ]


def _graph(path: Path) -> list[Claim]:
    content = darts(cells=10, nodes=2)
    path.write_text(json.dumps(content))
    assert read_graph(path).problems == []
    seconds = median_seconds(lambda: read_graph(path), 3)
    name = f"NNI's graph of {len(content['node']):,} nodes"
    return [Claim(name, seconds * 1e3, 3_000.0, "limit", "ms")]


def _write_log(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    statuses = [
        json.dumps({f"key{k}": [rng.random() for _ in range(OPERATIONS)] for k in range(KEYS)})
        for _ in range(50)
    ]
    with path.open("w") as file:
        for step in range(RECORDS):
            head = f'"step": {step}, "epoch": {step // 2000}, "time": {1.7e9 + step}'
            status = statuses[step % len(statuses)]
            file.write(f'{{{head}, "kind": "probability", "status": {status}}}\n')


def _peak(path: Path, mode: str) -> float:
    """The largest memory in MiB of a process that reads the log, or only imports the reader."""
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, str(path), mode],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)
