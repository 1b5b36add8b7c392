"""Seeds, and the random states of this process: Python's, NumPy's and torch's."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed_of(seed: int, name: str, number: int) -> int:
    """A seed for one of several uses of one seed."""
    digest = hashlib.sha256(f"{seed}:{name}:{number}".encode()).digest()
    return int.from_bytes(digest[:7], "big")


def generators_of(loader: object) -> list[torch.Generator]:
    """Those that a loader of batches and its samplers were given."""
    sampler, of_batches = getattr(loader, "sampler", None), getattr(loader, "batch_sampler", None)
    inner = getattr(of_batches, "sampler", None)
    owners = [loader, sampler, of_batches, None if inner is sampler else inner]
    found = [getattr(owner, "generator", None) for owner in owners]
    return [generator for generator in found if isinstance(generator, torch.Generator)]


def seed_all(seed: int) -> None:
    """Let Python, NumPy and torch draw what follows from a seed."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """All states, as numbers, strings and tensors."""
    state: Any = np.random.get_state(legacy=True)
    name, keys, position, has_gauss, gauss = state
    return {
        "python": random.getstate(),
        "numpy": [str(name), torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    version, inner, gauss_next = state["python"]
    random.setstate((version, tuple(inner), gauss_next))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"][: torch.cuda.device_count()])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers of a seed; afterwards those that would have come anyway."""
    state = random_state()
    seed_all(seed)
    try:
        yield
    finally:
        set_random_state(state)
