from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import TensorDataset

from nas_tuners import RandomTuner
from nas_tuners.contract.errors import SearchSpaceError
from trial_api import InputChoice, LayerChoice, SuperKernelConv2d
from trial_api.mutators import RandomMutator
from trial_api.oneshot import SmashTrainer
from trial_api.oneshot._hyper_network import find_targets
from trial_api.testing import OneShotSuite
from trial_api.testing._planted import PLANTED, PlantedData, accuracy


class TestSmash(OneShotSuite):
    planted_options = {"learning_rate": 1e-2}  # noqa: RUF012

    def make_trainer(self, model: nn.Module, **options: Any) -> SmashTrainer:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        return SmashTrainer(model, F.cross_entropy, accuracy, optimizer, **options)

    def test_candidates_learn_and_architecture_parameters_are_no_weights(self) -> None:
        """Here the generated weights learn; those that the model stores rest until the export."""
        trainer = self.make()
        weights = {id(parameter) for parameter in trainer.model.parameters()}
        assert weights.isdisjoint(map(id, trainer.hyper_network.parameters()))
        stored = copy.deepcopy(trainer.model.state_dict())
        decision = trainer.mutator.sample_final()
        before = [one.detach().clone() for one in trainer.hyper_network(decision).values()]
        trainer.train()
        after = trainer.hyper_network(decision).values()
        assert before
        assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
        still = {
            name for name, value in trainer.model.state_dict().items() if value.equal(stored[name])
        }
        assert still == {name for name in stored if name.endswith("weight") and "head" not in name}

    def test_every_tuner_can_search_under_generated_weights(self) -> None:
        data = PlantedData(256)
        trainer = self.run(self.make(num_epochs=8, learning_rate=1e-2, dataset_train=data))
        tuner = RandomTuner(optimize_mode="minimize", seed=0)
        found = trainer.search(tuner, 12, metric="loss")
        assert found == trainer.export() == PLANTED

    def test_mixed_precision_learns_in_half(self) -> None:
        trainer = self.run(self.make(amp="bf16", compile=False))
        assert all(bool(p.isfinite().all()) for p in trainer.hyper_network.parameters())


class Net(nn.Module):
    """Weights in every kind of place."""

    def __init__(self) -> None:
        super().__init__()
        tied = nn.Linear(2, 2)
        inner = LayerChoice([nn.Conv2d(2, 2, 1), nn.ReLU()], key="inner")
        self.stem = nn.Conv2d(2, 2, 1)
        self.outer = LayerChoice([nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), inner), inner[1]])
        self.kernel = SuperKernelConv2d(2, 2, key="kernel")
        self.up = LayerChoice([nn.ConvTranspose2d(2, 2, 1), nn.BatchNorm2d(2)])
        self.shared = LayerChoice([tied, nn.Linear(2, 2)], key="shared")
        self.tied = tied


def targets(model: nn.Module) -> dict[str, tuple[Any, ...]]:
    mutator = RandomMutator(model, seed=0)
    names = {id(p): name for name, p in model.named_parameters(remove_duplicate=False)}
    found = {names[id(one.parameter)]: one.contexts for one in find_targets(model, 3)}
    mutator.remove()
    return found


def test_what_is_generated_and_when_it_is_needed():
    assert targets(Net()) == {
        "outer.0.0.weight": ({"outer": 0},),
        "outer.0.1.0.weight": ({"outer": 0, "inner": 0},),
        "kernel.5x5.weight": ({"kernel": 0}, {"kernel": 1}),
        "shared.1.weight": ({"shared": 1},),
    }


def test_nothing_to_generate():
    model = nn.Sequential(nn.Linear(2, 2), LayerChoice([nn.ReLU(), nn.Tanh()]))
    data = TensorDataset(torch.randn(20, 2), torch.zeros(20).long())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(SearchSpaceError, match="no candidate has a convolution or linear layer"):
        SmashTrainer(model, F.cross_entropy, None, optimizer, 1, data)


def test_only_what_runs_is_generated():
    model = _Branches()
    trainer = _trainer(model)
    network, mutator = trainer.hyper_network, trainer.mutator
    mutator.apply_on_model({"branch": [True, False], "inputs": [True, False]})
    generated = network(mutator._current())
    assert list(generated) == [id(model.branch[0].weight)]
    assert generated[id(model.branch[0].weight)].shape == model.branch[0].weight.shape
    mutator.apply_on_model({"branch": [False, True], "inputs": [True, False]})
    assert network(mutator._current()) == {}


def test_export_stores_the_generated_weights():
    trainer = _trainer(_Branches())
    trainer.train()
    assert trainer.export()["branch"] == "0", "the data need the layer"
    expected = trainer.hyper_network(trainer._final_decision())
    weight = trainer.model.branch[0].weight
    assert torch.equal(weight, expected[id(weight)])


class _Noise(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flip(0)


class _Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = LayerChoice([nn.Linear(3, 3), _Noise()], key="branch")
        self.inputs = InputChoice(n_candidates=2, n_chosen=1, key="inputs")
        self.head = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.branch(x)
        return self.head(self.inputs([y, y]))


def _trainer(model: nn.Module) -> Any:
    torch.manual_seed(0)
    x = torch.randn(64, 3)
    data = TensorDataset(x, (x.sum(1) > 0).long())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return SmashTrainer(
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        30,
        data,
        batch_size=16,
        seed=0,
        learning_rate=0.01,
        progress=False,
    )
