"""A stack of cells between a stem and a classifier, each cell on the outputs of the two before.

Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image Recognition,
CVPR 2018 (https://arxiv.org/abs/1707.07012), section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Place:
    """Where a cell stands in the stack.

    Attributes:
        before: Channels of the cell before the last.
        last: Channels of the last cell.
        width: Of the cell's own nodes.
        reduces: Whether the cell halves the resolution.
        reduced: Whether the last cell did, so that its inputs differ in resolution.
    """

    before: int
    last: int
    width: int
    reduces: bool
    reduced: bool

    @property
    def kind(self) -> str:
        return "reduce" if self.reduces else "normal"


def places(stem: int, width: int, *, cells: int, expansion: int) -> Iterator[Place]:
    """The places of a stack: cells at one and two thirds of it reduce and double the width.

    Args:
        stem: Channels of the stem.
        width: Of the first cell.
        cells: How many.
        expansion: Channels that a cell gives, over its width.
    """
    before, last, reduced = stem, stem, False
    for index in range(cells):
        reduces = index in _reductions(cells)
        width = 2 * width if reduces else width
        yield Place(before, last, width, reduces, reduced)
        before, last, reduced = last, expansion * width, reduces


class CellNetwork(nn.Module):
    """Base of networks of cells: stem, cells, classifier, perhaps an auxiliary classifier.

    Args:
        stem: The first layers.
        cells: Each takes the outputs of the two before it.
        outputs: Channels of the last cell.
        classes: Of the classifier.
        auxiliary: An auxiliary classifier on the second reduction cell; with it, in training
            mode, ``forward`` gives ``(logits, auxiliary logits)``.
    """

    def __init__(
        self,
        stem: nn.Module,
        cells: Sequence[nn.Module],
        *,
        outputs: int,
        classes: int,
        auxiliary: bool,
    ) -> None:
        super().__init__()
        self.stem = stem
        self.cells = nn.ModuleList(cells)
        self.auxiliary = AuxiliaryHead(outputs, classes) if auxiliary else None
        self.classifier = nn.Linear(outputs, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        before = last = self.stem(x)
        extra = None
        for index, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if self.training and self.auxiliary is not None and index == self._auxiliary_cell:
                extra = self.auxiliary(last)
        logits: Tensor = self.classifier(last.mean(dim=(2, 3)))
        return logits if extra is None else (logits, extra)

    @property
    def _auxiliary_cell(self) -> int:
        return _reductions(len(self.cells))[-1]


class AuxiliaryHead(nn.Sequential):
    """A classifier on features from inside the network, so that gradients get there.

    As in the retraining networks of DARTS, with four pooled regions at any resolution.
    """

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__(
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Conv2d(inputs, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, classes),
        )


def conv_stem(inputs: int, outputs: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def _reductions(cells: int) -> tuple[int, int]:
    return cells // 3, 2 * cells // 3
