"""Applied networks on a CUDA device."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.trial_api.networks import ARCHITECTURE, Net, NetByHand, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture, load_supernet_state_dict

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


def test_the_device_stays_and_the_results_are_those_of_the_network_by_hand():
    torch.manual_seed(0)
    model = apply_fixed_architecture(Net().cuda(), ARCHITECTURE)
    assert {parameter.device.type for parameter in model.parameters()} == {"cuda"}
    by_hand = NetByHand().cuda()
    by_hand.load_state_dict(model.state_dict())
    x = images().cuda()
    assert torch.allclose(model(x), by_hand(x), atol=1e-5)
    model(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_network_moves_after_application():
    model = apply_fixed_architecture(Net(), ARCHITECTURE)
    expected = model(images())
    assert torch.allclose(model.cuda()(images().cuda()).cpu(), expected, atol=1e-2)


def test_masks_stay_on_the_host():
    model = nn.ModuleDict(
        {
            "op": LayerChoice([nn.Linear(2, 2), nn.ReLU()], return_mask=True),
            "pick": InputChoice(2, return_mask=True),
        }
    ).cuda()
    apply_fixed_architecture(model, {"op": 0, "pick": [0, 1]})
    output, mask = model["op"](torch.ones(1, 2, device="cuda"))
    total, chosen = model["pick"]([output, output])
    assert output.is_cuda
    assert total.is_cuda
    assert not mask.is_cuda
    assert not chosen.is_cuda


def test_data_parallel_and_checkpoints():
    supernet = Net()
    model = apply_fixed_architecture(nn.DataParallel(Net().cuda()), ARCHITECTURE)
    load_supernet_state_dict(model, supernet.state_dict())
    assert torch.equal(model.module.conv.weight.cpu(), supernet.conv["conv5x5"].weight)
    assert model(images().cuda()).shape == (4, 3)


def test_compiles():
    model = apply_fixed_architecture(Net().cuda(), ARCHITECTURE)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    x = images().cuda()
    assert torch.allclose(compiled(x), model(x), atol=1e-5)
