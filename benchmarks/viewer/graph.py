"""The graph of the full DARTS supernet on CIFAR: seconds to record it, and its size.

8 cells of 4 nodes, 16 channels, a batch of 2. ``python -m benchmarks.viewer.graph --traced``
traces the same supernet by TorchScript, too, which takes a minute or two.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch
from torch import nn

from search_spaces import darts
from trial_api import record_graph
from trial_api.mutators import Mutator
from trial_api.mutators._mutator import size_of

from .._claim import Claim

SECONDS = 10.0
KILOBYTES = 1000.0
TRACED_NODES = 18_518.0  # by TorchScript, with seven operations an edge instead of eight


def measure(seed: int) -> list[Claim]:
    model, x = _supernet(seed)
    start = time.perf_counter()
    graph = record_graph(model, x)  # imports what meta tensors need, as a user's first call does
    first = time.perf_counter() - start
    start = time.perf_counter()
    record_graph(model, x)
    again = time.perf_counter() - start
    assert graph["tier"] == "meta", graph["note"]
    size = len(json.dumps(graph, separators=(",", ":"))) / 1000
    described = "DARTS supernet, 8 cells"
    return [
        Claim(f"{described}: record, the first time", first, SECONDS, "limit", "s"),
        Claim(f"{described}: record again", again, SECONDS, "limit", "s"),
        Claim(f"{described}: graph.json", size, KILOBYTES, "limit", "kB"),
        _count(f"{described}: nodes", len(graph["nodes"])),
        _count(f"{described}: edges", len(graph["edges"])),
        _count(f"{described}: modules", len(graph["modules"])),
    ]


def traced(seed: int) -> list[Claim]:
    """The same by TorchScript, for comparison."""
    model, x = _supernet(seed)
    start = time.perf_counter()
    graph = record_graph(model, x)
    ours = time.perf_counter() - start
    _All(model).reset()
    start = time.perf_counter()
    nodes = list(torch.jit.trace(model, x, check_trace=False).inlined_graph.nodes())
    theirs = time.perf_counter() - start
    count = float(len(graph["nodes"]))
    return [
        Claim("record the DARTS supernet", ours, theirs, "TorchScript tracing", "s"),
        Claim("nodes of the DARTS supernet", count, len(nodes), "TorchScript tracing", ""),
    ]


class _All(Mutator):
    """Every candidate at once, as tracing needs it."""

    def sample_search(self) -> dict[str, list[bool]]:
        return {str(mutable.key): [True] * size_of(mutable) for mutable in self.mutables}

    def sample_final(self) -> dict[str, list[bool]]:
        return self.sample_search()


def _supernet(seed: int) -> tuple[nn.Module, Any]:
    torch.manual_seed(seed)
    return darts(channels=16, cells=8), torch.randn(2, 3, 32, 32)


def _count(name: str, count: int) -> Claim:
    return Claim(name, count, TRACED_NODES, "nodes of TorchScript", "", None)


if __name__ == "__main__":
    for claim in (traced if "--traced" in sys.argv else measure)(0):
        print(f"{claim.name}: {claim.ours:.2f} {claim.unit} ({claim.reference:.2f} {claim.of})")
