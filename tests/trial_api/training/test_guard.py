from __future__ import annotations

import pytest
import torch

from nas_tuners.contract.errors import TrainingError
from trial_api.training.guard import LossGuard

BAD = [torch.nan, torch.inf, -torch.inf]


def test_finite_losses_pass():
    guard = LossGuard()
    guard.watch(torch.tensor(1e30), "batch 0")
    guard.check()


@pytest.mark.parametrize("value", BAD)
def test_on_the_cpu_a_loss_is_refused_before_it_is_used(value):
    with pytest.raises(TrainingError) as caught:
        LossGuard().watch(torch.tensor(value), "epoch 2, batch 7 of search")
    message = str(caught.value)
    assert "not finite in epoch 2, batch 7 of search" in message
    assert "resume()" in message


def test_a_loss_with_a_graph():
    loss = torch.tensor(torch.nan, requires_grad=True) * 2
    with pytest.raises(TrainingError):
        LossGuard().watch(loss, "batch 0")
