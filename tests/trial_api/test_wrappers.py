from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import pytest
import torch
from torch import nn

from tests.trial_api.networks import ARCHITECTURE, Net, images
from trial_api import LayerChoice, apply_fixed_architecture

ROOT = Path(__file__).parents[2]


def test_data_parallel():
    model = nn.DataParallel(Net())
    assert apply_fixed_architecture(model, ARCHITECTURE) is model
    assert isinstance(model.module.conv, nn.Conv2d)
    assert model(images()).shape == (4, 3)


@pytest.mark.parametrize(
    "wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager", fullgraph=True)]
)
def test_a_wrapped_choice(wrap):
    model = wrap(LayerChoice([nn.ReLU(), nn.Linear(2, 3)]))
    assert apply_fixed_architecture(model, {"model": 1}) is model
    assert model(torch.ones(1, 2)).shape == (1, 3)
    assert {name.split(".", 1)[1] for name in model.state_dict()} == {"weight", "bias"}


def test_wrappers_inside_the_model():
    inner = torch.compile(LayerChoice([nn.ReLU(), nn.Linear(2, 3)]), backend="eager")
    model = nn.Sequential(nn.DataParallel(inner))
    apply_fixed_architecture(model, {"0": 1})
    assert model(torch.ones(1, 2)).shape == (1, 3)


@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_distributed_data_parallel(tmp_path):
    """Two real processes; the worker holds what is asserted."""
    worker = [sys.executable, "-W", "error", "-m", "tests.trial_api.ddp_worker", str(tmp_path)]
    with ExitStack() as stack:
        ranks = [
            stack.enter_context(
                Popen([*worker, str(rank)], cwd=ROOT, stdout=PIPE, stderr=PIPE, text=True)
            )
            for rank in range(2)
        ]
        for rank in ranks:
            stack.callback(rank.kill)
        for rank in ranks:
            output, errors = rank.communicate(timeout=120)
            assert rank.returncode == 0, errors
            assert output.strip().endswith("gradients are equal")
