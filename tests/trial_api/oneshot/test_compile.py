"""Searches with ``compile``: the same results, and no graph for each architecture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from trial_api.oneshot import BaseTrainer, DartsTrainer, GdasTrainer
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


class Counter:
    """A compiler that changes nothing and counts graphs."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.graphs += 1
        return graph.forward


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def search(kind: type[BaseTrainer], epochs: int, **options: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    model: nn.Module = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    data = PlantedData(64)
    trainer = kind(
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        epochs,
        data,
        data,
        batch_size=8,
        seed=1,
        progress=False,
        mutator=None,  # type: ignore[arg-type]
        **options,
    )
    trainer.train()
    return {**model.state_dict(), **dict(trainer.mutator.named_parameters())}


@pytest.mark.parametrize("kind", [DartsTrainer, GdasTrainer])
def test_results_do_not_change_and_graphs_do_not_grow(kind: type[BaseTrainer]) -> None:
    plain = search(kind, 3)
    counts = []
    for epochs in (3, 8):
        torch._dynamo.reset()
        counter = Counter()
        compiled = search(kind, epochs, compile={"backend": counter})
        counts.append(counter.graphs)
        if epochs == 3:
            torch.testing.assert_close(compiled, plain)
    assert 0 < counts[0] == counts[1]
