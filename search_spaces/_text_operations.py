"""The operations that :func:`search_spaces.text_nas` chooses from.

All take features (n, length, hidden), zero where there is padding, and which tokens are real
(n, length), and give features. What they give for real tokens does not depend on the padding,
which comes after them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn


class TokenConv(nn.Module):
    """A convolution over neighbouring tokens, and its activation."""

    def __init__(self, kernel: int, hidden: int, _heads: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        output: Tensor = torch.relu(self.conv(x.transpose(1, 2)).transpose(1, 2))
        return output


class TokenAverage(nn.Module):
    """The mean of three neighbouring tokens, of those that there are."""

    def __init__(self, _hidden: int, _heads: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool1d(3, stride=1, padding=1)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        share = self.pool(real.to(x.dtype).unsqueeze(1)).transpose(1, 2)
        total = self.pool(x.transpose(1, 2)).transpose(1, 2)
        mean: Tensor = total / share.clamp(min=1 / 3)
        return mean


class TokenMaximum(nn.Module):
    """The maximum of three neighbouring tokens, of those that there are."""

    def __init__(self, _hidden: int, _heads: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool1d(3, stride=1, padding=1)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        lowest = torch.finfo(x.dtype).min
        hidden = x.masked_fill(~real.unsqueeze(2), lowest)
        highest: Tensor = self.pool(hidden.transpose(1, 2)).transpose(1, 2)
        return real_only(highest, real)


class TokenRecurrence(nn.Module):
    """A GRU from the beginning and one from the end of a text, half of the features each."""

    def __init__(self, hidden: int, _heads: int) -> None:
        super().__init__()
        self.forwards = nn.GRU(hidden, hidden // 2, batch_first=True)
        self.backwards = nn.GRU(hidden, hidden // 2, batch_first=True)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        onward, _ = self.forwards(x)
        backward, _ = self.backwards(_reversed(x, real))
        return torch.cat([onward, _reversed(backward, real)], dim=2)


class TokenAttention(nn.Module):
    """Each token looks at all real ones."""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(hidden, heads, batch_first=True)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        output, _ = self.attention(x, x, x, key_padding_mask=~real, need_weights=False)
        attended: Tensor = output
        return attended


TEXT_OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "conv_1": partial(TokenConv, 1),
    "conv_3": partial(TokenConv, 3),
    "conv_5": partial(TokenConv, 5),
    "conv_7": partial(TokenConv, 7),
    "avg_pool_3": TokenAverage,
    "max_pool_3": TokenMaximum,
    "gru": TokenRecurrence,
    "attention": TokenAttention,
}
"""Name -> a function of the number of features and of heads."""


def real_only(x: Tensor, real: Tensor) -> Tensor:
    """Features with zeros where there is padding."""
    return x.masked_fill(~real.unsqueeze(2), 0.0)


def _reversed(x: Tensor, real: Tensor) -> Tensor:
    """Texts from their last to their first token; behind them stands anything."""
    ahead = real.sum(dim=1, keepdim=True) - real.cumsum(dim=1)
    return x.gather(1, ahead.unsqueeze(2).expand_as(x))
