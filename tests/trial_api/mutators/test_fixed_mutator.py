from __future__ import annotations

import copy
import json

import pytest
import torch

from nas_tuners.contract.errors import ArchitectureError
from tests.trial_api.networks import ARCHITECTURE, Nested, Net, images
from trial_api import apply_fixed_architecture
from trial_api.mutators import FixedMutator, RandomMutator

FORMS = [
    ARCHITECTURE,
    {"conv": 1, "act": "1", "skip": [1]},
    {"conv": {"_value": "conv5x5", "_idx": 1}, "act": 0, "skip": {"_value": [""], "_idx": [0]}},
]


@pytest.mark.parametrize("architecture", FORMS)
def test_the_supernet_computes_what_the_plain_network_does(architecture):
    model = Net()
    plain = apply_fixed_architecture(copy.deepcopy(model), architecture)
    FixedMutator(model, architecture)
    assert torch.equal(model(images()), plain(images()))


@pytest.mark.parametrize(
    "architecture",
    [
        {"block": "plain"},
        {"block": "deep", "block.deep.1": "tanh"},
        {"block": "direct", "block.direct": 1},
    ],
)
def test_nested_choices(architecture):
    model, x = Nested(), torch.randn(3, 2)
    plain = apply_fixed_architecture(copy.deepcopy(model), architecture)
    mutator = FixedMutator(model, architecture)
    assert torch.equal(model(x), plain(x))
    exported = mutator.export()
    mutator.remove()
    assert torch.equal(apply_fixed_architecture(model, exported)(x), plain(x))


def test_an_architecture_file(tmp_path):
    file = tmp_path / "best.json"
    file.write_text(json.dumps(ARCHITECTURE))
    mutator = FixedMutator(Net(), file)
    assert mutator.export() == {"conv": "conv5x5", "act": "1", "skip": [1]}


def test_the_supernet_is_whole_afterwards():
    model = Net()
    before = list(model.state_dict())
    FixedMutator(model, ARCHITECTURE).remove()
    assert list(model.state_dict()) == before
    RandomMutator(model).reset()
    assert model(images()).shape == (4, 3)


def test_reset_changes_nothing():
    model = Net()
    mutator = FixedMutator(model, ARCHITECTURE)
    before = model(images())
    mutator.reset()
    assert torch.equal(model(images()), before)


def test_a_wrong_architecture_leaves_the_model_free():
    model = Net()
    with pytest.raises(ArchitectureError) as caught:
        FixedMutator(model, {"conv": "conv7x7", "skip": [0]})
    assert {problem.where for problem in caught.value.problems} == {"conv", "act"}
    FixedMutator(model, ARCHITECTURE)
    assert model(images()).shape == (4, 3)
