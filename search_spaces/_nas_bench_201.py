"""The cell space of NAS-Bench-201."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import partial

from torch import Tensor, nn

from trial_api import LayerChoice, MutableScope

from ._arguments import require_sizes
from ._cell_network import conv_stem
from ._chain import Chain
from ._operations import Operation, ReluConvBn, Zero, average_pool, skip_connect

EDGES = ("0->1", "0->2", "1->2", "0->3", "1->3", "2->3")


def nas_bench_201(
    channels: int = 16,
    cells: int = 5,
    classes: int = 10,
    *,
    in_channels: int = 3,
    affine: bool = True,
) -> nn.Sequential:
    """The space of NAS-Bench-201, whose architectures were all trained and published.

    Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search,
    ICLR 2020 (https://arxiv.org/abs/2001.00326), section 2.1.

    Three stages of cells with residual blocks between them, which halve the resolution and double
    the channels. All cells share their decisions: one of five operations for each of the six edges
    between four nodes, a :class:`LayerChoice` with the key ``"<from>-><to>"``. A node is the sum
    of its edges. An operation whose output goes nowhere stays, as in the published counts of
    parameters. The defaults are the published networks for CIFAR-10.

    Args:
        channels: Of the first stage.
        cells: Of each stage.
        classes: Of the classifier.
        in_channels: Of the images.
        affine: Whether batch normalizations in the cells scale and shift; published searches with
            shared weights set it to False.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero.

    Example::

        model = get_and_apply_next_architecture(nas_bench_201())
    """
    require_sizes(
        "nas_bench_201", channels=channels, cells=cells, classes=classes, in_channels=in_channels
    )
    return Chain(
        partial(_layers, channels, cells, classes=classes, in_channels=in_channels, affine=affine)
    )


class NasBench201Cell(MutableScope):
    """Four nodes with an operation between each two; the last node is the output.

    Args:
        inputs: Channels of the input.
        outputs: Channels of all other nodes.
        stride: Of the edges from the input.
        affine: Whether batch normalizations scale and shift.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1, *, affine: bool = True) -> None:
        super().__init__("cell")
        self.edges = nn.ModuleDict()
        for edge in EDGES:
            if edge.startswith("0"):
                operations = _operations(inputs, outputs, stride, affine=affine)
            else:
                operations = _operations(outputs, outputs, 1, affine=affine)
            self.edges[edge] = LayerChoice(operations, key=edge)

    def forward(self, x: Tensor) -> Tensor:
        nodes = [x]
        for node in range(1, 4):
            results = [self.edges[f"{source}->{node}"](nodes[source]) for source in range(node)]
            total = results[0]
            for result in results[1:]:
                total = total + result
            nodes.append(total)
        return nodes[-1]


class _ResidualBlock(nn.Module):
    """Half the resolution by two convolutions, beside a pooled and projected input."""

    def __init__(self, inputs: int, outputs: int, *, affine: bool) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            ReluConvBn(inputs, outputs, 3, stride=2, affine=affine),
            ReluConvBn(outputs, outputs, 3, affine=affine),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),  # as the strided convolution rounds
            nn.Conv2d(inputs, outputs, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.shortcut(x) + self.convs(x)
        return result


def _layers(
    channels: int, cells: int, *, classes: int, in_channels: int, affine: bool
) -> OrderedDict[str, nn.Module]:
    last = 4 * channels
    layers = [
        conv_stem(in_channels, channels),
        *_stages(channels, cells, affine=affine),
        nn.Sequential(nn.BatchNorm2d(last), nn.ReLU()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(last, classes),
    ]
    return OrderedDict((str(number), layer) for number, layer in enumerate(layers))


def _stages(channels: int, cells: int, *, affine: bool) -> Iterator[nn.Module]:
    for stage in range(3):
        width = channels * 2**stage
        if stage:
            yield _ResidualBlock(width // 2, width, affine=affine)
        for _ in range(cells):
            yield NasBench201Cell(width, width, affine=affine)


def _operations(inputs: int, outputs: int, stride: int, *, affine: bool) -> dict[str, Operation]:
    return {
        "none": partial(Zero, outputs, stride),
        "skip_connect": partial(skip_connect, inputs, outputs, stride, affine=affine),
        "nor_conv_1x1": partial(ReluConvBn, inputs, outputs, 1, stride, affine=affine),
        "nor_conv_3x3": partial(ReluConvBn, inputs, outputs, 3, stride, affine=affine),
        "avg_pool_3x3": partial(_pool, inputs, outputs, stride, affine=affine),
    }


def _pool(inputs: int, outputs: int, stride: int, *, affine: bool) -> nn.Module:
    """Channels are changed before the pool."""
    if inputs == outputs:
        return average_pool(stride)
    return nn.Sequential(ReluConvBn(inputs, outputs, affine=affine), average_pool(stride))
