"""What the chain-structured spaces share: stages of blocks, and the layers of the blocks.

The inverted residual is that of Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted
Residuals and Linear Bottlenecks, CVPR 2018 (https://arxiv.org/abs/1801.04381), section 3.4; the
channel shuffle that of Zhang, Zhou, Lin, Sun: ShuffleNet, CVPR 2018
(https://arxiv.org/abs/1707.01083), section 3.1.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ._arguments import require_probability, require_sizes


class Stage(NamedTuple):
    """Blocks of one width. The first block has the stride and changes the number of channels."""

    channels: int
    blocks: int
    stride: int = 1


class Place(NamedTuple):
    """Where a block stands, and the shapes that it has to fit."""

    key: str
    inputs: int
    outputs: int
    stride: int

    @property
    def keeps_shape(self) -> bool:
        return self.stride == 1 and self.inputs == self.outputs


class Residual(nn.Module):
    """A layer with a connection around it."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.layer(x)
        return result


class ChannelShuffle(nn.Module):
    """Channels of all groups in turn, so that the next grouped convolution sees them all."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        n, channels, *size = x.shape
        grouped = x.reshape(n, self.groups, channels // self.groups, *size)
        return grouped.transpose(1, 2).flatten(1, 2)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = None,
) -> nn.Sequential:
    """A convolution without bias that keeps the size (over the stride), batch norm, activation."""
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    layers = [conv, nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


def depthwise(
    channels: int, kernel: int, *, stride: int = 1, activation: type[nn.Module] | None = None
) -> nn.Sequential:
    """A convolution of each channel by itself, batch norm, activation."""
    return conv_bn(
        channels, channels, kernel, stride=stride, groups=channels, activation=activation
    )


def inverted_residual(
    place: Place,
    *,
    kernel: int,
    expansion: int,
    activation: type[nn.Module],
    groups: int = 1,
    expand_always: bool = True,
) -> nn.Sequential:
    """The layers of an inverted residual, without the connection around them.

    Args:
        place: Gives channels and stride.
        kernel: Of the depthwise convolution.
        expansion: Inner channels over input channels.
        activation: After the first two convolutions; the last one is linear.
        groups: Of both 1x1 convolutions, with a channel shuffle after the first.
        expand_always: Whether the first 1x1 convolution is there with an expansion of 1 too.
    """
    inner = place.inputs * expansion
    layers: list[nn.Module] = []
    if expand_always or expansion > 1:
        layers.append(conv_bn(place.inputs, inner, groups=groups, activation=activation))
    if groups > 1:
        layers.append(ChannelShuffle(groups))
    layers.append(depthwise(inner, kernel, stride=place.stride, activation=activation))
    layers.append(conv_bn(inner, place.outputs, groups=groups))
    return nn.Sequential(*layers)


def places(stages: Iterable[Stage], inputs: int) -> Iterator[Place]:
    """The places of all blocks in order, with keys such as ``"stage2_block1"``."""
    for number, stage in enumerate(stages, 1):
        for block in range(1, stage.blocks + 1):
            stride = stage.stride if block == 1 else 1
            yield Place(f"stage{number}_block{block}", inputs, stage.channels, stride)
            inputs = stage.channels


def classifier_chain(
    stem: nn.Module, blocks: Iterable[nn.Module], last: nn.Module, head: nn.Linear, dropout: float
) -> OrderedDict[str, nn.Module]:
    """The whole network: convolutions, the mean over the image, a linear classifier.

    Raises:
        SearchSpaceError: if ``dropout`` is no probability below one.
    """
    require_probability("dropout", dropout)
    return OrderedDict(
        stem=stem,
        blocks=nn.Sequential(*blocks),
        last=last,
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dropout=nn.Dropout(dropout),
        classifier=head,
    )


def read_stages(space: str, stages: Iterable[Sequence[int]], **sizes: int) -> list[Stage]:
    """The stages that a space is built from, checked together with its other sizes.

    Raises:
        SearchSpaceError: with every stage of another form, or every size that is not positive.
    """
    given = list(stages)
    problems = [
        Problem(
            f"stages[{number}]", f"must be Stage(channels, blocks, stride), but got {values!r}"
        )
        for number, values in enumerate(given)
        if not isinstance(values, (tuple, list)) or len(values) not in (2, 3)
    ]
    if not given:
        problems = [Problem("stages", "must hold at least one Stage, but got none")]
    if problems:
        raise SearchSpaceError(problems, space)
    read = [Stage(*values) for values in given]
    for number, stage in enumerate(read):
        sizes |= {f"stages[{number}].{name}": size for name, size in stage._asdict().items()}
    require_sizes(space, **sizes)
    return read
