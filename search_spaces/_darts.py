"""The cell space of DARTS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import InputChoice, LayerChoice, MutableScope, model_space
from trial_api.nn import PartialChannels, decided

from ._arguments import require_sizes
from ._cell_network import CellNetwork, Place, conv_stem, places
from ._drop_path import DropPath
from ._inputs import LazyTensors, chosen_inputs
from ._operations import (
    FactorizedReduce,
    Operation,
    ReluConvBn,
    Zero,
    average_pool,
    dilated_conv,
    max_pool,
    separable_conv,
    skip_connect,
)

NODES = 4


def darts(
    channels: int = 16,
    cells: int = 8,
    classes: int = 10,
    stem_multiplier: int = 3,
    *,
    in_channels: int = 3,
    affine: bool = False,
    auxiliary: bool = False,
    drop_path: float = 0.0,
    partial_channels: int = 1,
) -> DartsNetwork:
    """The search space of DARTS, as a :class:`DartsNetwork` with the same arguments.

    The defaults are those of the paper's search on CIFAR-10. It retrains with ``channels=36,
    cells=20, affine=True, auxiliary=True`` and a drop path up to 0.2 (:func:`set_drop_path`).

    Example::

        model = darts(channels=36, cells=20, affine=True, auxiliary=True)
        apply_fixed_architecture(model, "best.json")
    """
    return DartsNetwork(
        channels,
        cells,
        classes,
        stem_multiplier,
        in_channels=in_channels,
        affine=affine,
        auxiliary=auxiliary,
        drop_path=drop_path,
        partial_channels=partial_channels,
    )


@model_space
class DartsNetwork(CellNetwork):
    """A stack of cells; all normal cells share their decisions, and all reduction cells theirs.

    Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019
    (https://arxiv.org/abs/1806.09055), section 3.1 and appendix A.1.

    The cells at one and two thirds of the depth are reduction cells: they halve the resolution and
    double the channels. Each of the 14 edges of a cell is a :class:`LayerChoice` of eight
    operations with the key ``"<normal|reduce>_n<node>_p<input>"``. Each of the 4 nodes takes two
    of its edges, by an :class:`InputChoice` with the key ``"<normal|reduce>_n<node>_switch"``. An
    edge that its node does not take is not run, and gone once an architecture is applied.

    Args:
        channels: Of the first cells, before the stem's multiplier.
        cells: How many cells; the paper searches with 8.
        classes: Of the classifier.
        stem_multiplier: Channels of the stem over ``channels``.
        in_channels: Of the images.
        affine: Whether batch normalizations in the cells scale and shift; they do in retraining,
            in search they would undo the weights of the mixture.
        auxiliary: Whether there is an auxiliary classifier; with it the network gives ``(logits,
            auxiliary logits)`` in training mode.
        drop_path: Probability of dropping an edge in training; :func:`set_drop_path` changes it.
        partial_channels: The operations of an edge work on one in so many of its channels, as in
            the search of PC-DARTS (:class:`trial_api.nn.PartialChannels`). What it finds is
            retrained without.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero, or if
            ``drop_path`` is no probability below one, or ``channels`` cannot be divided by
            ``partial_channels``.
    """

    def __init__(
        self,
        channels: int = 16,
        cells: int = 8,
        classes: int = 10,
        stem_multiplier: int = 3,
        *,
        in_channels: int = 3,
        affine: bool = False,
        auxiliary: bool = False,
        drop_path: float = 0.0,
        partial_channels: int = 1,
    ) -> None:
        require_sizes(
            "darts",
            channels=channels,
            cells=cells,
            classes=classes,
            stem_multiplier=stem_multiplier,
            in_channels=in_channels,
            partial_channels=partial_channels,
        )
        if channels % partial_channels:
            raise SearchSpaceError(
                "`channels` must be a multiple of `partial_channels`, "
                f"but got (channels={channels}, partial_channels={partial_channels})",
                "darts",
            )
        edge = partial(_edge, affine=affine, k=partial_channels)
        stem = stem_multiplier * channels
        stack = list(places(stem, channels, cells=cells, expansion=NODES))
        dropped = DropPath(drop_path)  # one for all places, as it holds nothing but the number
        super().__init__(
            conv_stem(in_channels, stem),
            [DartsCell(place, edge, affine=affine, drop_path=dropped) for place in stack],
            outputs=NODES * stack[-1].width,
            classes=classes,
            auxiliary=auxiliary,
        )


class DartsCell(MutableScope):
    """Four nodes, each the sum of operations on earlier states; concatenated at the end.

    ``choices`` holds, by their keys, the edges to each node and the switch that takes two of them.
    """

    def __init__(
        self, place: Place, edge: Callable[..., nn.Module], *, affine: bool, drop_path: DropPath
    ) -> None:
        super().__init__(place.kind)
        width = place.width
        align = FactorizedReduce if place.reduced else ReluConvBn
        self.before: nn.Module = align(place.before, width, affine=affine)
        self.last = ReluConvBn(place.last, width, affine=affine)
        self.choices = nn.ModuleDict()
        for node in range(2, 2 + NODES):
            keys, switch = self._keys(node), self._switch(node)
            chosen = decided(switch)
            for source, key in enumerate(keys):
                if chosen is None or source in chosen:
                    stride = 2 if place.reduces and source < 2 else 1
                    self.choices[key] = edge(key, width, stride=stride)
            self.choices[switch] = InputChoice(choose_from=keys, n_chosen=2, key=switch)
        self.drop_path = drop_path

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        states = [self.before(before), self.last(last)]
        for node in range(2, 2 + NODES):
            sources = zip(self._keys(node), states, strict=True)
            edges = LazyTensors({key: partial(self._edge, key, state) for key, state in sources})
            states.append(self.choices[self._switch(node)](edges))
        return torch.cat(states[2:], dim=1)

    def unused_submodules(self) -> Iterator[str]:
        """The edges that the applied architecture leaves out."""
        for node in range(2, 2 + NODES):
            chosen = chosen_inputs(self.choices[self._switch(node)])
            for source, key in enumerate(self._keys(node)):
                if source not in chosen:
                    yield f"choices.{key}"

    def _edge(self, key: str, state: Tensor) -> Tensor:
        result: Tensor = self.drop_path(self.choices[key], state)
        return result

    def _switch(self, node: int) -> str:
        return f"{self.key}_n{node}_switch"

    def _keys(self, node: int) -> list[str]:
        """Of the edges to a node."""
        return [f"{self.key}_n{node}_p{source}" for source in range(node)]


def _edge(key: str, width: int, *, stride: int, affine: bool, k: int) -> nn.Module:
    choice = LayerChoice(_operations(width // k, stride=stride, affine=affine), key=key)
    return choice if k == 1 else PartialChannels(choice, k, stride=stride)


def _operations(width: int, *, stride: int, affine: bool) -> dict[str, Operation]:
    return {
        "none": partial(Zero, width, stride),
        "max_pool_3x3": partial(_normalized, max_pool, stride, width),
        "avg_pool_3x3": partial(_normalized, average_pool, stride, width),
        "skip_connect": partial(skip_connect, width, width, stride, affine=affine),
        "sep_conv_3x3": partial(separable_conv, width, width, 3, stride, affine=affine),
        "sep_conv_5x5": partial(separable_conv, width, width, 5, stride, affine=affine),
        "dil_conv_3x3": partial(dilated_conv, width, width, 3, stride, affine=affine),
        "dil_conv_5x5": partial(dilated_conv, width, width, 5, stride, affine=affine),
    }


def _normalized(pool: Callable[[int], nn.Module], stride: int, width: int) -> nn.Sequential:
    """A pool never scales, so that the convolutions beside it have no advantage of scale."""
    return nn.Sequential(pool(stride), nn.BatchNorm2d(width, affine=False))
