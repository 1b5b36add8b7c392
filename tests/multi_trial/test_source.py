"""What counts as a model space, and how it is made anew."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.multi_trial.source import source_of, taken_apart
from tests.multi_trial.kit import Net, is_narrow, plain
from trial_api.nn import (
    LayerChoice,
    ValueChoice,
    add_constraint,
    apply_fixed_architecture,
    model_space,
)

KEYS = ["width", "act"]


class Undecorated(nn.Module):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.act = LayerChoice([nn.ReLU(), nn.Tanh()])


@model_space
class Constrained(Net):
    def __init__(self) -> None:
        super().__init__()
        add_constraint(is_narrow)


def test_a_class_a_function_and_an_instance() -> None:
    for space, name in ((Net, "Net"), (plain, "plain"), (Net(5), "Net")):
        source = source_of(space)
        assert source.name == name
        assert list(source.blueprint().space.specs) == KEYS


def test_an_instance_is_made_with_its_arguments() -> None:
    source = source_of(Net(5, backbone="small"))
    made: Any = source.make()
    assert made.out.out_features == 5
    assert taken_apart(source) == (Net, {"classes": 5, "backbone": "small"})
    assert taken_apart(source_of(Net)) == (Net, {})
    assert taken_apart(source_of(functools.partial(Net, 7))) == (Net, {"classes": 7})


@model_space
class OnBackbone(nn.Module):
    def __init__(self, backbone: nn.Sequential) -> None:
        super().__init__()
        self.backbone = backbone
        backbone.append(nn.Linear(2, ValueChoice([1, 3], key="width")))


def test_models_share_no_module_that_is_an_argument() -> None:
    backbone = nn.Sequential(nn.Linear(3, 2))
    source = source_of(OnBackbone(backbone))
    before = list(backbone)
    source.blueprint()
    first, second = source.make(), source.make()
    assert not {*first.parameters()} & {*second.parameters()}
    assert list(backbone) == before


def test_constraints_of_the_constructor_and_of_the_instance_count_once() -> None:
    model: Any = Constrained()
    model.constrain(lambda architecture: architecture["act"] == "relu", name="is_relu")
    source = source_of(model)
    assert [constraint.name for constraint in source.constraints] == ["is_relu"]
    space = source.blueprint().space
    assert [constraint.name for constraint in space.constraints] == ["is_narrow", "is_relu"]
    assert sum(map(space.fits, space.enumerate())) == 2


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (3, "must be a class, an instance of one, or a function without arguments"),
        (Undecorated, r"Undecorated needs arguments \(count\): give an instance, Undecorated\("),
        (Undecorated(1), "how this Undecorated was made is not known.*@model_space"),
        (apply_fixed_architecture(Net(), {"width": 2, "act": 0}), "already applied"),
    ],
)
def test_what_cannot_be_made_anew(space: Any, message: str) -> None:
    with pytest.raises(SearchSpaceError, match=message):
        source_of(space)


def test_a_model_without_choices() -> None:
    with pytest.raises(SearchSpaceError, match="no choices, so there is nothing to search"):
        source_of(lambda: nn.Linear(1, 1)).blueprint()
