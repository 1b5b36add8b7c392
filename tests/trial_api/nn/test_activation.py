"""The choice of an activation function."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import Activation, apply_fixed_architecture, search_space
from trial_api.mutators import SoftmaxMutator
from trial_api.nn._activation import ACTIVATIONS


def test_it_is_a_layer_choice_by_name() -> None:
    model = nn.Sequential(nn.Linear(2, 2), Activation(["relu", "silu"], key="act"), Activation())
    assert search_space(model).to_dict() == {
        "act": {"_type": "layer_choice", "_value": ["relu", "silu"]},
        "2": {
            "_type": "layer_choice",
            "_value": ["relu", "gelu", "silu", "hardswish", "tanh", "leaky_relu", "elu"],
        },
    }
    network = apply_fixed_architecture(model, {"act": "silu", "2": "tanh"})
    assert [type(layer) for layer in network] == [nn.Linear, nn.SiLU, nn.Tanh]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_name(name: str) -> None:
    x = torch.linspace(-4, 4, 9)
    network = apply_fixed_architecture(lambda: Activation([name], key="act"), {"act": name})
    assert torch.equal(network(x), ACTIVATIONS[name]()(x))


def test_parameters_of_others_are_not_made() -> None:
    model = Activation(["prelu", "relu"], key="act")
    assert len([*model.parameters()]) == 1
    network = apply_fixed_architecture(lambda: Activation(["prelu", "relu"]), {"model": "relu"})
    assert type(network) is nn.ReLU


def test_a_mixture() -> None:
    model = Activation(["relu", "tanh"], key="act")
    mutator = SoftmaxMutator(model, scale=0.0)
    mutator.reset()
    x = torch.linspace(-1, 1, 5)
    torch.testing.assert_close(model(x), (x.relu() + x.tanh()) / 2)


def test_wrong_names_are_listed() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        Activation(["relu", "gellu", "relu", 3])  # type: ignore[list-item]
    message = str(caught.value)
    assert "no activation 'gellu'; did you mean 'gelu'? (known: celu, elu, " in message
    assert "no activation 3 (known: " in message
    assert "'relu' stands twice" in message
    with pytest.raises(SearchSpaceError, match="non-empty list of names, but got 'relu'"):
        Activation("relu")
