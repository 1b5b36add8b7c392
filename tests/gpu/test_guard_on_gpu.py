"""The guard against losses that are not finite, where looking at each would wait for the GPU."""

from __future__ import annotations

import pytest
import torch

from nas_tuners.contract.errors import TrainingError
from trial_api.training.guard import LossGuard

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_the_first_bad_batch_is_named_when_somebody_asks():
    guard = LossGuard()
    for number, value in enumerate((1.0, 2.0, torch.nan, 3.0, torch.inf)):
        guard.watch(torch.tensor(value, device="cuda"), f"batch {number}")
    with pytest.raises(TrainingError, match="not finite in batch 2;"):
        guard.check()
    guard.check()


def test_checks_start_anew():
    guard = LossGuard()
    for number in range(3):
        guard.watch(torch.tensor(1.0, device="cuda"), f"batch {number}")
    guard.check()
    guard.watch(torch.tensor(torch.nan, device="cuda"), "batch 3")
    with pytest.raises(TrainingError, match="not finite in batch 3;"):
        guard.check()


def test_watching_does_not_wait():
    guard = LossGuard()
    losses = [torch.tensor(float(n), device="cuda") for n in range(3)]
    torch.cuda.set_sync_debug_mode("error")
    try:
        for number, loss in enumerate(losses):
            guard.watch(loss, f"batch {number}")
    finally:
        torch.cuda.set_sync_debug_mode("default")
    guard.check()
