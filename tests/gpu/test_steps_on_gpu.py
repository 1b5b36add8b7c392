"""Searches on a GPU: nothing in a step waits for it, and results are those of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from trial_api.oneshot import BaseTrainer, DartsTrainer, FBNetTrainer, GdasTrainer, SposTrainer
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture
def _waiting_is_an_error() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


def make(kind: Any, device: str, **options: Any) -> BaseTrainer:
    torch.manual_seed(0)
    model = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    trainer: BaseTrainer = kind(
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        2,
        PlantedData(64),
        PlantedData(32, seed=1),
        batch_size=8,
        device=device,
        seed=0,
        progress=False,
        **options,
    )
    return trainer


@pytest.mark.parametrize(
    ("kind", "options"),
    [(DartsTrainer, {}), (SposTrainer, {}), (FBNetTrainer, {"warmup_epochs": 0})],
)
@pytest.mark.usefixtures("_waiting_is_an_error")
def test_a_step_does_not_wait_for_the_gpu(kind: Any, options: dict[str, Any]) -> None:
    trainer = make(kind, "cuda", **options)
    phases = trainer._phases(0)
    batches = [[trainer._loop.next_batch(name) for name in phase.streams] for phase in phases]
    for phase, given in zip(phases, batches, strict=True):
        phase.step(*given)  # what is set up once may wait
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    for phase, given in zip(phases, batches, strict=True):
        for _ in range(3):
            phase.step(*given)


@pytest.mark.parametrize("kind", [DartsTrainer, GdasTrainer])
@pytest.mark.parametrize("amp", [None, "bf16", "fp16"])
def test_a_search_runs_in_every_precision(kind: Any, amp: str | None) -> None:
    trainer = make(kind, "cuda", amp=amp)
    trainer.train()
    assert trainer.validate()["accuracy"] > 0.5
    assert next(trainer.model.parameters()).is_cuda


def test_the_search_is_that_of_the_cpu() -> None:
    trainers = [make(DartsTrainer, device) for device in ("cuda", "cpu")]
    for trainer in trainers:
        trainer.train()
    ours, expected = (trainer.model.state_dict() for trainer in trainers)
    for name, value in expected.items():
        torch.testing.assert_close(ours[name].cpu(), value, rtol=1e-3, atol=1e-4)
