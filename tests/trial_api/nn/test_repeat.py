"""The choice of a depth."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError, UndecidedError
from tests.trial_api.export.code import round_trip
from trial_api import (
    LayerChoice,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    search_space,
)
from trial_api.mutators import RandomMutator


def two() -> LayerChoice:
    return LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh})


def block(position: int) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), two())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = Repeat(block, (1, 3), key="depth")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.blocks(x)
        return out


def test_its_space():
    space = search_space(Net()).to_dict()
    assert list(space) == ["depth", "blocks.0.1", "blocks.1.1", "blocks.2.1"]
    assert space["depth"] == {"_type": "choice", "_value": [1, 2, 3]}
    assert "_active_if" not in space["blocks.0.1"]
    assert space["blocks.1.1"]["_active_if"] == {"depth": [1, 2]}
    assert space["blocks.2.1"]["_active_if"] == {"depth": [2]}
    assert search_space(Net).to_dict() == space


@pytest.mark.parametrize("depths", [(0, 2), [0, 1, 2], range(3)])
def test_forms_of_depths(depths):
    assert Repeat(block, depths).depths == [0, 1, 2]


def test_two_numbers_are_ends_and_more_are_a_list():
    assert Repeat(block, (2, 5)).depths == [2, 3, 4, 5]
    assert Repeat(block, [2, 4, 8]).depths == [2, 4, 8]


def test_every_architecture_in_place_and_lazily():
    space = search_space(Net)
    for vector in space.enumerate():
        architecture = to_architecture(space, vector)
        supernet = Net()
        weights = supernet.state_dict()
        plain = apply_fixed_architecture(supernet, architecture)
        assert type(plain.blocks) is nn.Sequential
        assert len(plain.blocks) == architecture["depth"]
        lazy = apply_fixed_architecture(Net, architecture)
        load_supernet_state_dict(lazy, weights)
        x = torch.randn(2, 4)
        assert torch.equal(plain(x), lazy(x))
        expected = x
        for position in range(architecture["depth"]):
            weight = weights[f"blocks.{position}.0.weight"]
            expected = expected @ weight.T + weights[f"blocks.{position}.0.bias"]
            expected = getattr(torch, architecture[f"blocks.{position}.1"])(expected)
        assert torch.allclose(plain(x), expected, atol=1e-6)


def test_the_other_blocks_are_never_made():
    made = []

    def make(position: int) -> nn.Module:
        made.append(position)
        return nn.Identity()

    def build() -> nn.Module:
        return Repeat(make, (0, 4), key="depth")

    search_space(build)
    made.clear()
    assert len(apply_fixed_architecture(build, {"depth": 2})) == 2  # type: ignore[arg-type]
    assert made[-2:] == [0, 1]
    assert apply_fixed_architecture(build, {"depth": 0})(3) == 3


def test_copies_of_one_block_are_decided_together():
    def build() -> nn.Module:
        return nn.Sequential(Repeat(nn.Sequential(nn.Linear(4, 4), two()), (1, 3)))

    assert list(search_space(build).specs) == ["0", "0.0.1"]
    for make in (build, build()):
        model = apply_fixed_architecture(make, {"0": 3, "0.0.1": "tanh"})
        assert [type(inner[1]) for inner in model[0]] == [nn.Tanh] * 3
        weights = {id(inner[0].weight) for inner in model[0]}
        assert len(weights) == 3


def test_one_depth_is_no_choice():
    repeat = Repeat(block, 2)
    assert list(search_space(nn.Sequential(repeat)).specs) == ["0.0.1", "0.1.1"]
    model = apply_fixed_architecture(nn.Sequential(repeat), {"0.0.1": 0, "0.1.1": 0})
    assert type(model[0]) is nn.Sequential
    assert Repeat([nn.Identity()], 1)(3) == 3


def test_a_depth_that_is_a_value_choice():
    def build() -> nn.Module:
        return nn.Sequential(Repeat(block, ValueChoice([1, 2], key="n")))

    space = search_space(build).to_dict()
    assert space["0.1.1"]["_active_if"] == {"n": [1]}
    model = apply_fixed_architecture(build, {"n": 2, "0.0.1": 0, "0.1.1": 1})
    assert len(model[0]) == 2  # type: ignore[arg-type]


def test_blocks_take_more_than_one_argument():
    class Add(nn.Module):
        def forward(self, x: torch.Tensor, by: int) -> torch.Tensor:
            return x + by

    model = nn.ModuleDict({"r": Repeat(lambda _: Add(), (1, 3), key="depth")})
    mutator = RandomMutator(model, seed=0)
    mutator.apply_on_model({"depth": [False, False, True]})
    assert model["r"](torch.zeros(1), by=2).item() == 6
    assert model["r"](torch.zeros(1), 2).item() == 6


class Masked(nn.Module):
    """A layer of which a mask leaves a part."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor, mask: torch.Tensor, *, by: int = 1) -> torch.Tensor:
        out: torch.Tensor = self.linear(x) * mask * by
        return out


class MaskedNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = Repeat(lambda _: Masked(), (0, 3), key="depth")

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.blocks(x, mask, by=2)
        return out


@pytest.mark.parametrize("depth", range(4))
def test_the_chosen_blocks_take_more_than_one_argument(depth):
    supernet = MaskedNet()
    weights = supernet.state_dict()
    inputs = torch.randn(2, 4), torch.tensor([1.0, 0.0, 1.0, 1.0])
    mutator = RandomMutator(supernet, seed=0)
    mutator.apply_on_model({"depth": [count == depth for count in range(4)]})
    expected = supernet(*inputs)
    for make in (MaskedNet(), MaskedNet):
        plain = apply_fixed_architecture(make, {"depth": depth})
        assert isinstance(plain.blocks, nn.Sequential)
        assert list(plain.state_dict()) == [name for name in weights if int(name[7]) < depth]
        load_supernet_state_dict(plain, weights)
        for network in (plain, pickle.loads(pickle.dumps(plain))):
            assert torch.equal(network(*inputs), expected)


@pytest.mark.parametrize("depth", range(4))
def test_the_code_of_blocks_that_take_more_than_one_argument(depth):
    def build() -> nn.Module:
        return apply_fixed_architecture(MaskedNet, {"depth": depth})

    round_trip(build, torch.randn(2, 4), torch.tensor([1.0, 0.0, 1.0, 1.0]))


def test_the_chosen_blocks_keep_their_mode():
    architecture = {"depth": 1, "blocks.0.1": 0}
    assert not apply_fixed_architecture(Net().eval(), architecture).blocks.training
    assert apply_fixed_architecture(Net(), architecture).blocks.training


def test_a_repeat_in_two_places_gives_one_chain():
    repeat = Repeat(block, 2)
    model = apply_fixed_architecture(nn.ModuleList([repeat, repeat]), {"0.0.1": 0, "0.1.1": 0})
    assert type(model[0]) is nn.Sequential
    assert model[0] is model[1]


def test_undecided():
    with pytest.raises(UndecidedError, match="this Repeat with key 'depth' is not decided yet"):
        Net()(torch.zeros(1, 4))


def test_mutators_run_only_what_is_chosen():
    ran = []
    model = Net()
    for number, inner in enumerate(model.blocks.blocks):
        inner.register_forward_hook(lambda *_, n=number: ran.append(n))
    mutator = RandomMutator(model, seed=0)
    for depth in (1, 2, 3):
        ran.clear()
        masks = {key: [True, False] for key in mutator.search_space.specs if key != "depth"}
        mutator.apply_on_model({**masks, "depth": [count == depth for count in (1, 2, 3)]})
        model(torch.zeros(2, 4))
        assert ran == list(range(depth))
    assert mutator.export().keys() >= {"depth"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (block, (3, 1)),
            "an ascending list of depths, or one number, none below 0, but got (3, 1)",
        ),
        ((block, []), "an ascending list of depths"),
        ((block, [1, 1, 2]), "an ascending list of depths"),
        ((block, (-1, 2)), "none below 0"),
        ((block, 1.5), "`depth` must be"),
        (([nn.ReLU()], (1, 2)), "a depth of 2 needs as many blocks, but got 1"),
        ((3, (1, 2)), "`blocks` must be a function of the position"),
        ((block, (1, 2), ""), "`key` must be a non-empty string"),
        ((lambda _: 3, (1, 2)), "the block of position 0 must be an nn.Module, but got 3"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(SearchSpaceError) as raised:
        Repeat(*arguments)
    assert message in str(raised.value)


def test_wrong_depths_in_an_architecture():
    with pytest.raises(ArchitectureError, match=r"depth: .*\[1, 2, 3\]"):
        apply_fixed_architecture(Net(), {"depth": 4, "blocks.0.1": 0})
