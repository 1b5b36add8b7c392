"""What stands in the place of a choice once it is decided."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ._arguments import set_plain
from ._input_choice import InputChoice, inputs_in_order
from ._layer_choice import LayerChoice
from ._reduction import reduce_outputs


class ChosenLayer(nn.Module):
    """The chosen layer of a choice whose output is more than that of the layer.

    The layer keeps its name, and with it its place in state dicts.
    """

    def __init__(self, choice: LayerChoice, index: int, layer: nn.Module) -> None:
        super().__init__()
        self.mask = [number == index for number in range(len(choice))]
        self.reduction = choice.reduction
        self.return_mask = choice.return_mask
        self._name = choice.names[index]
        self._modules[self._name] = layer
        self.training = choice.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        layer = self._modules[self._name]
        assert layer is not None
        output = reduce_outputs([layer(*args, **kwargs)], self.reduction)
        return (output, torch.tensor(self.mask)) if self.return_mask else output


class ChosenInputs(nn.Module):
    """The chosen inputs of an input choice."""

    chosen: list[int]
    choose_from: list[str]
    reduction: str
    return_mask: bool

    def __init__(self, choice: InputChoice, chosen: Sequence[int]) -> None:
        super().__init__()
        set_plain(
            self,
            chosen=list(chosen),
            choose_from=list(choice.choose_from),
            reduction=choice.reduction,
            return_mask=choice.return_mask,
            training=choice.training,
        )

    def forward(self, inputs: Any) -> Any:
        candidates = inputs_in_order(inputs, self.choose_from)
        output = reduce_outputs([candidates[index] for index in self.chosen], self.reduction)
        if not self.return_mask:
            return output
        # The mask stays on the host: as a buffer it would take part in DDP's broadcasts.
        mask = [number in self.chosen for number in range(len(self.choose_from))]
        return output, torch.tensor(mask)

    def extra_repr(self) -> str:
        return f"chosen={self.chosen} of {len(self.choose_from)}, reduction={self.reduction!r}"


class ChosenBlocks(nn.Sequential):
    """Blocks one after the other, each with the other arguments, too."""

    def forward(self, input: Any, *args: Any, **kwargs: Any) -> Any:
        for block in self:
            input = block(input, *args, **kwargs)
        return input


def in_turn(blocks: Sequence[nn.Module]) -> nn.Sequential:
    """The chosen blocks of a repeat, as a plain sequence unless there may be other arguments.

    No blocks may be called with any: those that would tell are perhaps never made.
    """
    takes_others = not blocks or any(map(_takes_others, blocks))
    return ChosenBlocks(*blocks) if takes_others else nn.Sequential(*blocks)


def _takes_others(block: nn.Module) -> bool:
    """Whether a block takes more than one argument."""
    try:
        parameters = inspect.signature(block.forward).parameters.values()
    except (TypeError, ValueError):  # compiled code has none
        return True
    return len(parameters) > 1 or any(one.kind is one.VAR_POSITIONAL for one in parameters)
