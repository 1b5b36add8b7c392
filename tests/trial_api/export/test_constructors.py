"""Layers are written with the arguments that they were constructed with."""

from __future__ import annotations

import copy
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners.contract.errors import ExportError
from tests.trial_api.export.code import class_of, loaded, round_trip
from trial_api.export import export_code


def images(channels: int = 3) -> torch.Tensor:
    return torch.rand(2, channels, 8, 8)


class Net(nn.Module):
    """Runs one layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


@pytest.mark.parametrize(
    ("make", "written"),
    [
        (
            lambda: nn.Conv2d(3, 8, 3, 2, padding=(1, 0), bias=False),
            "nn.Conv2d(3, 8, 3, stride=2, padding=(1, 0), bias=False)",
        ),
        (lambda: nn.Conv2d(3, 8, 3, padding="same"), 'nn.Conv2d(3, 8, 3, padding="same")'),
        (
            lambda: nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False),
            "nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)",
        ),
        (
            lambda: nn.BatchNorm2d(num_features=3, momentum=None, affine=False),
            "nn.BatchNorm2d(3, momentum=None, affine=False)",
        ),
        (
            lambda: nn.Hardtanh(float("-inf"), 0.5),
            'nn.Hardtanh(min_val=float("-inf"), max_val=0.5)',
        ),
        (lambda: nn.Identity("ignored", size=3), "nn.Identity()"),
        (lambda: nn.Upsample(scale_factor=2.0, mode="bilinear"), "nn.Upsample(scale_factor=2.0"),
        (lambda: nn.Softmax2d(), "nn.Softmax2d()"),
        (lambda: nn.LazyConv2d(4, 3), "nn.LazyConv2d(4, 3)"),
        (lambda: nn.Linear(8, 2).requires_grad_(False), "nn.Linear(8, 2).requires_grad_(False)"),
        (lambda: nn.Linear(8, 2, device="cpu"), "self.layer = nn.Linear(8, 2)\n"),
        (lambda: nn.Dropout(np.linspace(0, 0.5, 3)[1]), "nn.Dropout(p=0.25)"),
        (
            lambda: nn.GRU(8, 4, batch_first=True, bidirectional=True),
            "nn.GRU(8, 4, batch_first=True, bidirectional=True)",
        ),
    ],
)
def test_arguments_as_given(make, written):
    inputs = images()[:, 0] if "GRU" in written else images()
    if "Lazy" in written:
        assert written in export_code(lambda: Net(make()), inputs)
    else:
        assert written in round_trip(lambda: Net(make()), inputs)


def test_layers_in_arguments_and_functions_in_arguments():
    def build() -> nn.Module:
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, F.gelu, batch_first=True)
        return Net(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False))

    code = round_trip(build, torch.rand(2, 5, 8))
    assert "nn.TransformerEncoder(" in code
    assert "activation=F.gelu" in code


class Same(nn.Conv2d):
    """A subclass that only fills in arguments."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        self.remembered = lambda: self  # which makes `self` a variable of a closure
        kernel = kernel | 1
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)


class Standardized(nn.Conv2d):
    """A subclass with a forward of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight - self.weight.mean(dim=(1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def test_subclasses_of_layers():
    code = round_trip(lambda: nn.Sequential(Same(3, 4, 2), Standardized(4, 2, 3)), images())
    assert "nn.Conv2d(3, 4, 3, padding=1)" in code
    assert "class Standardized(nn.Module)" in code
    assert "self.weight = nn.Parameter(torch.zeros(2, 4, 3, 3))" in code


def test_copied_layers_know_their_arguments():
    def build() -> nn.Module:
        block = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.PReLU(3))
        return nn.Sequential(*[copy.deepcopy(block) for _ in range(2)])

    assert round_trip(build, images()).count("nn.Conv2d(3, 3, 3, padding=1)") == 2


def test_lists_are_written_as_they_were_given():
    class Emptying(nn.LayerNorm):
        def __init__(self, shape: list[int]) -> None:
            super().__init__(shape)
            shape.clear()

    assert "nn.LayerNorm([8, 8])" in round_trip(lambda: Net(Emptying([8, 8])), images())


def test_layers_made_before_are_named():
    layer = nn.Conv2d(3, 3, 1)
    with pytest.raises(ExportError, match=r"1\.layer: this Conv2d was made before `build`"):
        export_code(lambda: nn.Sequential(nn.ReLU(), Net(layer)), images())


def test_arguments_that_cannot_be_written_are_named():
    def build() -> nn.Module:
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation=lambda x: x.relu())
        return nn.Sequential(layer)

    with pytest.raises(ExportError, match="0: argument `activation` of TransformerEncoderLayer"):
        export_code(build, torch.rand(2, 5, 8))


def test_what_is_changed_after_construction_is_found():
    def build() -> nn.Module:
        layer = nn.Linear(8, 2)
        layer.weight = nn.Parameter(torch.rand(5, 8))
        layer.bias = nn.Parameter(torch.rand(5))
        return Net(layer)

    with pytest.raises(ExportError, match=r"changed a layer after its construction(.|\n)*weight"):
        export_code(build, images())


def test_settings_that_are_changed_after_construction():
    def build() -> nn.Module:
        model = Net(nn.Sequential(nn.Conv2d(3, 3, 3, stride=2), nn.BatchNorm2d(3), nn.Dropout()))
        model.layer[0].stride = (1, 1)
        model.layer[0].bias.requires_grad_(False)
        model.layer[1].eps, model.layer[1].momentum, model.layer[2].p = 0.01, None, 0.1
        return model

    code = round_trip(build, images())
    statements = [
        "self.layer[0].stride = (1, 1)",
        "self.layer[0].bias.requires_grad_(False)",
        "self.layer[1].eps = 0.01",
        "self.layer[1].momentum = None",
        "self.layer[2].p = 0.1",
    ]
    assert "\n        ".join(statements) in code


def test_single_layers_that_are_frozen():
    code = round_trip(lambda: nn.Linear(8, 2).requires_grad_(False), images())
    copy = loaded(code, class_of(code))
    assert not any(parameter.requires_grad for parameter in copy.parameters())


def test_types():
    code = round_trip(lambda: Net(nn.Linear(8, 2)).double(), images().double(), cast=torch.float64)
    assert "model = Net().to(torch.float64)" in code

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 2), nn.Linear(8, 2).double()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(x) + self.second(x.double())

    assert "self.second = nn.Linear(8, 2).to(torch.float64)" in round_trip(Mixed, images())

    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 8)
            self.register_buffer("turn", torch.polar(torch.ones(8), torch.arange(8.0)))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (self.linear(x) * self.turn).real

    assert "torch.zeros(8, dtype=torch.complex64)" in round_trip(Complex, images())


def test_profile_functions_go_on():
    seen = []
    sys.setprofile(lambda frame, event, argument: seen.append(frame.f_code.co_name))
    try:
        profile = sys.getprofile()
        export_code(lambda: Net(nn.ReLU()), images())
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert "__init__" in seen


def test_nothing_is_left_in_the_model():
    layers = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
    plain = Net(layers).eval()
    models = []

    def build() -> nn.Module:
        layers = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
        models.append(Net(layers).eval())
        return models[0]

    inputs, numbers = images(), torch.get_rng_state()
    export_code(build, inputs)
    assert torch.equal(torch.get_rng_state(), numbers)
    for ours, theirs in zip(models[0].modules(), plain.modules(), strict=True):
        assert vars(ours).keys() == vars(theirs).keys()
        assert ours.training is False
    for name, value in models[0].state_dict().items():
        assert torch.equal(value, plain.state_dict()[name])


def test_threads():
    """They draw from the same random numbers."""
    inputs = images()
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda _: export_code(lambda: Net(nn.Dropout()), inputs), range(8)))
    assert len(set(codes)) == 1


def test_what_build_returns():
    with pytest.raises(ExportError, match=r"must return an nn\.Module, but it returned None"):
        export_code(lambda: None, images())


def test_layers_without_a_constructor_of_their_own_once_something_was_compiled():
    """The compiler replaces ``nn.Module.__init__``."""
    torch.compile(nn.Tanh(), backend="eager")(torch.zeros(1))
    code = export_code(lambda: nn.Sequential(nn.Tanh(), nn.Linear(2, 2)), torch.zeros(2, 2))
    assert "nn.Tanh()" in code


class Positions(nn.Module):
    """Adds something for each place, as transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(400, 3)
        self.register_buffer("places", torch.arange(400), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.table(self.places)


def test_many_positions_are_written_as_what_they_are():
    code = round_trip(Positions, torch.rand(2, 400, 3))
    assert "torch.arange(400, dtype=torch.int64), persistent=False)" in code


class Absent(nn.Module):
    """Has places where no layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([None, nn.Linear(4, 4)])
        self.named = nn.ModuleDict({"a": None, "b": nn.Linear(4, 4)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (*self.layers, *self.named.values()):
            x = x if layer is None else layer(x)
        return x


def test_absent_modules_of_containers():
    round_trip(Absent, torch.rand(2, 4))
