"""Trainers search among values as they do among layers."""

from __future__ import annotations

import random
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nas_tuners import RandomTuner
from nas_tuners.contract.errors import (
    ConfigError,
    SearchSpaceError,
    SpaceMismatchError,
    TrainingError,
)
from trial_api import (
    LayerChoice,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    model_space,
    search_space,
)
from trial_api.mutators import FixedMutator
from trial_api.oneshot import (
    BenderTrainer,
    CdartsTrainer,
    DartsTrainer,
    EnasTrainer,
    FBNetTrainer,
    GdasTrainer,
    PcDartsTrainer,
    PdartsTrainer,
    ProxylessTrainer,
    SinglePathTrainer,
    SmashTrainer,
    SposTrainer,
    SupernetEvaluator,
    candidate_costs,
    fixed_cost,
)
from trial_api.oneshot._supernet_check import SupernetCheck
from trial_api.profiling._running import evaluating
from trial_api.training.batches import Batch


@model_space
class Net(nn.Module):
    """Every kind of value: widths, kernels, probabilities, depths; and layers."""

    def __init__(self):
        super().__init__()
        width, kernel = ValueChoice([4, 8], key="width"), ValueChoice([1, 3], key="kernel")
        self.conv = nn.Conv2d(1, width, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = Repeat(lambda _: nn.Conv2d(width, width, 1), (1, 2), key="depth")
        self.act = LayerChoice({"relu": nn.ReLU, "conv": lambda: nn.Conv2d(width, width, 1)})
        self.dropout = nn.Dropout(ValueChoice([0.0, 0.1], key="dropout"))
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        x = self.act(self.blocks(self.norm(self.conv(x))))
        return self.head(self.dropout(x.mean((2, 3))))


def data(count=16):
    labels = torch.arange(count) % 2
    images = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(count))
    return TensorDataset(images + labels[:, None, None, None], labels)


def accuracy(output, target):
    return {"accuracy": (output.argmax(1) == target).float().mean()}


def reward(output, target):
    return accuracy(output, target)["accuracy"]


def make(trainer, *, model=None, num_epochs=1, **options):
    torch.manual_seed(0)
    model = model or Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    options = {"batch_size": 8, "seed": 1, "progress": False, **options}
    return trainer(
        model, F.cross_entropy, accuracy, optimizer, num_epochs, data(), data(8), **options
    )


def make_enas(model_space=Net):
    model = model_space()
    return EnasTrainer(
        model,
        F.cross_entropy,
        accuracy,
        reward,
        torch.optim.SGD(model.parameters(), 0.1),
        1,
        data(32),
        data(8),
        batch_size=2,
        child_steps=2,
        mutator_steps=2,
        seed=1,
        progress=False,
    )


def make_cdarts():
    small, large = Net(), Net()
    return CdartsTrainer(
        small,
        large,
        F.cross_entropy,
        accuracy,
        torch.optim.SGD(small.parameters(), 0.1),
        torch.optim.SGD(large.parameters(), 0.1),
        2,
        data(),
        data(8),
        warmup_epochs=1,
        batch_size=4,
        seed=1,
        progress=False,
    )


TRAINERS = {
    "bender": partial(make, BenderTrainer, search_fraction=0.5),
    "cdarts": make_cdarts,
    "darts": partial(make, DartsTrainer),
    "darts, second order": partial(make, DartsTrainer, unrolled=True),
    "darts, exact": partial(make, DartsTrainer, unrolled="exact"),
    "enas": make_enas,
    "fbnet": partial(make, FBNetTrainer, warmup_epochs=0),
    "gdas": partial(make, GdasTrainer),
    "pc-darts": partial(make, PcDartsTrainer, weights_only_epochs=0),
    "proxyless": partial(make, ProxylessTrainer, arc_every=1),
    "proxyless, two paths": partial(make, ProxylessTrainer, arc_every=1, arc_mode="two_path"),
    "proxyless, reinforce": partial(make, ProxylessTrainer, arc_every=1, method="reinforce"),
    "smash": partial(make, SmashTrainer, search_fraction=0.5, final_samples=2),
    "spos": partial(make, SposTrainer, search_fraction=0.5),
}


@pytest.mark.parametrize("name", TRAINERS)
def test_trainers_search_among_values(name):
    trainer = TRAINERS[name]()
    assert trainer.mutator.search_space == search_space(Net)
    before = {key: tensor.clone() for key, tensor in trainer.model.state_dict().items()}
    trainer.train()
    after = trainer.model.state_dict()
    assert not torch.equal(before["conv.weight"], after["conv.weight"])
    architecture = trainer.export()
    network = apply_fixed_architecture(Net, architecture)
    load_supernet_state_dict(network, trainer.model.state_dict())
    assert network.conv.out_channels == architecture["width"]
    assert network.conv.kernel_size == (architecture["kernel"],) * 2
    assert network.dropout.p == architecture["dropout"]
    assert len(network.blocks) == architecture["depth"]
    inherited = after["norm.weight"][: architecture["width"]]
    assert torch.equal(network.norm.weight, inherited)


@pytest.mark.parametrize("trainer", [DartsTrainer, FBNetTrainer, GdasTrainer, ProxylessTrainer])
def test_logits_of_values_learn(trainer):
    options = {FBNetTrainer: {"warmup_epochs": 0}, ProxylessTrainer: {"arc_every": 1}}
    trainer = make(trainer, **options.get(trainer, {}))
    before = {name: p.detach().clone() for name, p in trainer.mutator.named_parameters()}
    trainer.train()
    rows = trainer.mutator.logits.one
    moved = {
        key
        for size, keys in rows.keys.items()
        for key, old, new in zip(
            keys, before[f"logits.one.tables.{size}"], rows.tables[str(size)], strict=True
        )
        if not torch.equal(old, new)
    }
    assert {"width", "kernel", "depth", "act"} <= moved


@model_space
class Stripes(nn.Module):
    """Tells rows from columns, which takes more than one pixel and more than one channel."""

    def __init__(self):
        super().__init__()
        width, kernel = ValueChoice([1, 6], key="width"), ValueChoice([1, 3], key="kernel")
        self.conv = nn.Conv2d(1, width, kernel, padding=kernel // 2)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))


def stripes(count, *, seed):
    rows = torch.randn(count, 1, 6, 1, generator=torch.Generator().manual_seed(seed))
    rows = rows.expand(count, 1, 6, 6)
    labels = torch.arange(count) % 2
    images = torch.where(labels[:, None, None, None] == 0, rows, rows.transpose(2, 3))
    return TensorDataset(images, labels)


@pytest.mark.parametrize(
    ("trainer", "options"),
    [
        (SposTrainer, {}),
        (DartsTrainer, {"arc_learning_rate": 0.1}),
        (FBNetTrainer, {"arc_learning_rate": 0.1, "warmup_epochs": 0}),
        (GdasTrainer, {"arc_learning_rate": 0.1}),
        (ProxylessTrainer, {"arc_learning_rate": 0.1, "arc_every": 1}),
    ],
)
def test_the_values_that_a_task_needs_are_found(trainer, options):
    torch.manual_seed(0)
    model = Stripes()
    trainer = trainer(
        model,
        F.cross_entropy,
        accuracy,
        torch.optim.Adam(model.parameters(), 0.02),
        8,
        stripes(256, seed=0),
        stripes(128, seed=1),
        batch_size=16,
        seed=0,
        progress=False,
        **options,
    )
    trainer.train(validate=False)
    if isinstance(trainer, SposTrainer):
        trainer.search(RandomTuner(seed=0), 4)
    assert trainer.export() == {"width": 6, "kernel": 3}
    assert trainer.validate()["accuracy"] > 0.95


def test_searching_after_training_judges_the_small_networks():
    trainer = make(SposTrainer, search_fraction=0.5, bn_batches=0)
    trainer.train()
    best = trainer.search(RandomTuner(seed=0), 3)
    network = apply_fixed_architecture(Net, best)
    load_supernet_state_dict(network, trainer.model.state_dict())
    network.eval()
    images, labels = data(8).tensors
    expected = F.cross_entropy(network(images), labels).item()
    assert trainer.validate()["loss"] == pytest.approx(expected, rel=1e-5)


def test_an_evaluator_takes_the_weights_of_the_trainer(tmp_path):
    trainer = make(SposTrainer, model=Stripes(), search_fraction=0.5)
    trainer.train()
    trainer.checkpoint(tmp_path / "supernet.pt")
    loader = DataLoader(data(8), batch_size=8)
    evaluator = SupernetEvaluator(
        Stripes(), tmp_path / "supernet.pt", loss=F.cross_entropy, loader=loader
    )
    architecture = {"width": 6, "kernel": 1}
    network = apply_fixed_architecture(Stripes, architecture)
    load_supernet_state_dict(network, trainer.model.state_dict())
    images, labels = data(8).tensors
    expected = F.cross_entropy(network(images), labels).item()
    assert evaluator.evaluate(architecture) == pytest.approx(expected)


def test_an_interrupted_search_goes_on_bit_for_bit(tmp_path):
    whole = make(DartsTrainer, num_epochs=2)
    whole.train()
    first = make(DartsTrainer)
    first.train()
    first.checkpoint(tmp_path / "half.pt")
    resumed = make(DartsTrainer, num_epochs=2)
    resumed.resume(tmp_path / "half.pt")
    resumed.train()
    for one, other in ((whole.model, resumed.model), (whole.mutator, resumed.mutator)):
        states = one.state_dict(), other.state_dict()
        tensors = [{k: v for k, v in s.items() if isinstance(v, torch.Tensor)} for s in states]
        assert all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0])


@model_space
class Values(nn.Module):
    def __init__(self):
        super().__init__()
        width = ValueChoice([4, 8], key="width")
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(16, width), nn.Linear(width, 2))

    def forward(self, x):
        return self.layers(x)


def test_those_that_cannot_say_why():
    with pytest.raises(
        SearchSpaceError, match=r"width: ValueChoice; make every choice a SuperKernel"
    ):
        make(SinglePathTrainer)
    with pytest.raises(SearchSpaceError, match="no candidate has a convolution or linear layer"):
        make(SmashTrainer, model=Values())

    def create(layers):
        model = Net()
        return model, F.cross_entropy, torch.optim.SGD(model.parameters(), 0.1), None

    with pytest.raises(
        ConfigError, match=r"model_creator: stages drop .* value choices have none"
    ):
        PdartsTrainer(create, 1, accuracy, 11, data())


def test_candidates_have_no_cost_alone():
    images = data(2).tensors[0]
    for measured in (candidate_costs, fixed_cost):
        with pytest.raises(SearchSpaceError, match="the model has value choices"):
            measured(Net(), images)


def test_own_tables_of_costs_may_have_rows_for_values():
    cost = {"act": [2.0, 3.0], "width": [10.0, 20.0], "depth": [1.0, 2.0]}
    trainer = make(FBNetTrainer, warmup_epochs=0, cost=cost)
    trainer.train()
    make(ProxylessTrainer, arc_every=1, cost=cost, method="reinforce").train()
    make(SposTrainer, search_fraction=0.5, cost=cost, cost_bounds=(13, 25)).train()
    with pytest.raises(SpaceMismatchError, match="width: expected 2 costs"):
        make(FBNetTrainer, warmup_epochs=0, cost=cost | {"width": [1.0]})


@model_space
class Concatenated(Values):
    """Zeros behind the first part would move the second one."""

    def __init__(self):
        nn.Module.__init__(self)
        width = ValueChoice([4, 8], key="width")
        self.parts = nn.ModuleList(nn.Linear(16, width) for _ in range(2))
        self.head = nn.Linear(2 * width, 2)

    def forward(self, x):
        return self.head(torch.cat([part(x.flatten(1)) for part in self.parts], dim=1))


@pytest.mark.parametrize("trainer", [DartsTrainer, BenderTrainer])
def test_models_that_zeros_change_are_not_mixed(trainer):
    with pytest.raises(TrainingError, match=r"mixes the candidates .* with {'width': .*Spos"):
        make(trainer, model=Concatenated()).train()


def test_models_that_zeros_change_run_one_candidate_at_a_time():
    make(SposTrainer, model=Concatenated(), search_fraction=0.5).train()
    make_enas(Concatenated).train()


class Counting(nn.Module):
    """Counts its calls, and draws random numbers from everywhere."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        self.calls += 1
        random.random(), np.random.random(), torch.rand(1)
        return x


@model_space
class Counted(Values):
    def __init__(self):
        super().__init__()
        self.counting = Counting()

    def forward(self, x):
        return self.counting(super().forward(x))


def test_looking_at_values_changes_nothing():
    model = Counted()
    check = SupernetCheck(FixedMutator(model, {"width": 4}))
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    check(Batch((torch.zeros(2, 1, 4, 4),), {}, None, size=2))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert after == before
    assert model.counting.calls == 0
    assert all(module.training for module in model.modules())


def test_buffers_without_a_value_yet_need_not_be_kept():
    model = nn.LazyBatchNorm1d()
    with evaluating(model):
        model(torch.zeros(2, 3))
    assert model.running_mean.tolist() == [0, 0, 0]


@model_space
class Secret(nn.Module):
    """A function knows the width, which no module shows."""

    def __init__(self):
        super().__init__()
        width = ValueChoice([4, 8], key="width")
        self.layer = nn.Linear(16, width)
        self.scaled = lambda x: self.layer(x.flatten(1))[:, :2] * width

    def forward(self, x):
        return self.scaled(x)


@model_space
class SecretAmongMany(nn.Module):
    """The function knows one of several values, with which most do nothing."""

    def __init__(self, place):
        super().__init__()
        widths = [ValueChoice([4, 8], key=f"width{i}") for i in range(6)]
        sizes = zip([16, *widths], [*widths, 2], strict=True)
        self.layers = nn.Sequential(nn.Flatten(), *(nn.Linear(*pair) for pair in sizes))
        self.scaled = lambda x: self.layers(x) * widths[place]

    def forward(self, x):
        return self.scaled(x)


def test_every_value_is_looked_at():
    with pytest.raises(TrainingError, match="does not run as the networks that it holds"):
        make(SposTrainer, model=SecretAmongMany(place=1), search_fraction=0.5).train()


@model_space
class Direct(Values):
    """Takes a weight from a layer, without calling that."""

    def forward(self, x):
        last = self.layers[2]
        return F.linear(self.layers[:2](x), last.weight, last.bias)


@model_space
class Fixed(Values):
    """Runs with one of the widths only."""

    def forward(self, x):
        return self.layers[2](self.layers[:2](x).view(-1, 8))


@pytest.mark.parametrize(
    ("model_class", "message"),
    [
        (
            Direct,
            r"with {'width': 4} it fails, but not the network built alone \(RuntimeError: mat",
        ),
        (Fixed, r"with {'width': 4} the model fails \(RuntimeError: mat1 and mat2"),
    ],
)
def test_what_fails_says_with_which_values(model_class, message):
    with pytest.raises(TrainingError, match=message):
        make(SposTrainer, model=model_class(), search_fraction=0.5).train()


def test_batches_that_a_supernet_cannot_take():
    trainer = make(SposTrainer, model=Values(), unpack=lambda batch: (tuple(batch), batch[1]))
    with pytest.raises(TrainingError, match=r"Values.forward cannot be called with .* 2 by posit"):
        trainer.train()


def test_what_depends_on_values_in_secret_is_found_out_each_time():
    message = r"does not run as the networks that it holds: with {'width': 4} its output differs"
    trainer = make(SposTrainer, model=Secret(), search_fraction=0.5)
    for _ in range(2):
        with pytest.raises(TrainingError, match=message):
            trainer.train()
