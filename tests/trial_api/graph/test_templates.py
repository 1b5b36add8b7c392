"""Parts that are built alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_spaces import enas_micro
from tests.trial_api.graph.kit import recorded, templates
from trial_api import LayerChoice, Repeat


class Cell(nn.Module):
    def __init__(self, before: int, width: int, key: str, *, kernel: int = 1) -> None:
        super().__init__()
        self.align = nn.Identity() if before == width else nn.Linear(before, width)
        options = {"linear": nn.Linear(width, width), "none": nn.Identity()}
        self.inner = nn.Sequential(LayerChoice(options, key=key))
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.align(x))


class Block(nn.Module):
    def __init__(self, width: int, act: type[nn.Module] = nn.ReLU) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), act())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def found(model: nn.Module) -> dict[str, list[str]]:
    return templates(recorded(model, torch.zeros(2, 4)))


def test_cells_of_other_widths_are_alike_those_with_other_keys_are_not() -> None:
    model = nn.Sequential(
        Cell(4, 4, "normal"), Cell(4, 8, "normal"), Cell(8, 8, "reduce"), Cell(8, 8, "normal")
    )
    assert found(model) == {"Cell": ["0", "1", "3"]}


def test_cells_with_other_candidates_or_classes_are_not_alike() -> None:
    class Other(Cell):
        pass

    third = Cell(4, 4, "third")
    third.inner[0]["none"] = nn.ReLU()
    again = Cell(4, 4, "third")
    model = nn.Sequential(Cell(4, 4, "key"), Other(4, 4, "key"), third, again)
    assert found(model) == {}


def test_blocks_without_choices_are_alike_if_all_inside_is() -> None:
    model = nn.Sequential(Block(4), Block(4, nn.Tanh), Block(4), nn.Sequential(Block(4)))
    assert found(model) == {"Block": ["0", "2", "3.0"]}


def test_of_nested_groups_the_outer_ones_count() -> None:
    class Stage(nn.Sequential):
        pass

    stages = [Stage(Cell(4, 4, "a"), Cell(4, 4, "a")), Stage(Cell(4, 4, "a"), Cell(4, 4, "a"))]
    assert found(nn.Sequential(*stages)) == {"Stage": ["0", "1"]}
    assert found(nn.Sequential(stages[0])) == {"Cell": ["0.0", "0.1"]}


def test_blocks_that_are_decided_together_are_alike() -> None:
    model = Repeat(Cell(4, 4, "op"), (1, 3), key="depth")
    assert found(model) == {"Cell": ["0", "1", "2"]}


def test_parts_of_candidates_are_no_groups() -> None:
    assert found(LayerChoice([nn.Sequential(Block(4), Block(4)), nn.Identity()], key="c")) == {}


def test_normal_and_reduction_cells_of_published_spaces() -> None:
    """Those of DARTS are looked at in `test_spaces.py`, where its supernet is recorded."""
    graph = recorded(enas_micro(channels=4, cells=8, nodes=3), torch.zeros(2, 3, 16, 16))
    assert templates(graph) == {
        "normal": [f"cells.{index}" for index in (0, 1, 3, 4, 6, 7)],
        "reduce": ["cells.2", "cells.5"],
    }
