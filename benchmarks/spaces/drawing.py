"""Random architectures with a bound on their parameters, made by the table of a counter."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import torch
from torch import nn

from search_spaces import fbnet, mobilenet_v3
from trial_api import ParameterCounter, search_space

from .._claim import Claim

COUNT = 10_000
LIMIT = 1 / 200  # seconds an architecture
BOUNDED: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "mobilenet_v3, at most 5 M parameters": (mobilenet_v3, 5e6),
    "fbnet, at most 4 M parameters": (fbnet, 4e6),
}


def measure(seed: int) -> list[Claim]:
    torch.set_num_threads(1)
    return [_claim(name, *bounded, seed) for name, bounded in BOUNDED.items()]


def _claim(name: str, model: Callable[[], nn.Module], most: float, seed: int) -> Claim:
    """All included: reading the space, filling the table, and what is refused."""
    start = time.perf_counter()
    count = ParameterCounter(model)
    space = search_space(model).constrain(lambda architecture: count(architecture) <= most)
    rng = Random(seed)
    for _ in range(COUNT):
        space.sample_fitting(rng)
    seconds = (time.perf_counter() - start) / COUNT
    return Claim(f"draw {COUNT:,} of {name}", seconds * 1e3, LIMIT * 1e3, "limit", "ms")
