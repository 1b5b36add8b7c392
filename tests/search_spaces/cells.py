"""What the tests of cell-based spaces share: tiny networks, sampling, images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import to_architecture
from search_spaces import darts, enas_macro, enas_micro, nas_bench_201
from trial_api import apply_fixed_architecture, search_space

BUILD: dict[str, Callable[..., nn.Module]] = {
    "darts": darts,
    "enas_macro": enas_macro,
    "enas_micro": enas_micro,
    "nas_bench_201": nas_bench_201,
}

TINY: dict[str, list[dict[str, Any]]] = {
    "darts": [
        {"channels": 4, "cells": 3},
        {"channels": 3, "cells": 5, "affine": True, "stem_multiplier": 1},
        {"channels": 1, "cells": 1},
        {"channels": 2, "cells": 2},
    ],
    "enas_macro": [
        {"channels": 4, "layers": 6},
        {"channels": 3, "layers": 4},
        {"channels": 1, "layers": 1},
        {"channels": 2, "layers": 2},
    ],
    "enas_micro": [
        {"channels": 4, "cells": 3},
        {"channels": 3, "cells": 5, "affine": False, "stem_multiplier": 1},
        {"channels": 1, "cells": 1, "nodes": 1},
        {"channels": 2, "cells": 2, "nodes": 7},
    ],
    "nas_bench_201": [
        {"channels": 4, "cells": 1},
        {"channels": 3, "cells": 2, "affine": False},
        {"channels": 1, "cells": 1},
    ],
}
"""Arguments of small networks of each space."""

SHAPES = [(3, 1, 8, 8), (2, 2, 13, 9)]
"""Batches of images: also with odd sizes that are no squares."""

CASES = [
    (space, number, shape)
    for space, networks in TINY.items()
    for number in range(len(networks))
    for shape in SHAPES
]


def tiny(space: str, number: int = 0, *, in_channels: int = 1, **more: Any) -> nn.Module:
    """A small supernet with three classes."""
    torch.manual_seed(0)
    arguments = {**TINY[space][number], **more}
    return BUILD[space](classes=3, in_channels=in_channels, **arguments).double()


def images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(shape or SHAPES[0], generator=generator, dtype=torch.float64)


def sample(model: nn.Module, seed: int) -> dict[str, Any]:
    """A random architecture."""
    space = search_space(model)
    return to_architecture(space, space.sample(Random(seed)))


def connected(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """The architecture with identities in place of missing connections."""
    return {
        key: "skip_connect" if chosen == "none" else chosen for key, chosen in architecture.items()
    }


def sampled(model: nn.Module, seed: int) -> nn.Module:
    """The network of a random architecture without missing connections."""
    return apply_fixed_architecture(model, connected(sample(model, seed)))
