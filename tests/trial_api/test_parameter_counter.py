"""Parameters of many architectures, from a table."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
import torch
from torch import nn

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError
from trial_api import (
    ArchitectureProfiler,
    LayerChoice,
    ParameterCounter,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    search_space,
)


def deep() -> nn.Module:
    width = ValueChoice([2, 3, 5], key="width")
    ratio = ValueChoice([1, 2], key="ratio")
    return nn.Sequential(
        nn.Linear(4, width),
        Repeat(lambda _: nn.Linear(width, width), (0, 3), key="depth"),
        LayerChoice({"wide": lambda: nn.Linear(width, width * ratio), "none": nn.Identity}),
        *([nn.Linear(1, ratio)] if ValueChoice([False, True], key="more") else []),
    )


def shared() -> nn.Module:
    width = ValueChoice([2, 4], key="width")
    layer = nn.Linear(width, width)
    return nn.Sequential(layer, layer)


def entangled() -> nn.Module:
    """A size that hangs together with three decisions, but only in one combination."""
    values = [ValueChoice([0, 1, 2, 3, 4], key=key) for key in "abc"]
    return nn.Linear(1, 1 + (values == [4, 4, 4]))


def rare() -> nn.Module:
    """A size that a decision changes for one value of another only."""
    kind = ValueChoice(list(range(16)), key="kind")
    width = ValueChoice(list(range(4, 20)), key="width")
    return nn.Linear(1, width if kind == 7 else 4)


def test_what_few_architectures_show() -> None:
    for seed in range(5):
        count = ParameterCounter(rare, seed=seed)
        assert [count({"kind": 7, "width": width}) for width in (4, 5, 19)] == [8, 10, 38]


@pytest.mark.parametrize("build", [deep, shared, entangled])
def test_it_counts_what_is_built(build: Callable[[], nn.Module]) -> None:
    count = ParameterCounter(build)
    space = search_space(build)
    rng = Random(1)
    for _ in range(60):
        architecture = to_architecture(space, space.sample(rng))
        built = apply_fixed_architecture(build, architecture)
        assert count(architecture) == sum(p.numel() for p in built.parameters())


def test_each_combination_is_built_once() -> None:
    built = []

    def build() -> nn.Module:
        built.append(1)
        return deep()

    count = ParameterCounter(build)
    space = search_space(build)
    for vector in space.enumerate():
        count(to_architecture(space, vector))
    before = len(built)
    for vector in space.enumerate():
        count(to_architecture(space, vector))
    assert len(built) == before


def test_a_wrong_table_is_not_trusted() -> None:
    def build() -> nn.Module:
        width = 1
        for key in "abcdef":
            width ^= ValueChoice([0, 1], key=key) << len(key)
        return nn.Sequential(nn.Linear(width, 1), *[nn.Linear(1, 2)] * (width == 3))

    count = ParameterCounter(build)
    space = search_space(build)
    for vector in space.enumerate():
        architecture = to_architecture(space, vector)
        built = apply_fixed_architecture(build, architecture)
        assert count(architecture) == sum(p.numel() for p in built.parameters())


def test_other_keys_are_left_out_and_wrong_ones_told() -> None:
    count = ParameterCounter(shared)
    assert count({"width": 4, "lr": 0.1}) == 20
    with pytest.raises(ArchitectureError, match="width: "):
        count({"width": 3})


def test_a_space_without_choices() -> None:
    assert ParameterCounter(lambda: nn.Linear(2, 3))({}) == 9


def test_a_profiler_reads_the_space_once() -> None:
    built = []

    def build() -> nn.Module:
        built.append(1)
        return nn.Linear(4, ValueChoice([2, 3], key="width"))

    cost = ArchitectureProfiler(build, input_size=(1, 4))
    before = len(built)
    assert [cost({"width": width}).multiply_adds for width in (2, 3, 2)] == [8, 12, 8]
    assert len(built) == before + 3
    assert cost.build({"width": 3}).weight.device == torch.device("meta")  # type: ignore[union-attr]


def test_a_profiler_of_what_computes_while_it_is_built() -> None:
    def build() -> nn.Module:
        width = ValueChoice([2, 3], key="width")
        return nn.Linear(4, int(torch.tensor([width, 1]).max()))

    cost = ArchitectureProfiler(build, input_size=(1, 4))
    assert [cost({"width": width}).parameters for width in (2, 3)] == [10, 15]


def test_an_instance_is_refused_and_left_as_it_is() -> None:
    model = nn.Sequential(LayerChoice([nn.Linear(2, 3), nn.ReLU()]))
    with pytest.raises(SearchSpaceError, match=r"instead of a Sequential, pass lambda: Seq"):
        ParameterCounter(model)
    assert isinstance(model[0], LayerChoice)
