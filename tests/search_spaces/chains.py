"""What the tests of chain-structured spaces share: tiny shapes, sampling, counting."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import search_spaces
from nas_tuners.contract.architecture import to_architecture
from search_spaces import Stage
from trial_api import apply_fixed_architecture, search_space
from trial_api.mutators import SoftmaxMutator

Build = Callable[..., nn.Module]

TINY: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "small image": (
        {"in_channels": 1, "stages": [Stage(6, 2), Stage(8, 2, 2)], "stem_stride": 1},
        (3, 1, 8, 8),
    ),
    "odd channels and stride": (
        {"in_channels": 2, "stages": [Stage(5, 2), (7, 1, 3)], "stem_channels": 3},
        (3, 2, 28, 28),
    ),
    "narrower": (
        {"in_channels": 1, "stages": [Stage(9, 1, 2), (4, 2)], "stem_channels": 5},
        (2, 1, 9, 7),
    ),
    "down to a pixel": (
        {"in_channels": 3, "stages": [Stage(4, 2, 2)] * 3, "stem_channels": 4},
        (3, 3, 8, 8),
    ),
}
"""Arguments of a network, and the shape of its input."""


def tiny(build: Build, name: str) -> nn.Module:
    torch.manual_seed(0)
    return build(classes=3, last_channels=10, **TINY[name][0]).double()


def tiny_images(name: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(TINY[name][1], generator=generator, dtype=torch.float64)


def sampled(model: nn.Module, seed: int) -> nn.Module:
    """The network of a random architecture."""
    space = search_space(model)
    return apply_fixed_architecture(model, to_architecture(space, space.sample(Random(seed))))


def names(text: str) -> list[str]:
    """Candidates as they stand in a text, a stage a line."""
    return text.split()


def of(model: nn.Module, architecture: Sequence[str | int]) -> nn.Module:
    """The network of the candidates in order of the keys."""
    keys = search_space(model).specs
    return apply_fixed_architecture(model, dict(zip(keys, architecture, strict=True)))


def published(build: Build, architecture: Sequence[str | int], **arguments: Any) -> nn.Module:
    """A network for ImageNet that takes no memory."""
    with torch.device("meta"):
        return of(build(**arguments), architecture).eval()


def multiply_adds(network: nn.Module) -> float:
    """Of an image of ImageNet, in millions."""
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, 3, 224, 224, device="meta"))
    return counter.get_total_flops() / 2e6


def stage_shapes(network: nn.Module, ends: Sequence[int]) -> list[tuple[int, ...]]:
    """Channels, height and width after the blocks at these positions."""
    shapes: list[tuple[int, ...]] = []
    for end in ends:
        block = network.get_submodule(f"blocks.{end}")
        block.register_forward_hook(lambda *call: shapes.append(tuple(call[2].shape[1:])))
    network(torch.empty(2, 3, 224, 224, device="meta"))
    return shapes


def saved_space(name: str) -> str:
    return (Path(search_spaces.__path__[0]) / f"{name}.json").read_text(encoding="utf-8")


def check_training_step(network: nn.Module, images: torch.Tensor) -> None:
    """Finite logits of the right shape, and a finite gradient for every parameter."""
    logits = network(images)
    assert logits.shape == (len(images), 3)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def check_mixture(model: nn.Module, images: torch.Tensor) -> None:
    """All candidates at once: they agree in shape, and all of them learn."""
    mutator = SoftmaxMutator(model)
    mutator.reset()
    check_training_step(model, images)
    mutator.remove()


def check_copies(model: nn.Module, images: torch.Tensor) -> None:
    """Copies of the supernet and of its network are the same space and the same function."""
    network = sampled(copy.deepcopy(model), seed=5).eval()
    for again in (copy.deepcopy, lambda original: pickle.loads(pickle.dumps(original))):
        assert search_space(again(model)).dumps() == search_space(model).dumps()
        assert torch.equal(sampled(again(model), seed=5).eval()(images), network(images))
        assert torch.equal(again(network)(images), network(images))
