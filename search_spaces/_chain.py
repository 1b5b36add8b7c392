"""Spaces of networks that are one layer after the other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from torch import nn

from trial_api import model_space


@model_space
class Chain(nn.Sequential):
    """A model space that is a sequence of layers. A part of it is a plain sequence.

    Args:
        make: Makes the layers by name; called for each architecture.
    """

    def __init__(self, make: Callable[[], OrderedDict[str, nn.Module]]) -> None:
        super().__init__(make())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return nn.Sequential(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)
