from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.fork_host import run_script
from tests.trial_api.networks import ARCHITECTURE, Net, images
from trial_api import LayerChoice, apply_fixed_architecture


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
    done = run_script(Path(__file__).with_name("ddp_worker.py"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("gradients are equal") == 2
