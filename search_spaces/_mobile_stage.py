"""The stages that the space of MobileNetV3 is built from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError, did_you_mean

from ._arguments import is_size

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "hardswish": nn.Hardswish}


class MobileStage(NamedTuple):
    """Blocks of one width, of which the first has the stride.

    Attributes:
        channels: That the blocks give.
        depth: The least and the largest number of blocks.
        stride: Of the first block.
        squeeze: Whether the blocks weigh their channels (squeeze and excite).
        activation: ``"relu"`` or ``"hardswish"``.
    """

    channels: int
    depth: tuple[int, int]
    stride: int = 1
    squeeze: bool = False
    activation: str = "relu"


FIRST = MobileStage(16, (1, 1))
STAGES = (
    MobileStage(24, (2, 4), 2),
    MobileStage(40, (2, 4), 2, squeeze=True),
    MobileStage(80, (2, 4), 2, activation="hardswish"),
    MobileStage(112, (2, 4), 1, squeeze=True, activation="hardswish"),
    MobileStage(160, (2, 4), 2, squeeze=True, activation="hardswish"),
)
"""Those of MobileNetV3-Large: table 1 of the paper."""


def require_choices(
    first: MobileStage,
    stages: Sequence[MobileStage],
    kernels: Sequence[int],
    expansions: Sequence[float],
) -> None:
    """Stages and candidates of the right kind.

    Raises:
        SearchSpaceError: with everything that is wrong.
    """
    problems = [*_wrong_stage("first", first), *_wrong_candidates(kernels, expansions)]
    if not stages:
        problems.append(Problem("stages", "must hold at least one MobileStage, but got none"))
    for number, stage in enumerate(stages):
        problems += _wrong_stage(f"stages[{number}]", stage)
    if problems:
        raise SearchSpaceError(problems, "mobilenet_v3")


def _wrong_stage(name: str, stage: object) -> Iterator[Problem]:
    if not isinstance(stage, MobileStage):
        yield Problem(name, f"must be a MobileStage(channels, depth, ...), but got {stage!r}")
        return
    for part, size in (("channels", stage.channels), ("stride", stage.stride)):
        if not is_size(size):
            yield Problem(f"{name}.{part}", f"must be a whole number > 0, but got {size!r}")
    if not _is_depth(stage.depth):
        yield Problem(
            f"{name}.depth",
            f"must be (least, most) with 1 <= least <= most, but got {stage.depth!r}",
        )
    if stage.activation not in ACTIVATIONS:
        known = ", ".join(map(repr, ACTIVATIONS))
        hint = did_you_mean(str(stage.activation), ACTIVATIONS)
        yield Problem(
            f"{name}.activation", f"must be one of {known}, but got {stage.activation!r}{hint}"
        )


def _is_depth(depth: object) -> bool:
    if not isinstance(depth, (tuple, list)) or len(depth) != 2:
        return False
    least, most = depth
    return is_size(least) and is_size(most) and bool(least <= most)


def _wrong_candidates(kernels: Sequence[int], expansions: Sequence[float]) -> Iterator[Problem]:
    if not all(is_size(kernel) and kernel % 2 for kernel in kernels):
        yield Problem("kernels", f"must be odd numbers > 0, but got {list(kernels)}")
    if not all(expansion > 0 for expansion in expansions):
        yield Problem("expansions", f"must be above 0, but got {list(expansions)}")
