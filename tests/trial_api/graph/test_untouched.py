"""Recording leaves everything as it was."""

from __future__ import annotations

import copy
import gc
import random
import weakref
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.modules.module as torch_module
from torch import Tensor, nn

from search_spaces import darts
from tests.trial_api.graph.kit import edges, recorded
from tests.trial_api.networks import Net, images
from trial_api import LayerChoice, MutableScope, ValueChoice, make_supernet, model_space
from trial_api.mutators import ControllerMutator, SoftmaxMutator


class Random(nn.Module):
    """Draws numbers, counts its calls, and keeps statistics."""

    calls: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.dropout = nn.Dropout(0.5)
        self.layer = LayerChoice([nn.Linear(3, 3), nn.Identity()], key="layer")
        self.register_buffer("calls", torch.zeros(()))
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(len(self.seen))
        noise = torch.rand(3) + random.random() + float(np.random.rand())
        return self.layer(self.dropout(self.norm(x))) + noise


class Stubborn(Random):
    """Runs with numbers alone."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if x.sum() > -1e9 else x


class Broken(Random):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) @ torch.zeros(7, 7)


def state(model: nn.Module) -> Any:
    tensors = [*model.parameters(), *model.buffers()]
    return (
        [(id(tensor), tensor._version, tensor.tolist()) for tensor in tensors],
        [(id(module), module.training, sorted(vars(module))) for module in model.modules()],
        [[*module._forward_hooks, *module._forward_pre_hooks] for module in model.modules()],
        [tensor.grad is None for tensor in model.parameters()],
        torch.get_rng_state().tolist(),
        random.getstate(),
        np.random.get_state()[1].tolist(),
        torch.is_grad_enabled(),
        torch.backends.mha.get_fastpath_enabled(),
        len(torch_module._global_forward_hooks) + len(torch_module._global_forward_pre_hooks),
    )


@pytest.mark.parametrize(
    ("kind", "tier"), [(Random, "meta"), (Stubborn, "cpu"), (Broken, "modules")]
)
@pytest.mark.parametrize("bound", [False, True])
def test_the_model_and_the_random_states_stay(kind: Any, tier: str, bound: bool) -> None:
    model = kind()
    model.norm.eval()
    model.dropout.eval()
    model.norm.train()
    if bound:
        SoftmaxMutator(model).reset()
    inputs = torch.randn(4, 3)
    before, given = state(model), inputs.clone()
    recorded(model, inputs, tier=tier)
    assert state(model) == before
    assert torch.equal(inputs, given)
    assert inputs._version == 0
    assert model.seen == []


def test_a_pass_that_has_begun_goes_on() -> None:
    model = Random()
    mutator = SoftmaxMutator(model)
    mutator.reset()
    x = torch.randn(4, 3)
    loss = model(x).square().sum()
    expected = torch.autograd.grad(loss, list(model.layer.parameters()), retain_graph=True)
    mutator.graph(x)
    loss.backward()
    for parameter, gradient in zip(model.layer.parameters(), expected, strict=True):
        assert torch.equal(parameter.grad, gradient)


class Cell(MutableScope):
    def __init__(self) -> None:
        super().__init__("cell")
        self.layer = LayerChoice([nn.Linear(3, 3), nn.Identity()], key="layer")

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class Watching(ControllerMutator):
    entered = 0

    def enter_mutable_scope(self, scope: MutableScope) -> None:
        self.entered += 1


def test_neither_the_mutator_nor_hooks_take_part() -> None:
    model = Cell()
    mutator = Watching(model, seed=0)
    mutator.reset()
    calls: list[str] = []
    model.layer[0].register_forward_hook(lambda *_: calls.append("forward"))
    model.register_forward_pre_hook(lambda *_: calls.append("before"))
    decided, held = mutator.status(), copy.deepcopy(mutator.state_dict())
    mutator.graph(torch.zeros(2, 3))
    assert (calls, mutator.entered) == ([], 0)
    assert mutator.status() == decided
    assert str(mutator.state_dict()) == str(held)
    model(torch.zeros(2, 3))
    assert "before" in calls
    assert mutator.entered == 1


class Hooked(nn.Module):
    """A hook of the model's own changes what a layer gives."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.layer.register_forward_hook(self.twice)

    def twice(self, _module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        return torch.cat([output, output], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def test_hooks_that_are_a_part_of_the_model_take_part() -> None:
    assert recorded(Hooked(), torch.zeros(2, 3))["nodes"][-1]["shapes"] == [[2, 8]]


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_weights_that_hooks_compute_take_part() -> None:
    layer = nn.utils.weight_norm(nn.Linear(3, 4))
    layer(torch.zeros(2, 3))  # has a weight with a graph from now on
    graph = recorded(nn.Sequential(layer, nn.ReLU()), torch.zeros(2, 3))
    assert edges(graph) == {("input input", "0"), ("0", "1"), ("1", "output")}
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(layer)  # of which the recorder is spared


@model_space
class Sized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, ValueChoice([2, 4], key="width"))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def test_a_supernet_with_values_stays() -> None:
    model = make_supernet(Sized())
    mutator = SoftmaxMutator(model)
    mutator.reset()
    x = torch.randn(2, 3)
    before, output = state(model), model(x)
    mutator.graph(x)
    assert state(model) == before
    assert torch.equal(model(x), output)


def test_what_was_copied_is_let_go() -> None:
    made: list[weakref.ref[nn.Module]] = []

    class Noting(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            made.append(weakref.ref(self))
            return super().forward(x)

    recorded(nn.Sequential(Noting(3, 3)), torch.zeros(2, 3))
    gc.collect()
    assert [reference() for reference in made] == [None]


@pytest.mark.extended
def test_a_supernet_trains_on_as_if_nothing_had_been_recorded() -> None:
    def losses(*, records: bool) -> list[float]:
        torch.manual_seed(0)
        model = darts(channels=4, cells=3)
        mutator = SoftmaxMutator(model)
        optimizer = torch.optim.SGD([*model.parameters(), *mutator.parameters()], 0.1)
        x, y = torch.randn(2, 3, 8, 8), torch.tensor([0, 1])
        found = []
        for _ in range(2):
            mutator.reset()
            loss = nn.functional.cross_entropy(model(x), y)
            found.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if records:
                mutator.graph(x)
        return found

    assert losses(records=True) == losses(records=False)


def test_modes_of_others_do_not_matter() -> None:
    before = recorded(Net(), images())
    with torch.inference_mode():
        assert recorded(Net().train(), images()) == before
    with torch.enable_grad():
        assert recorded(Net().eval(), images()) == before
    with torch.device("meta"):
        assert recorded(Net(), images().to("meta")) == before
