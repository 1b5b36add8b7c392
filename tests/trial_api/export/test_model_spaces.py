"""Networks of model spaces with value choices, repeats and cells, as code."""

from __future__ import annotations

from random import Random

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import to_architecture
from tests.trial_api.export.code import body_of, round_trip
from trial_api import (
    Activation,
    Cell,
    LayerChoice,
    NasBench101Cell,
    NasBench201Cell,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    model_space,
    search_space,
)


class Block(nn.Module):
    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        inner = width * expansion
        self.layers = nn.Sequential(
            nn.Linear(width, inner), Activation(key="activation"), nn.Linear(inner, width)
        )
        self.dropout = nn.Dropout(ValueChoice([0.1, 0.2], key="dropout"))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.dropout(self.layers(x))


@model_space
class Net(nn.Module):
    """Widths, candidates that are made when chosen, a depth."""

    def __init__(self) -> None:
        super().__init__()
        width = ValueChoice([8, 16], key="width")
        sizes = {f"{size}x{size}": size for size in (3, 5)}
        self.conv = LayerChoice(
            {
                name: lambda size=size: nn.Conv2d(1, width, size, padding=size // 2)
                for name, size in sizes.items()
            },
            key="conv",
        )
        self.blocks = Repeat(
            lambda index: Block(width, ValueChoice([1, 2, 3], key=f"expansion{index}")),
            depth=(2, 4),
            key="depth",
        )
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.conv(x).mean((2, 3))))


def pointwise(node: int, op: int, state: int) -> nn.Module:
    return nn.Conv2d(4, 4, 1)


@model_space
class Cells(nn.Module):
    """The cells that the package offers, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell([pointwise, nn.Identity], 3, 2, 2, merge_op="loose_end", key="cell")
        width = 4 * len(self.cell.output_node_indices)
        self.bench101 = NasBench101Cell(
            {"conv": lambda width: nn.Conv2d(width, width, 3, padding=1), "relu": nn.ReLU},
            width,
            8,
            lambda inputs, outputs: nn.Conv2d(inputs, outputs, 1),
            max_num_nodes=4,
            max_num_edges=5,
            key="bench101",
        )
        self.bench201 = NasBench201Cell(
            {"skip": lambda i, o: nn.Identity(), "conv": lambda i, o: nn.Conv2d(i, o, 1)},
            8,
            8,
            num_tensors=3,
            key="bench201",
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.bench201(self.bench101(self.cell([x, x.flip(0)])))


def sampled(space: type[nn.Module], seed: int) -> dict[str, object]:
    found = search_space(space)
    return to_architecture(found, found.sample(Random(seed)))


@pytest.mark.parametrize("seed", range(3))
def test_classes_and_instances_give_the_same_code(seed):
    architecture = sampled(Net, seed)
    inputs = torch.rand(2, 1, 8, 8)
    code = round_trip(lambda: apply_fixed_architecture(Net, architecture), inputs)
    assert round_trip(lambda: apply_fixed_architecture(Net(), architecture), inputs) == code
    size = {"3x3": "3, padding=1", "5x5": "5, padding=2"}[architecture["conv"]]
    width = architecture["width"]
    assert f"self.conv = nn.Conv2d(1, {width}, {size})" in body_of(code, "Net")
    assert code.count("            Block") == architecture["depth"]


@pytest.mark.parametrize("seed", range(2))
def test_cells(seed):
    architecture = sampled(Cells, seed)
    inputs = torch.rand(2, 4, 6, 6)
    code = round_trip(lambda: apply_fixed_architecture(Cells, architecture), inputs)
    assert "Choice" not in code
