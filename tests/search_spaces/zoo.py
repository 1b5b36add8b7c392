"""Every space in a small size: what the tests of all of them build, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from random import Random
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import search_spaces
from nas_tuners import SearchSpace
from nas_tuners.contract.architecture import to_architecture
from search_spaces import MobileStage
from trial_api import search_space

CLASSES = 3
STAGES = ((4, 1, 1), (8, 2, 2))
MOBILE_STAGES = (
    MobileStage(8, (1, 2), 2, squeeze=True),
    MobileStage(12, (1, 3), activation="hardswish"),
)


IMAGES = {"in_channels": 1, "classes": CLASSES}


class Small(NamedTuple):
    """Arguments of a small network, and a batch for it."""

    arguments: dict[str, Any]
    batch: Tensor


def _of_images(**arguments: Any) -> Small:
    return Small(IMAGES | arguments, _noise(4, 1, 8, 8))


def _noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


ZOO = {
    "darts": _of_images(channels=2, cells=3),
    "enas_macro": _of_images(channels=4, layers=4),
    "enas_micro": _of_images(channels=4, cells=3, nodes=2),
    "fbnet": _of_images(stages=STAGES, last_channels=10),
    "mobilenet_v3": _of_images(stages=MOBILE_STAGES, last_channels=10, features=12),
    "nas_bench_101": _of_images(channels=8, cells=1, nodes=5),
    "nas_bench_201": _of_images(channels=4, cells=1),
    "proxyless_nas": _of_images(stages=STAGES, last_channels=10),
    "shufflenet": _of_images(stages=STAGES, last_channels=10),
    "tabular_mlp": Small(
        {"features": 5, "outputs": CLASSES, "widths": (8, 12, 16), "depth": (1, 3)}, _noise(4, 5)
    ),
    "text_nas": Small(
        {"vocabulary": 9, "classes": CLASSES, "hidden": 8, "layers": 4, "embedding": 6},
        torch.arange(28).reshape(4, 7) % 8 + 1,
    ),
    "vision_transformer": _of_images(image_size=8, widths=(16, 24), depth=(1, 3), heads=(1, 2)),
}


def builder(name: str) -> Callable[[], nn.Module]:
    """Makes the small model of a space."""
    return partial(getattr(search_spaces, name), **ZOO[name].arguments)


def batch(name: str) -> Tensor:
    return ZOO[name].batch


@cache
def space_of(name: str) -> SearchSpace:
    """The space of the small model."""
    return search_space(builder(name))


def drawn(name: str, seed: int) -> dict[str, Any]:
    """A random architecture of the small model."""
    space = space_of(name)
    return to_architecture(space, space.sample_fitting(Random(seed)))
