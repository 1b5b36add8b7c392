"""Building the chosen network of a space, against the same network written by hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from nas_tuners.contract.architecture import to_vector
from search_spaces import darts, mobilenet_v3
from trial_api import apply_fixed_architecture
from trial_api.nn.blueprint import read_blueprint

from .._claim import Claim, median_seconds, paired_medians
from ._allocations import Allocations
from ._darts_by_hand import DartsByHand, darts_architecture
from ._mobile_by_hand import EXPANSIONS, MobileByHand, mobile_architecture

REPEATS = 60
Build = Callable[[], nn.Module]


def measure(seed: int) -> list[Claim]:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    space = partial(darts, channels=36, cells=20, affine=True)
    by_hand: Build = partial(DartsByHand, 36, 20, 10)
    claims = _claims("DARTS, 20 cells", space, darts_architecture(), by_hand)
    space = partial(mobilenet_v3, expansions=EXPANSIONS)
    by_hand = partial(MobileByHand, 1000)
    return claims + _claims("MobileNetV3-Large", space, mobile_architecture(), by_hand)


def _claims(name: str, space: Build, architecture: dict[str, Any], by_hand: Build) -> list[Claim]:
    blueprint = read_blueprint(space)
    vector = to_vector(blueprint.space, architecture)

    def build() -> nn.Module:
        return blueprint.build(space, vector)

    _check_equal(build(), by_hand())
    ours, theirs = paired_medians(build, by_hand, REPEATS)
    unread = median_seconds(lambda: apply_fixed_architecture(space, architecture), 5)
    ours_bytes, their_bytes = allocated(build), allocated(by_hand)
    hand = "hand-written"
    return [
        Claim(f"{name}: build, the space known", ours * 1e3, theirs * 1e3, hand, "ms", limit=1.05),
        Claim(f"{name}: read the space and build", unread * 1e3, theirs * 1e3, hand, "ms", None),
        Claim(
            f"{name}: memory that is allocated",
            ours_bytes / 1e6,
            their_bytes / 1e6,
            hand,
            "MB",
            limit=1.05,
        ),
    ]


def allocated(build: Build) -> int:
    """The bytes of all tensors that were made, whether or not they were kept."""
    with Allocations() as allocations:
        build()
    return allocations.total


def _check_equal(one: nn.Module, other: nn.Module) -> None:
    """The same tensors in the same order, and with equal weights equal outputs."""
    state = zip(other.state_dict(), one.state_dict().values(), strict=True)
    other.load_state_dict(dict(state))
    images = torch.randn(2, 3, 64, 64)
    one.eval(), other.eval()
    with torch.no_grad():
        torch.testing.assert_close(one(images), other(images))
