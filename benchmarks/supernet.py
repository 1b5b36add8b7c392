"""Reading the search space of a DARTS-sized supernet, and applying an architecture to it."""

from __future__ import annotations

import copy
from random import Random

from nas_tuners.contract.architecture import to_architecture
from search_spaces import DartsNetwork
from trial_api import apply_fixed_architecture, search_space

from ._claim import Claim, median_seconds


def measure(seed: int) -> list[Claim]:
    network = DartsNetwork(cells=8)
    modules = sum(1 for _ in network.modules())
    space = search_space(network)
    architecture = to_architecture(space, space.sample(Random(seed)))
    copies = [copy.deepcopy(network) for _ in range(9)]
    size = f"{modules:,} modules, {len(space.specs)} keys"
    read = median_seconds(lambda: search_space(network), 9)
    apply = median_seconds(lambda: apply_fixed_architecture(copies.pop(), architecture), 9)
    return [
        Claim(f"read the space of {size}", read * 1e3, 50.0, "limit", "ms"),
        Claim(f"apply an architecture to {size}", apply * 1e3, 100.0, "limit", "ms"),
    ]
