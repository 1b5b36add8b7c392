"""SMASH (https://arxiv.org/abs/1708.05344): the hypernetwork against an explicit construction."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from trial_api import InputChoice, LayerChoice
from trial_api.mutators import RandomMutator
from trial_api.oneshot._hyper_network import HyperNetwork
from trial_api.oneshot._swapped import swapped

CHUNK, HIDDEN, EMBEDDING = 5, 7, 3


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = LayerChoice([nn.Conv2d(2, 3, 3), nn.Conv2d(2, 3, 1)], key="conv")
        self.inputs = InputChoice(n_candidates=2, n_chosen=None, key="inputs")
        self.line = LayerChoice({"none": nn.Identity(), "line": nn.Linear(3, 3)}, key="line")

    def forward(self, x):
        y = self.conv(x).mean((2, 3))
        z = self.inputs([y, y.square()])
        return self.line(y if z is None else z)


@pytest.fixture
def parts():
    torch.manual_seed(0)
    model = Net().double()
    mutator = RandomMutator(model, seed=0)
    network = HyperNetwork(
        mutator,
        hidden=HIDDEN,
        embedding=EMBEDDING,
        chunk=CHUNK,
        generator=torch.Generator().manual_seed(0),
    ).double()
    return model, mutator, network


MASKS = {"conv": [False, True], "inputs": [True, True], "line": [False, True]}
CODE = torch.tensor([0, 1, 1, 1, 0, 1], dtype=torch.float64)


def generate(network: HyperNetwork, first: int, shape: tuple[int, ...]) -> torch.Tensor:
    """One tensor, chunk by chunk: W_out relu(W_z e_z + W_c c) / sqrt(inputs)."""
    inputs = torch.Size(shape[1:]).numel()
    values = []
    for chunk in range(first, first - (-torch.Size(shape).numel() // CHUNK)):
        z = network.embeddings[chunk]
        hidden = (network.from_embedding.T @ z + network.from_architecture.T @ CODE).clamp_min(0)
        values.append(network.out.T @ hidden)
    flat = torch.cat(values)[: torch.Size(shape).numel()]
    return flat.reshape(shape) / inputs**0.5


def test_weights_and_gradients_of_an_architecture(parts):
    model, mutator, network = parts
    mutator.apply_on_model(MASKS)
    x, target = torch.randn(4, 2, 5, 5).double(), torch.randn(4, 3).double()
    with swapped(model, network(mutator._current())):
        ours = (model(x) - target).square().sum()
    direct = [model.conv[1].bias, model.line["line"].bias]
    got = torch.autograd.grad(ours, [*network.parameters(), *direct])

    kernels = 3 * 2 * 9 // CHUNK + 1  # chunks of the first convolution, which does not run
    conv = generate(network, kernels, (3, 2, 1, 1))
    line = generate(network, kernels + 2, (3, 3))
    y = F.conv2d(x, conv, direct[0]).mean((2, 3))
    expected = (F.linear(y + y.square(), line, direct[1]) - target).square().sum()
    torch.testing.assert_close(ours, expected)
    want = torch.autograd.grad(expected, [*network.parameters(), *direct])
    for ours_, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours_, theirs)


def test_the_model_keeps_its_own_parameters(parts):
    model, mutator, network = parts
    before = dict(model.named_parameters())
    mutator.apply_on_model(MASKS)
    with pytest.raises(ZeroDivisionError), swapped(model, network(mutator._current())):
        1 / 0  # noqa: B018
    after = dict(model.named_parameters())
    assert all(after[name] is before[name] for name in before)


def test_weights_depend_on_the_whole_architecture(parts):
    _, mutator, network = parts
    weight = mutator.model.line["line"].weight

    def generated(**masks):
        mutator.apply_on_model(MASKS | masks)
        return network(mutator._current())[id(weight)]

    first = generated()
    assert torch.equal(first, generated())
    assert not torch.allclose(first, generated(conv=[True, False]))
    assert not torch.allclose(first, generated(inputs=[True, False]))


def test_initial_weights_have_the_variance_of_a_relu_network():
    """1 / (2 * inputs): half of the hidden units are off."""
    choice = LayerChoice([nn.Linear(400, 300), nn.Linear(100, 300)], key="k")
    mutator = RandomMutator(nn.Sequential(choice), seed=0)
    network = HyperNetwork(
        mutator, hidden=256, embedding=32, chunk=64, generator=torch.Generator().manual_seed(0)
    )
    for index, layer in enumerate(choice):
        mutator.apply_on_model({"k": [number == index for number in range(2)]})
        weight = network(mutator._current())[id(layer.weight)]
        inputs = layer.weight.shape[1]
        # Embedding and architecture each add a variance of one before the relu.
        assert weight.var().item() == pytest.approx(2 / 2 / inputs, rel=0.35)
