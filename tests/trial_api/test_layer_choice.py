from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import NasTunersError, SearchSpaceError
from trial_api import LayerChoice


def layers(n: int) -> list[nn.Module]:
    return [nn.Linear(1, number + 1) for number in range(n)]


@pytest.mark.parametrize("kind", [list, tuple, nn.ModuleList])
def test_lists_are_named_by_position(kind):
    modules = layers(3)
    choice = LayerChoice(kind(modules))
    assert choice.names == ["0", "1", "2"]
    assert choice.candidates == choice.choices == list(choice) == modules


@pytest.mark.parametrize("kind", [dict, OrderedDict, nn.ModuleDict])
def test_dicts_give_names(kind):
    modules = layers(2)
    choice = LayerChoice(kind({"b": modules[0], "a": modules[1]}))
    assert choice.names == ["b", "a"]
    assert list(choice) == modules


def test_length_and_access():
    modules = layers(3)
    choice = LayerChoice(dict(zip("abc", modules, strict=True)))
    assert len(choice) == choice.length == 3
    assert choice[0] is choice["a"] is modules[0]
    assert choice[-1] is modules[2]
    assert choice[1:] == modules[1:]
    assert modules[1] in choice


def test_assignment():
    choice = LayerChoice({"a": nn.ReLU(), "b": nn.Tanh()})
    one, two = layers(2)
    choice[0] = one
    choice["b"] = two
    assert choice.names == ["a", "b"]
    assert list(choice) == [one, two]


def test_deletion_renumbers_lists():
    modules = layers(4)
    choice = LayerChoice(modules)
    del choice[1]
    assert choice.names == ["0", "1", "2"]
    assert list(choice) == [modules[0], modules[2], modules[3]]
    del choice[1:]
    assert choice.names == ["0"]


def test_deletion_keeps_given_names():
    choice = LayerChoice(dict(zip("abc", layers(3), strict=True)))
    del choice["b"]
    assert choice.names == ["a", "c"]


@pytest.mark.parametrize(
    "name", ["type", "half", "forward", "names", "key", "length", "_modules", "reduction"]
)
def test_names_may_be_attributes_of_modules(name):
    choice = LayerChoice({name: nn.Linear(1, 1), "other": nn.ReLU()}, key="k")
    assert choice.names == [name, "other"]
    assert choice.key == "k"
    assert set(choice.state_dict()) == {f"{name}.weight", f"{name}.bias"}
    assert not choice.eval().double()[name].training
    assert copy.deepcopy(choice).names == [name, "other"]


def test_candidates_are_submodules_under_their_names():
    model = nn.Module()
    model.conv = LayerChoice({"conv3x3": nn.Conv2d(1, 1, 3), "skip": nn.Identity()})
    assert set(model.state_dict()) == {"conv.conv3x3.weight", "conv.conv3x3.bias"}
    assert [name for name, _ in model.named_modules()][1:] == ["conv", "conv.conv3x3", "conv.skip"]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies(copied):
    choice = copied(LayerChoice({"a": nn.Linear(1, 1), "b": nn.ReLU()}, "mean", True, "k"))
    assert (choice.names, choice.reduction, choice.return_mask, choice.key) == (
        ["a", "b"],
        "mean",
        True,
        "k",
    )


def test_shows_itself():
    assert "key='k', reduction='sum'" in repr(LayerChoice([nn.ReLU()], key="k"))


def test_undecided_choice_does_not_run():
    with pytest.raises(RuntimeError, match=r"key 'conv' is not decided.*get_and_apply_next") as e:
        LayerChoice([nn.ReLU()], key="conv")(torch.ones(1), keyword=1)
    assert isinstance(e.value, NasTunersError)
    with pytest.raises(RuntimeError, match=r"candidates \['a'\] is not decided"):
        LayerChoice({"a": nn.ReLU()})(torch.ones(1))


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "at least one module, but got none"),
        ({}, "at least one module, but got none"),
        (nn.ReLU(), "must be a list or a dict of modules, but got a ReLU"),
        (None, "must be a list or a dict of modules, but got a NoneType"),
        ([nn.ReLU(), torch.relu], "candidate '1' must be an nn.Module, or"),
        ([None], r"must be an nn.Module, .* but got None \(NoneType\)"),
        ({"": nn.ReLU()}, "non-empty string without '.', but got ''"),
        ({"a.b": nn.ReLU()}, "non-empty string without '.', but got 'a.b'"),
        ({3: nn.ReLU()}, "non-empty string without '.', but got 3"),
        ({"training": nn.ReLU()}, "cannot be named 'training'"),
    ],
)
def test_wrong_candidates(candidates, message):
    with pytest.raises(SearchSpaceError, match=message):
        LayerChoice(candidates)


def test_all_wrong_arguments_at_once():
    with pytest.raises(SearchSpaceError) as caught:
        LayerChoice({"a.b": None}, reduction="means", key=3)  # type: ignore[dict-item,arg-type]
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert "must be one of sum, mean, concat, none, but got 'means'; did you mean 'mean'?" in text
    assert "`key` must be a non-empty string or None, but got 3" in text


def test_wrong_access():
    choice = LayerChoice({"conv": nn.ReLU(), "pool": nn.Tanh()})
    with pytest.raises(KeyError, match="no candidate 'cnov'; did you mean 'conv'"):
        choice["cnov"]
    with pytest.raises(KeyError, match="no candidate 'new'"):
        choice["new"] = nn.ReLU()
    with pytest.raises(IndexError, match="no candidate 2: there are 2"):
        choice[2]
    with pytest.raises(TypeError, match="one by one"):
        choice[:] = [nn.ReLU()]
    with pytest.raises(SearchSpaceError, match=r"an nn\.Module, .* but got 3"):
        choice[0] = 3
    with pytest.raises(SearchSpaceError, match="the last candidate cannot be deleted"):
        del choice[:]
    assert choice.names == ["conv", "pool"]
