"""The result of an application against the same network written by hand."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from tests.trial_api.networks import ARCHITECTURE, Net, NetByHand, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture


@pytest.fixture
def network() -> nn.Module:
    return apply_fixed_architecture(Net(), ARCHITECTURE)


class EveryForm(nn.Module):
    """Masks, lists, names and several inputs, in one forward."""

    def __init__(self) -> None:
        super().__init__()
        self.masked = LayerChoice([nn.Linear(2, 2), nn.ReLU()], return_mask=True)
        self.listed = LayerChoice({"a": nn.Tanh(), "b": nn.Linear(2, 2)}, reduction="none")
        self.pick = InputChoice(choose_from=["x", "y", "z"], reduction="mean", return_mask=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, mask = self.masked(x)
        (z,) = self.listed(y)
        output, chosen = self.pick({"x": x, "y": y, "z": z})
        return output * mask.sum() * chosen.sum()


@pytest.fixture
def every_form() -> nn.Module:
    return apply_fixed_architecture(EveryForm(), {"masked": 0, "listed": "b", "pick": ["x", "z"]})


def test_outputs_and_gradients_equal_those_of_the_network_by_hand(network):
    by_hand = NetByHand()
    by_hand.load_state_dict(network.state_dict())
    output, expected = network(images()), by_hand(images())
    assert torch.equal(output, expected)
    output.square().sum().backward()
    expected.square().sum().backward()
    ours, theirs = dict(network.named_parameters()), dict(by_hand.named_parameters())
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name].grad, theirs[name].grad) for name in ours)


def test_no_parameter_is_unused(network):
    network(images()).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies(network, every_form, copied):
    assert torch.equal(copied(network)(images()), network(images()))
    x = torch.randn(3, 2)
    assert torch.equal(copied(every_form)(x), every_form(x))


def test_torch_save(network, tmp_path):
    torch.save(network, tmp_path / "network.pt")
    loaded = torch.load(tmp_path / "network.pt", weights_only=False)
    assert torch.equal(loaded(images()), network(images()))


def test_supernets_copy_too():
    model = pickle.loads(pickle.dumps(copy.deepcopy(Net())))
    apply_fixed_architecture(model, ARCHITECTURE)(images())


def test_compiles_without_graph_breaks(network, every_form):
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    assert torch.allclose(compiled(images()), network(images()))
    x = torch.randn(3, 2)
    compiled = torch.compile(every_form, backend="eager", fullgraph=True)
    assert torch.allclose(compiled(x), every_form(x))


def test_compiled_before_application():
    model = torch.compile(Net(), backend="eager", fullgraph=True)
    plain = copy.deepcopy(model._orig_mod)
    assert apply_fixed_architecture(model, ARCHITECTURE) is model
    apply_fixed_architecture(plain, ARCHITECTURE)
    assert torch.equal(model(images()), plain(images()))


def test_exports(network, every_form):
    exported = torch.export.export(network, (images(),)).module()
    assert torch.equal(exported(images()), network(images()))
    x = torch.randn(3, 2)
    exported = torch.export.export(every_form, (x,)).module()
    assert torch.equal(exported(x), every_form(x))


def test_trains(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        loss = network(images()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
