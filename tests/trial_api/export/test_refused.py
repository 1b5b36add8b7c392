"""What cannot be written as code: the module, the line, and what to do."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError
from tests.trial_api.networks import Net
from trial_api import LayerChoice, apply_fixed_architecture
from trial_api.export import export_code


class Runs(nn.Module):
    """A function as a forward, inside a model."""

    def __init__(self, run: Callable[[nn.Module, Tensor], object]) -> None:
        super().__init__()
        self.run = run
        self.linear = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> object:
        return self.run(self, x)


def depends_on_values(module: Runs, x: Tensor) -> Tensor:
    return x if x.sum() > 0 else -x


def reads_a_number(module: Runs, x: Tensor) -> Tensor:
    return x * x.max().item()


def goes_through_numpy(module: Runs, x: Tensor) -> Tensor:
    return x + torch.from_numpy(np.ones(4, dtype=np.float32)) * module.linear(x)


def without_gradients(module: Runs, x: Tensor) -> Tensor:
    with torch.no_grad():
        x = x * 2
    return module.linear(x)


def drawn_elsewhere(module: Runs, x: Tensor) -> Tensor:
    return x if random.random() < 2 else -x


def drawn_by_numpy(module: Runs, x: Tensor) -> Tensor:
    return x if np.random.rand() < 2 else -x


def in_low_precision(module: Runs, x: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return module.linear(x)


def returns_an_object(module: Runs, x: Tensor) -> object:
    return iter([x])


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (depends_on_values, "depends on the values in a tensor (__bool__)"),
        (reads_a_number, "depends on the values in a tensor (item)"),
        (goes_through_numpy, "a tensor of the shape (4,) that is not handed to it"),
        (without_gradients, "forward switches a mode of torch (set_grad_enabled)"),
        (returns_an_object, "it returns a list_iterator"),
    ],
)
def test_forwards(run, message):
    with pytest.raises(ExportError, match=re.escape(message)) as caught:
        export_code(lambda: nn.Sequential(nn.ReLU(), Runs(run)), torch.rand(2, 4))
    line = run.__code__.co_firstlineno
    text = str(caught.value)
    if run is not returns_an_object:
        where = re.search(r"test_refused\.py:(\d+)", text)
        assert 0 < int(where[1]) - line < 4
        assert "1 (Runs): " in text
    assert "export_stub() writes a file that imports the model's class" in text


def test_autocast():
    with pytest.raises(ExportError, match="forward switches a mode of torch"):
        export_code(lambda: Runs(in_low_precision), torch.rand(2, 4))


@pytest.mark.parametrize("run", [drawn_elsewhere, drawn_by_numpy])
def test_random_numbers_from_outside_of_torch(run):
    with pytest.raises(ExportError, match="forward draws random numbers from outside of torch"):
        export_code(lambda: Runs(run), torch.rand(2, 4))


class Batched(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x) * 4)


def test_sizes_that_are_lost_are_found():
    with pytest.raises(ExportError, match=r"a batch of twice the size(.|\n)*len\(tensor\)"):
        export_code(Batched, torch.rand(2, 4))


class Remembers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x * self.calls


def test_state_from_one_call_to_the_next_is_found():
    with pytest.raises(ExportError, match="forward keeps from one call to the next"):
        export_code(Remembers, torch.rand(2, 4))


class BatchedInEvaluation(Batched):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1 if self.training else super().forward(x)


class RemembersInEvaluation(Remembers):
    def forward(self, x: Tensor) -> Tensor:
        return x * 1 if self.training else super().forward(x)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (BatchedInEvaluation, "a batch of twice the size"),
        (RemembersInEvaluation, "in evaluation mode the code gives other outputs"),
    ],
)
def test_what_is_lost_in_evaluation_only_is_found(build, message):
    with pytest.raises(ExportError, match=message):
        export_code(build, torch.rand(2, 4))


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.rand(1000), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.table[0]


def test_buffers_that_do_not_come_with_the_weights():
    with pytest.raises(ExportError, match=r"0\.table: a tensor of 1000 numbers is too large"):
        export_code(lambda: nn.Sequential(Table()), torch.rand(2, 4))


def test_models_with_open_choices():
    with pytest.raises(ExportError, match=r"does not run on `inputs`(.|\n)*not decided yet"):
        export_code(Net, torch.rand(1, 1, 6, 6))


def test_inputs_that_do_not_fit():
    with pytest.raises(ExportError, match="does not run on `inputs`: mat1 and mat2") as caught:
        export_code(lambda: nn.Linear(3, 3), torch.rand(2, 4))
    assert "export_stub" not in str(caught.value)


def test_batches_too_small_for_training():
    with pytest.raises(ExportError, match="does not run in training mode on `inputs`: Expected"):
        export_code(lambda: nn.Sequential(nn.BatchNorm1d(4)), torch.rand(1, 4))


@pytest.mark.parametrize("name", ["best net", "class", "nn", "super"])
def test_names_that_no_class_can_have(name):
    with pytest.raises(ExportError, match="`name` must be a name that a class can have"):
        export_code(lambda: nn.Linear(4, 3), torch.rand(2, 4), name=name)


def test_networks_that_are_built_already():
    with pytest.raises(ExportError, match="`build` must be a function that builds the network"):
        export_code(nn.Linear(4, 3), torch.rand(2, 4))


class Optional(nn.Module):
    def forward(self, x: Tensor, scale: float | None = None, y: Tensor | None = None) -> Tensor:
        return x if y is None else x + y


def test_inputs_that_are_no_tensors():
    tensor = torch.rand(2, 4)
    with pytest.raises(ExportError, match="tuples and dicts of them, but `scale` is None: leave"):
        export_code(Optional, [tensor, None, tensor])


def test_parameters_that_are_frozen_otherwise():
    class Thaws(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 4).requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            self.linear.bias.requires_grad_(not self.linear.bias.requires_grad)
            return self.linear(x)

    with pytest.raises(ExportError, match=r"gradient of linear\.bias differs in the code"):
        export_code(Thaws, torch.rand(2, 4))


class Doubled(torch.autograd.Function):
    """A backward that is not that of its forward."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return -gradient


def test_gradients_of_ones_own():
    with pytest.raises(ExportError, match=r"gradient of linear\.weight differs in the code"):
        export_code(lambda: Runs(lambda self, x: Doubled.apply(self.linear(x))), torch.rand(2, 4))


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count = self.count + 1
        return x * self.count


def test_buffers_that_are_replaced():
    with pytest.raises(ExportError, match="in training mode the code keeps other buffers"):
        export_code(Counts, torch.rand(2, 4))


class Layer(nn.TransformerEncoderLayer):
    def forward(self, *args: object, **kwargs: object) -> Tensor:
        return super().forward(*args, **kwargs) * 2


def test_layers_of_ones_own_inside_layers_of_torch():
    def build() -> nn.Module:
        layer = Layer(4, 2, 8, batch_first=True)
        return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    with pytest.raises(ExportError, match="argument `encoder_layer` of TransformerEncoder: Layer"):
        export_code(build, torch.rand(2, 3, 4))


class Half(nn.Module):
    """Keeps its choice, as it gives a mask, too."""

    def __init__(self) -> None:
        super().__init__()
        layers = {"half": nn.Linear(3, 3), "b": nn.ReLU()}
        self.choice = LayerChoice(layers, return_mask=True, key="k")

    def forward(self, x):
        return self.choice(x)[0]


def test_a_candidate_with_a_name_that_torch_has_taken():
    with pytest.raises(ExportError, match="choice: torch allows no entry 'half': rename it"):
        export_code(lambda: apply_fixed_architecture(Half(), {"k": "half"}), torch.rand(2, 3))
