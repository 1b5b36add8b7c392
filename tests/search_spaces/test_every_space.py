"""What holds for every space of the zoo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from nas_tuners import SearchSpace
from search_spaces import __main__ as files
from tests.search_spaces.zoo import CLASSES, ZOO, batch, builder, drawn, space_of
from trial_api import apply_fixed_architecture, search_space

SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.extended) for seed in range(2, 20))]

every_space = pytest.mark.parametrize("name", ZOO)
some_architectures = pytest.mark.parametrize("seed", SEEDS)


def test_every_space_has_a_small_model() -> None:
    assert {*ZOO} == {*files.SPACES}


def outline(network: nn.Module) -> list[tuple[str, type[nn.Module]]]:
    return [(name, type(module)) for name, module in network.named_modules()]


def shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@every_space
@some_architectures
def test_a_network_of_the_function_is_that_of_the_supernet(name: str, seed: int) -> None:
    build = builder(name)
    architecture = drawn(name, seed)
    lazily = apply_fixed_architecture(build, architecture)
    in_place = apply_fixed_architecture(build(), architecture)
    assert outline(lazily) == outline(in_place)
    assert shapes(lazily) == shapes(in_place)


@every_space
@some_architectures
def test_a_network_comes_back_from_its_files(name: str, seed: int, tmp_path: Path) -> None:
    build = builder(name)
    architecture = drawn(name, seed)
    network = trained(apply_fixed_architecture(build, architecture), name)
    (tmp_path / "architecture.json").write_text(json.dumps(architecture))
    torch.save(network.state_dict(), tmp_path / "weights.pt")

    again = apply_fixed_architecture(build, tmp_path / "architecture.json")
    again.load_state_dict(torch.load(tmp_path / "weights.pt"))
    assert torch.equal(again.eval()(batch(name)), network(batch(name)))


def trained(network: nn.Module, name: str) -> nn.Module:
    """After a step, so that weights and statistics are no longer those of a new network."""
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    logits = network(batch(name))
    assert logits.shape == (4, CLASSES)
    logits.square().sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), path
    optimizer.step()
    return network.eval()


@every_space
def test_a_space_survives_its_json_and_is_the_same_in_all_forms(name: str) -> None:
    space = space_of(name)
    assert SearchSpace.loads(space.dumps()) == space
    assert search_space(builder(name)()) == space


@every_space
def test_a_network_has_no_choices_left(name: str) -> None:
    network = apply_fixed_architecture(builder(name), drawn(name, 0))
    assert not search_space(network).specs
