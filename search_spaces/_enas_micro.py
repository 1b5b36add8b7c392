"""The cell space of ENAS (its "micro" space)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice, MutableScope, model_space

from ._arguments import require_sizes
from ._cell_network import CellNetwork, Place, conv_stem, places
from ._drop_path import DropPath
from ._inputs import chosen_inputs
from ._operations import (
    FactorizedReduce,
    Operation,
    ReluConvBn,
    average_pool,
    max_pool,
    separable_conv,
)

INPUTS = 2


def enas_micro(
    channels: int = 20,
    cells: int = 8,
    classes: int = 10,
    stem_multiplier: int = 3,
    *,
    nodes: int = 5,
    in_channels: int = 3,
    affine: bool = True,
    auxiliary: bool = False,
    drop_path: float = 0.0,
) -> EnasMicroNetwork:
    """The cell space of ENAS.

    Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML
    2018 (https://arxiv.org/abs/1802.03268), section 2.4.

    A stack of cells; those at one and two thirds of the depth are reduction cells. All normal
    cells share their decisions, and all reduction cells theirs. A node adds two operations, each
    on the output of one of the cells before or of an earlier node of its cell: two
    :class:`InputChoice` with the keys ``"<normal|reduce>_node<i>_<x|y>_input"`` and two
    :class:`LayerChoice` of five operations with the keys ``"..._<x|y>_op"``. What no node takes as
    its input is concatenated and projected, which gives the output of the cell.

    Args:
        channels: Of the first cells.
        cells: How many cells, reduction cells included.
        classes: Of the classifier.
        stem_multiplier: Channels of the stem over ``channels``.
        nodes: Of a cell, besides its two inputs.
        in_channels: Of the images.
        affine: Whether batch normalizations in the cells scale and shift.
        auxiliary: Whether there is an auxiliary classifier; with it the network gives ``(logits,
            auxiliary logits)`` in training mode.
        drop_path: Probability of dropping an operation in training; :func:`set_drop_path` changes
            it.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero, or if
            ``drop_path`` is no probability below one.

    Example::

        model = get_and_apply_next_architecture(enas_micro(channels=36, auxiliary=True))
    """
    require_sizes(
        "enas_micro",
        channels=channels,
        cells=cells,
        classes=classes,
        stem_multiplier=stem_multiplier,
        nodes=nodes,
        in_channels=in_channels,
    )
    return EnasMicroNetwork(
        channels,
        cells,
        classes,
        stem_multiplier,
        nodes=nodes,
        in_channels=in_channels,
        affine=affine,
        auxiliary=auxiliary,
        drop_path=drop_path,
    )


@model_space
class EnasMicroNetwork(CellNetwork):
    """The stack of cells; see :func:`enas_micro`."""

    def __init__(
        self,
        channels: int,
        cells: int,
        classes: int,
        stem_multiplier: int,
        *,
        nodes: int,
        in_channels: int,
        affine: bool,
        auxiliary: bool,
        drop_path: float,
    ) -> None:
        stem = stem_multiplier * channels
        stack = list(places(stem, channels, cells=cells, expansion=1))
        super().__init__(
            conv_stem(in_channels, stem),
            [EnasCell(place, nodes=nodes, affine=affine, drop_path=drop_path) for place in stack],
            outputs=stack[-1].width,
            classes=classes,
            auxiliary=auxiliary,
        )


class EnasCell(MutableScope):
    """Nodes, each on two of the earlier states; the loose ends make the output.

    The two inputs are states too: brought to the cell's width and resolution first.
    """

    def __init__(self, place: Place, *, nodes: int, affine: bool, drop_path: float) -> None:
        super().__init__(place.kind)
        width = place.width
        self.before = _aligned(
            place.before, width, halvings=place.reduces + place.reduced, affine=affine
        )
        self.last = _aligned(place.last, width, halvings=int(place.reduces), affine=affine)
        names = [f"{place.kind}_before", f"{place.kind}_last"]
        self.nodes = nn.ModuleList()
        for number in range(nodes):
            key = f"{place.kind}_node{number}"
            self.nodes.append(EnasNode(key, names, width, affine=affine, drop_path=drop_path))
            names = [*names, key]
        self.output = LooseEnds(width, states=INPUTS + nodes, affine=affine)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.before(before), self.last(last)]
        taken: set[int] = set()
        for node in self.nodes:
            state, inputs = node(states)
            states.append(state)
            taken |= inputs
        loose = [index for index in range(len(states)) if index not in taken]
        output: Tensor = self.output(states, loose)
        return output


class EnasNode(MutableScope):
    """The sum of two operations, each on a chosen state.

    Its ``forward`` gives the sum and the positions of the states that it takes.
    """

    def __init__(
        self, key: str, names: Sequence[str], width: int, *, affine: bool, drop_path: float
    ) -> None:
        super().__init__(key)
        self.x_input = _one_of(names, f"{key}_x_input")
        self.y_input = _one_of(names, f"{key}_y_input")
        self.x_op = LayerChoice(_operations(width, affine=affine), key=f"{key}_x_op")
        self.y_op = LayerChoice(_operations(width, affine=affine), key=f"{key}_y_op")
        self.drop_path = DropPath(drop_path)

    def forward(self, states: list[Tensor]) -> tuple[Tensor, set[int]]:
        x, x_mask = self.x_input(states)
        y, y_mask = self.y_input(states)
        total = self.drop_path(self.x_op, x) + self.drop_path(self.y_op, y)
        return total, {*_taken(self.x_input, x_mask), *_taken(self.y_input, y_mask)}


class LooseEnds(nn.Module):
    """Concatenates some of the states and projects them to the width of one.

    It has the weights for all states, and uses those of the states that it gets.
    """

    def __init__(self, width: int, *, states: int, affine: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, states * width, 1, 1))
        nn.init.kaiming_normal_(self.weight)
        self.norm = nn.BatchNorm2d(width, affine=affine)

    def forward(self, states: Sequence[Tensor], loose: Sequence[int]) -> Tensor:
        parts = self.weight.chunk(len(states), dim=1)
        weight = torch.cat([parts[index] for index in loose], dim=1)
        x = torch.cat([states[index] for index in loose], dim=1)
        output: Tensor = self.norm(nn.functional.conv2d(torch.relu(x), weight))
        return output


def _one_of(names: Sequence[str], key: str) -> InputChoice:
    return InputChoice(choose_from=list(names), n_chosen=1, return_mask=True, key=key)


def _taken(choice: nn.Module, mask: Tensor) -> list[int]:
    """The positions that a choice takes.

    An applied one knows them, without looking into a tensor, which could not be compiled. Weights
    take none: in a mixture every state is an input a little, and all are loose ends. So their
    values, which may be on a GPU, are not looked at.
    """
    if not isinstance(choice, InputChoice):
        return chosen_inputs(choice)
    if mask.dtype != torch.bool:
        return []
    return [index for index, chosen in enumerate(mask.tolist()) if chosen]


def _aligned(inputs: int, width: int, *, halvings: int, affine: bool) -> nn.Module:
    """To the width, and to the resolution by halving it so many times."""
    if not halvings:
        return ReluConvBn(inputs, width, affine=affine)
    channels = [inputs] + [width] * halvings
    return nn.Sequential(
        *[FactorizedReduce(channels[i], width, affine=affine) for i in range(halvings)]
    )


def _operations(width: int, *, affine: bool) -> dict[str, Operation]:
    return {
        "sep_conv_3x3": partial(separable_conv, width, width, 3, 1, affine=affine),
        "sep_conv_5x5": partial(separable_conv, width, width, 5, 1, affine=affine),
        "avg_pool_3x3": partial(average_pool, 1),
        "max_pool_3x3": partial(max_pool, 1),
        "identity": nn.Identity,
    }
