"""A space of networks for tables: multilayer perceptrons, with or without shortcuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError
from trial_api import Activation, LayerChoice, Repeat, ValueChoice, model_space

from ._arguments import is_size, require_probability, require_sizes

ACTIVATIONS = ("relu", "gelu", "silu", "tanh")


def tabular_mlp(
    features: int = 8,
    outputs: int = 1,
    *,
    widths: Sequence[int] = (64, 128, 256, 512),
    depth: tuple[int, int] = (1, 4),
    dropouts: Sequence[float] = (0.0, 0.1, 0.25, 0.5),
) -> TabularMlp:
    """A space of networks for tables, as a :class:`TabularMlp` with the same arguments.

    Example::

        model = get_and_apply_next_architecture(tabular_mlp(features=13, outputs=3))
    """
    return TabularMlp(features, outputs, widths=widths, depth=depth, dropouts=dropouts)


@model_space
class TabularMlp(nn.Module):
    """Pairs of linear layers, one after the other or each with a shortcut around it.

    It holds multilayer perceptrons, and networks like the ResNet of Gorishniy, Rubachev, Khrulkov,
    Babenko: Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021
    (https://arxiv.org/abs/2106.11959), sections 3.2 and 3.3.

    Chosen once for the whole network: the width between blocks (``"width"``), how many blocks
    there are (``"depth"``), ``"dropout"``, ``"normalization"``, ``"activation"`` and the
    ``"shortcut"``; and of each block the width inside (``"block<i>_width"``).

    Args:
        features: Columns of the table, categories encoded as numbers.
        outputs: What is predicted: classes, or numbers.
        widths: To choose from, between blocks and inside them.
        depth: The least and the largest number of blocks.
        dropouts: Probabilities to choose from.

    Shape:
        (n, features) to (n, outputs). Batch normalization takes two rows or more in training.

    Raises:
        SearchSpaceError: with every argument that is wrong.
    """

    def __init__(
        self,
        features: int = 8,
        outputs: int = 1,
        *,
        widths: Sequence[int] = (64, 128, 256, 512),
        depth: tuple[int, int] = (1, 4),
        dropouts: Sequence[float] = (0.0, 0.1, 0.25, 0.5),
    ) -> None:
        super().__init__()
        require_sizes("tabular_mlp", features=features, outputs=outputs)
        _require_choices(widths, dropouts)

        def block(position: int) -> nn.Module:
            inner = ValueChoice(widths, key=f"block{position + 1}_width")
            return Block(width, inner, dropout)

        width = ValueChoice(widths, key="width")
        dropout = ValueChoice(dropouts, key="dropout")
        self.stem = nn.Linear(features, width)
        self.blocks = Repeat(block, depth, key="depth")
        self.norm = _normalization(width)
        self.activation = _activation()
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        result: Tensor = self.head(self.activation(self.norm(x)))
        return result


class Block(nn.Module):
    """Two linear layers, each after an activation; and the input again, if chosen."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _normalization(width),
            _activation(),
            nn.Linear(width, inner),
            _activation(),
            nn.Dropout(dropout),
            nn.Linear(inner, width),
        )
        self.shortcut = LayerChoice({"none": Nothing, "identity": nn.Identity}, key="shortcut")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.layers(x) + self.shortcut(x)
        return result


class Nothing(nn.Module):
    """Zeros, whatever the input holds."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def _activation() -> Activation:
    return Activation(ACTIVATIONS, key="activation")


def _normalization(width: int) -> LayerChoice:
    candidates: dict[str, Callable[[], nn.Module]] = {
        "none": nn.Identity,
        "batch": lambda: nn.BatchNorm1d(width),
        "layer": lambda: nn.LayerNorm(width),
    }
    return LayerChoice(candidates, key="normalization")


def _require_choices(widths: Sequence[int], dropouts: Sequence[float]) -> None:
    if not all(map(is_size, widths)):
        problem = Problem("widths", f"must be whole numbers > 0, but got {list(widths)}")
        raise SearchSpaceError([problem], "tabular_mlp")
    for probability in dropouts:
        require_probability("dropouts", probability)
