"""Forwards of many forms, written down and run again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from search_spaces._mobile_blocks import ChannelShuffle
from tests.trial_api.export.code import body_of, class_of, loaded, round_trip
from tests.trial_api.networks import ARCHITECTURE, Nested, Net
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.export import export_code


def images(channels: int = 4, size: int = 6) -> Tensor:
    return torch.rand(2, channels, size, size)


def test_plain_network_as_one_would_write_it():
    code = round_trip(lambda: apply_fixed_architecture(Net(), ARCHITECTURE), images(1))
    assert code.endswith("""
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 5, padding=2)
        self.act = nn.Sequential(
            nn.Conv2d(2, 2, 1),
            nn.Tanh(),
        )
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        return self.head(self.act(self.conv(x)).mean((2, 3)))
""")


def test_shapes_are_followed():
    code = round_trip(lambda: nn.Sequential(ChannelShuffle(2), nn.Conv2d(4, 4, 1)), images())
    assert "x.reshape(x.shape[0], 2, x.shape[1] // 2, x.shape[2], x.shape[3])" in code
    copy = loaded(code, class_of(code))
    assert copy(torch.rand(5, 4, 3, 7)).shape == (5, 4, 3, 7)


class Pads(nn.Module):
    """To a multiple of four, with what can be done to a size."""

    def forward(self, x: Tensor) -> Tensor:
        torch._assert(x.dim() == 4, "images, please")
        height, width = x.shape[2:]
        half, odd = divmod(width, 2)
        x = F.pad(x, (odd, -width % 4, 0, -height % 4))
        return (x * height**2 * x.__ne__(0))[..., -half:]


def test_negative_sizes_are_followed():
    code = round_trip(Pads, images(size=5))
    assert "(-x.shape[3]) % 4" in code
    assert "pad != 0" in code
    copy, inputs = loaded(code, "Pads"), images(size=7)
    assert torch.equal(copy(inputs), Pads()(inputs))


class Attention(nn.Module):
    """Unpacks shapes, splits, scales by a root, adds a table, returns several things."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.table = nn.Parameter(torch.randn(1, 1, width))
        self.register_buffer("scale", torch.tensor((width // heads) ** -0.5), persistent=False)
        self.register_buffer("steps", torch.zeros(3))
        self.offset = torch.tensor([0.25, 0.1])

    def forward(self, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        batch, length, width = x.shape
        qkv = self.qkv(x + self.table).view(batch, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        mask = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        weights = weights.masked_fill(~mask, 0) + self.offset.sum()
        out = (weights @ v).transpose(1, 2).reshape(batch, length, width)
        return out, {"weights": weights, "total": weights.sum() + self.steps.sum()}


def test_attention():
    code = round_trip(lambda: Attention(8, 2), torch.rand(3, 5, 8))
    assert "self.table = nn.Parameter(torch.zeros(1, 1, 8))" in code
    assert 'self.register_buffer("scale", torch.tensor(0.5, dtype=torch.float32), pers' in code
    assert 'self.register_buffer("steps", torch.zeros(3))' in code
    assert "device=x.device" in code


class Modes(nn.Module):
    """Behaves otherwise in training, in its arguments and in its statements."""

    def __init__(self, branches: bool) -> None:
        super().__init__()
        self.branches = branches
        self.conv = nn.Conv2d(4, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(F.dropout(self.conv(x), 0.3, self.training))
        if self.branches and self.training:
            x = x + torch.rand(x.shape[0], 1, 1, 1)
        return x


def test_modes():
    code = round_trip(lambda: Modes(False), images())
    assert "F.dropout(self.conv(x), p=0.3, training=self.training)" in code
    code = round_trip(lambda: Modes(True), images())
    assert "        if self.training:\n" in code
    assert code.count("torch.rand(") == 1


class InPlace(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        same = y
        y += 1
        y[:, 0] = -1
        y[:, :, ::2].clamp_(max=0.5)
        z = F.relu(y, inplace=True)
        return same + z + x[:, 1:2].mul_(3)


def test_in_place_changes():
    code = round_trip(InPlace, images())
    assert "mul.add_(1)" in code
    assert "mul[:, 0] = -1" in code


class Lists(nn.Module):
    """Hands lists and dicts to its parts, which hand constants back."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"0->1": Picks(0), "type_": Picks(1)})
        self.many = Many()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        states, taken = [x, y], set()
        for part in self.parts.values():
            state, indices = part({"states": states, "scale": 2.0})
            states.append(state)
            taken |= indices
        loose = [state for index, state in enumerate(states) if index not in taken]
        return self.many(*loose, bias=1.5)


class Picks(nn.Module):
    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index
        self.linear = nn.Linear(6, 6)

    def forward(self, inputs: dict[str, object]) -> tuple[Tensor, set[int]]:
        return self.linear(inputs["states"][self.index]) * inputs["scale"], {self.index}


class Many(nn.Module):
    def forward(self, *inputs: Tensor, bias: float) -> Tensor:
        return torch.stack(inputs).sum(0) + bias


def test_lists_dicts_and_constants():
    code = round_trip(Lists, images(), images())
    assert 'self.linear(inputs["states"][0]) * 2.0' in body_of(code, "Picks")
    assert "def forward(self, *inputs):" in body_of(code, "Many")
    assert 'self.parts["0->1"]({"states": [x, y], "scale": 2.0})' in code


class Twice(nn.Module):
    """Runs one module with different constants, so that there is no one forward of it."""

    def __init__(self) -> None:
        super().__init__()
        self.scaled = Scaled()
        self.alike = Scaled()

    def forward(self, x: Tensor) -> Tensor:
        x = self.scaled(x, 2) + self.scaled(x, 3)
        return self.alike(x, 4) + self.alike(x.flip(0), 4)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: Tensor, factor: int) -> Tensor:
        return self.linear(x) * factor


def test_a_module_that_computes_differently_becomes_part_of_its_parent():
    code = round_trip(Twice, images())
    assert "self.scaled.linear(x) * 2 + self.scaled.linear(x) * 3" in code
    assert "self.alike(" in code
    assert "forward" not in body_of(code, "Scaled")
    assert "forward" in body_of(code, "Scaled2")


class Chain(nn.Sequential):
    """Adds something to what is run in turn."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Widths(nn.Module):
    """Blocks of the same form with other numbers."""

    def __init__(self) -> None:
        super().__init__()
        widths = [4, 6, 8, 10]
        self.blocks = nn.Sequential(
            *[Block(inputs, outputs, 3) for inputs, outputs in pairwise(widths)]
        )
        self.last = Chain(nn.Conv2d(10, 10, 1), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.blocks(x))


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(self.conv(x), 2, stride=1)


def test_classes_are_shared_and_get_the_numbers_that_differ():
    code = round_trip(Widths, images())
    assert body_of(code, "Block") == (
        "nn.Module):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)\n"
        "\n"
        "    def forward(self, x):\n"
        "        return F.max_pool2d(self.conv(x), 2, stride=1)"
    )
    assert "            Block(4, 6),\n            Block(6, 8),\n" in code
    assert "class Chain(nn.Sequential):" in code


class Names(nn.Module):
    """Names that code cannot use as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("3x3", nn.Conv2d(4, 4, 3, padding=1))
        self.max = nn.MaxPool2d(3, 1, padding=1)
        self.torch = nn.ParameterList([torch.ones(1), torch.ones(4, 1, 1)])
        self.F = nn.ParameterDict({"key": torch.ones(1)})
        self.nothing = None

    def forward(self, lambda_: Tensor) -> Tensor:
        pooled = self.max(getattr(self, "3x3")(lambda_))
        return pooled * self.torch[1] + pooled.max() + self.F["key"]


def test_names():
    code = round_trip(Names, images())
    assert 'self.add_module("3x3", nn.Conv2d(4, 4, 3, padding=1))' in code
    assert 'self._modules["3x3"](lambda_)' in code


class Closures(nn.Module):
    """What is handed on are functions."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)
        self.lazy = Lazy()

    def forward(self, x: Tensor) -> Tensor:
        return self.lazy(lambda: self.linear(x), self.linear.weight)


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)

    def forward(self, source, weight: Tensor) -> Tensor:
        return self.norm(source()) @ weight


def test_closures_become_part_of_the_caller():
    code = round_trip(Closures, images())
    assert "self.lazy.norm(self.linear(x)) @ self.linear.weight" in code


class Interpolates(nn.Module):
    def forward(self, x: Tensor) -> list[Tensor]:
        small = F.avg_pool2d(x, 2)
        large = F.interpolate(small, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return [part.contiguous() for part in (x - large).chunk(2, dim=1)]


def test_interpolation_to_the_size_of_another():
    code = round_trip(Interpolates, images(4, 7))
    assert "size=(x.shape[2], x.shape[3])" in code


class EveryForm(nn.Module):
    """Choices that give masks, lists and means."""

    def __init__(self) -> None:
        super().__init__()
        self.masked = LayerChoice([nn.Linear(6, 6), nn.ReLU()], return_mask=True)
        self.listed = LayerChoice({"3 x 3": nn.Linear(6, 6)}, reduction="none")
        self.pick = InputChoice(choose_from=["x", "y", "z"], reduction="mean", return_mask=True)

    def forward(self, x: Tensor) -> Tensor:
        y, mask = self.masked(x)
        (z,) = self.listed(y)
        output, chosen = self.pick({"x": x, "y": y, "z": z})
        return output * mask.sum() * chosen.sum()


def test_what_choices_leave_behind_vanishes():
    decided = {"masked": 0, "listed": 0, "pick": ["x", "z"]}
    code = round_trip(lambda: apply_fixed_architecture(EveryForm(), decided), images())
    assert "Chosen" not in code
    assert 'self.listed["3 x 3"]' in code
    assert "torch.tensor([True, False])" in code
    code = round_trip(
        lambda: apply_fixed_architecture(Nested(), {"block": "deep", "block.deep.1": "tanh"}),
        torch.rand(3, 2),
    )
    assert "nn.Tanh()" in code


@pytest.mark.parametrize("make", [lambda: nn.Linear(6, 2), nn.Sequential, nn.ReLU])
def test_models_that_are_single_layers(make):
    assert "class Network(" in round_trip(make, images())


def test_a_name_of_ones_own():
    code = export_code(lambda: nn.Linear(6, 2), images(), name="Best")
    assert "class Best(nn.Linear):" in code


def test_unused_parts_keep_their_weights():
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.left = nn.Linear(6, 6), Scaled()

        def forward(self, x: Tensor) -> Tensor:
            return self.used(x)

        def parts(self) -> Iterator[nn.Module]:
            yield self.left

    assert "self.left = Scaled()" in round_trip(Unused, images())


class Averages(nn.Module):
    """Keeps statistics in buffers, one of which is not in the state dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.count += 1
            self.mean.mul_(0.9).add_(x.mean((0, 2, 3)), alpha=0.1)
        return (x - self.mean[None, :, None, None]) / (self.count + 1)


def test_statistics_are_kept():
    code = round_trip(Averages, images())
    assert "torch.full((4,), 0.0, dtype=torch.float32), persistent=False)" in code
    assert "self.count.add_(1)" in code


def test_parametrizations():
    parametrized = nn.utils.parametrizations.weight_norm

    def build() -> nn.Module:
        return nn.Sequential(parametrized(nn.Linear(6, 6)), nn.ReLU())

    code = round_trip(build, images())
    assert 'F.linear(input, self.parametrizations["weight"](), self.bias)' in code


def doubled(module: nn.Module, args: object, output: Tensor) -> Tensor:
    return output * 2


class Hooked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)
        self.linear.register_forward_hook(doubled)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x)


def test_hooks_are_written_into_the_forward_around_them():
    assert "return self.linear(x) * 2" in round_trip(Hooked, images())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(6, 3, batch_first=True)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        x = x.flatten(1, 2)
        x, _ = self.attention(x, x, x, need_weights=False)
        output, (hidden, _) = self.rnn(x)
        best = output.max(dim=1)
        index = torch.arange(x.size(1), device=x.device)
        return best.values + hidden[-1], output[..., 0][:, index].argmax(), x.shape[1]


def test_layers_that_give_several_values():
    round_trip(Recurrent, images())


class Appends(nn.Module):
    """A list that grows, a device and a size that are handed on."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = nn.ModuleList(Step() for _ in range(2))
        self.sized = Sized()

    def forward(self, x: Tensor) -> Tensor:
        states = [x]
        for step in self.steps:
            step(states)
        return self.sized(torch.stack(states), x.size(dim=0) * 3, x.device)


class Step(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, states: list[Tensor]) -> None:
        states.append(self.linear(states[-1]))


class Sized(nn.Module):
    def forward(self, x: Tensor, size: int, device: torch.device) -> Tensor:
        return x.flatten(0, 1) * torch.ones(size, device=device)[:, None, None, None]


def test_lists_that_grow_and_devices():
    code = round_trip(Appends, images())
    assert "linear = self.steps[0].linear(x)" in code
    assert "torch.stack([x, linear, self.steps[1].linear(linear)])" in code
    assert "torch.ones(x.shape[0] * 3, device=x.device)" in code


class Blocks(nn.ModuleList):
    """A list with something beside its entries, one of which is gone; a table of indices."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(6, 6) for _ in range(3))
        self.norm = nn.LayerNorm(6)
        self.register_buffer("order", torch.arange(5, -1, -1))
        del self._modules["1"]

    def forward(self, x: Tensor) -> Tensor:
        last = self._modules["2"]
        return self.norm(last(self[0](x)))[..., self.order]


def test_lists_with_gaps_and_attributes():
    code = round_trip(lambda: Blocks().requires_grad_(False), images())
    assert "nn.Identity(),\n            nn.Linear(6, 6).requires_grad_(False),\n" in code
    assert "self.norm(self[2](self[0](x)))[..., self.order]" in code
    assert 'self.register_buffer("order", torch.zeros(6, dtype=torch.int64))' in code
