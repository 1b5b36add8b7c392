"""What a model shares, its code shares."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.trial_api.export.code import class_of, loaded, round_trip
from trial_api import LayerChoice, apply_fixed_architecture, export_code
from trial_api.export._afterwards import changes
from trial_api.export._recording import built_and_noted
from trial_api.export._sharing import sharing
from trial_api.export._structure import is_class


class Shared(nn.Module):
    """A module in two places, one of them deep; tied parameters; a parameter with two names."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Part(nn.Linear(4, 4))
        self.decoder = Part(self.encoder.inner)
        again = nn.Linear(4, 4)
        self.again = again
        self.layers = nn.Sequential(again, nn.ReLU(), again)
        self.alias = self.again
        self.embed = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.embed.weight
        self.scale = nn.Parameter(torch.ones(1))
        self.other = self.scale
        self.decoder.own = self.scale

    def forward(self, x: Tensor) -> Tensor:
        x = self.decoder(self.encoder(self.embed(x))) * self.scale * self.other
        return self.head(self.alias(self.layers(x)))


class Part(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.ones(1))
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.own


@pytest.fixture
def copy() -> nn.Module:
    code = round_trip(Shared, torch.arange(4)[None])
    return loaded(code, class_of(code))


def test_names_and_identities(copy):
    model = Shared()
    assert [name for name, _ in copy.named_parameters()] == [
        name for name, _ in model.named_parameters()
    ]
    assert copy.state_dict().keys() == model.state_dict().keys()
    assert copy.decoder.inner is copy.encoder.inner
    assert copy.layers[0] is copy.layers[2] is copy.again is copy.alias
    assert copy.head.weight is copy.embed.weight
    assert copy.other is copy.scale is copy.decoder.own


def test_gradients_add_up(copy):
    model = Shared()
    copy.load_state_dict(model.state_dict())
    for network in (copy, model):
        network(torch.arange(4)[None]).sum().backward()
    ours, theirs = dict(copy.named_parameters()), dict(model.named_parameters())
    assert all(torch.equal(ours[name].grad, theirs[name].grad) for name in ours)


class Halve(nn.Module):
    """Takes a layer, so that the code has no class for it."""

    def forward(self, layer, x):
        return layer(x) / 2


class Halved(nn.Module):
    def __init__(self, halve):
        super().__init__()
        self.halve = halve
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.halve(self.layer, x)


def test_a_shared_module_that_the_code_does_without():
    def build():
        halve = Halve()
        return nn.Sequential(Halved(halve), Halved(halve))

    code = export_code(build, torch.zeros(2, 3))
    assert "Halve(" not in code
    assert "self.layer(x) / 2" in code


def test_candidates_that_are_called_as_methods_are():
    def build():
        choice = LayerChoice({"half": nn.Linear(3, 3), "b": nn.ReLU()}, return_mask=True, key="k")
        return apply_fixed_architecture(nn.Sequential(choice), {"k": "half"})

    model = built_and_noted(build)
    assert sharing(model, is_class, lambda _: False).places == set()
    assert list(changes(model, "0.half")) == []
