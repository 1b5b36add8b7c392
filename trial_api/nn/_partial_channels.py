"""A layer on a part of the channels; the others go around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError


class PartialChannels(nn.Module):
    """Runs a layer on the first 1/k of the channels, beside which the others pass unchanged.

    Xu et al.: PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search,
    ICLR 2020 (https://arxiv.org/abs/1907.05737), section 3.2. Around the :class:`LayerChoice` of
    an edge it makes a supernet about k times smaller. The candidates are built for 1/k of the
    channels; in the network that is trained in the end they have all, under the same key.

    The channels are shuffled afterwards, so that the next edge works on others. Where the layer
    has a stride, the channels beside it are max-pooled.

    Args:
        layer: From ``channels / k`` to as many channels.
        k: The paper has 4; with 1 this is the layer alone.
        stride: Of the layer; its output has ``ceil(size / stride)`` of each size.

    Shape:
        (n, channels, height, width) to (n, channels, height / stride, width / stride).

    Raises:
        SearchSpaceError: if ``k`` or ``stride`` is no whole number above zero; when it runs, if
            the channels cannot be divided by ``k``.

    Example::

        def edge(channels, k=1):  # k=4 in search, 1 in retraining
            candidates = [conv3x3(channels // k), conv5x5(channels // k)]
            return PartialChannels(LayerChoice(candidates, key="edge"), k)
    """

    def __init__(self, layer: nn.Module, k: int = 4, *, stride: int = 1) -> None:
        super().__init__()
        for name, value in (("k", k), ("stride", stride)):
            if not isinstance(value, int) or value < 1:
                raise SearchSpaceError(
                    f"`{name}` must be a whole number > 0, but got {value!r}", "PartialChannels"
                )
        self.layer = layer
        self.k = k
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.k == 1:
            whole: Tensor = self.layer(x)
            return whole
        channels = x.shape[1]
        if channels % self.k:
            raise SearchSpaceError(
                f"an input of {channels} channels cannot be divided by k={self.k}",
                "PartialChannels",
            )
        part, rest = torch.split(x, [channels // self.k, channels - channels // self.k], dim=1)
        if self.stride > 1:
            rest = nn.functional.max_pool2d(rest, self.stride, ceil_mode=True)
        return nn.functional.channel_shuffle(torch.cat([self.layer(part), rest], dim=1), self.k)

    def extra_repr(self) -> str:
        return f"k={self.k}, stride={self.stride}"
