"""What recording costs a search.

The steps run as a search runs them, so that records are written as often as in one: the share of
steps that write is part of the figure. A ratio of 1.01 is what was promised.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from search_spaces import darts, enas_macro
from trial_api import LayerChoice
from trial_api.oneshot import DartsTrainer, EnasTrainer

from .._claim import Claim
from ..oneshot._networks import BATCH, images, sgd

SECONDS = 12.0  # of each case
LIMIT = 1.01


def measure(seed: int) -> list[Claim]:
    torch.set_num_threads(1)
    cases: dict[str, Callable[[int], Any]] = {
        "DARTS step, a toy of one choice": _toy,
        "DARTS step, CIFAR cells": _darts,
        "ENAS step, 6 layers": _enas,
    }
    with tempfile.TemporaryDirectory() as folder:
        claims = [
            _claim(name, make(seed), Path(folder) / str(number))
            for number, (name, make) in enumerate(cases.items())
        ]
        graph = _graph_seconds(seed)
    return [*claims, Claim("graph of the CIFAR DARTS supernet", graph, 10.0, "limit", "s")]


def _claim(name: str, trainer: Any, folder: Path) -> Claim:
    """Steps, and what of them recording takes.

    The difference of steps with and without it would be the same, under the noise of the machine.
    """
    trainer.enable_visualization(folder)
    spent, run = [0.0], _stepper(trainer)
    trainer._write_graph_status = _timing(trainer._write_graph_status, spent)
    run()
    spent[0], steps, start = 0.0, 0, time.perf_counter()
    while time.perf_counter() < start + SECONDS:
        run()
        steps += 1
    ours = (time.perf_counter() - start) / steps
    theirs = ours - spent[0] / steps
    label = f"{name} ({_written(folder)} records in {steps} steps)"
    return Claim(label, ours * 1e3, theirs * 1e3, "without what records take", "ms", LIMIT)


def _timing(function: Callable[[], None], spent: list[float]) -> Callable[[], None]:
    def timed() -> None:
        start = time.perf_counter()
        function()
        spent[0] += time.perf_counter() - start

    return timed


def _written(folder: Path) -> int:
    return len((folder / "log").read_text().splitlines())


def _stepper(trainer: Any) -> Callable[[], None]:
    """The steps of a search, one after the other; batches are the same each time."""
    phase = trainer._phases(0)[0]
    batches = [trainer._loop.next_batch(stream) for stream in phase.streams]
    position = trainer._loop.position
    trainer._loop.where = "a benchmark"

    def run() -> None:
        phase.step(*batches)
        position.total += 1
        position.step = position.total % phase.steps

    return run


class _Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerChoice([nn.Linear(32, 32), nn.Tanh()], key="layer")
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head(self.layer(x.flatten(1)[:, :32]))
        return output


def _toy(seed: int) -> Any:
    return _trainer(DartsTrainer, _Toy(), seed)


def _darts(seed: int) -> Any:
    return _trainer(DartsTrainer, darts(8, 4), seed)


def _enas(seed: int) -> Any:
    return _trainer(EnasTrainer, enas_macro(16, layers=6), seed, _top1)


def _trainer(kind: Any, model: nn.Module, seed: int, *more: Any) -> Any:
    torch.manual_seed(seed)
    arguments = (F.cross_entropy, None, *more, sgd(model.parameters()), 1)
    data = images(32 * BATCH, seed)
    return kind(
        model.train(), *arguments, data, batch_size=BATCH, seed=seed, progress=False, grad_clip=5.0
    )


def _top1(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) == target).float().mean()


def _graph_seconds(seed: int) -> float:
    trainer = _trainer(DartsTrainer, darts(16, 8), seed)
    start = time.perf_counter()
    trainer.mutator.graph(torch.zeros(2, 3, 32, 32))
    return time.perf_counter() - start
