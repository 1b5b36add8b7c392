from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from tests.trial_api.networks import Nested, Net
from trial_api import InputChoice, LayerChoice, MutableScope, search_space


def two(key=None):
    return LayerChoice({"a": nn.ReLU(), "b": nn.Tanh()}, key=key)


def conditions(model):
    return search_space(model).active_if


def test_keys_in_order_of_definition():
    assert search_space(Net()).to_dict() == {
        "conv": {"_type": "layer_choice", "_value": ["conv3x3", "conv5x5"]},
        "act": {"_type": "layer_choice", "_value": ["0", "1"]},
        "skip": {"_type": "input_choice", "_value": {"candidates": ["", ""], "n_chosen": 1}},
    }
    assert list(search_space(Net()).specs) == ["conv", "act", "skip"]


def test_reading_changes_nothing():
    model = Net()
    before = repr(model)
    assert search_space(model) == search_space(model) == search_space(copy.deepcopy(model))
    assert repr(model) == before
    assert model.conv.key is None


def test_a_model_without_choices_has_an_empty_space():
    assert search_space(nn.Linear(1, 1)).size == 1


def test_scopes_containers_and_ranges():
    scope = MutableScope("cell")
    scope.ops = nn.ModuleList([nn.Sequential(two())])
    scope.ins = InputChoice(choose_from=["x", "y"], n_chosen=(0, 1))
    model = nn.ModuleDict({"cell": scope})
    assert search_space(model).to_dict() == {
        "cell.ops.0.0": {"_type": "layer_choice", "_value": ["a", "b"]},
        "cell.ins": {
            "_type": "input_choice",
            "_value": {"candidates": ["x", "y"], "n_chosen": [0, 1]},
        },
    }


def test_equal_keys_are_one_decision():
    model = nn.Sequential(two("k"), two("k"), InputChoice(2, key="i"), InputChoice(2, key="i"))
    assert list(search_space(model).specs) == ["k", "i"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            LayerChoice([nn.ReLU()] * 3, key="k"),
            "'0' is a LayerChoice of 2 and '1' is a LayerChoi",
        ),
        (InputChoice(2, key="k"), "'1' is an InputChoice of None from 2"),
    ],
)
def test_equal_keys_must_agree(other, message):
    with pytest.raises(SearchSpaceError, match=message):
        search_space(nn.Sequential(two("k"), other))


def test_every_disagreement_is_reported():
    model = nn.Sequential(
        InputChoice(2, n_chosen=1, key="i"), InputChoice(2, n_chosen=2, key="i"),
        two("k"), LayerChoice([nn.ReLU()], key="k"),
    )  # fmt: skip
    with pytest.raises(SearchSpaceError) as caught:
        search_space(model)
    assert [problem.where for problem in caught.value.problems] == ["i", "k"]


@pytest.mark.parametrize(
    "model",
    [nn.ModuleDict({"a": two(), "b": two("a")}), nn.ModuleDict({"b": two("a"), "a": two()})],
)
def test_a_key_that_is_the_path_of_another_choice_is_refused(model):
    message = r"a: this is the key of the choice at 'b' .* give the one at 'a' a key"
    with pytest.raises(SearchSpaceError, match=message):
        search_space(model)


def test_a_choice_may_have_its_own_path_as_key():
    assert list(search_space(nn.ModuleDict({"a": two("a"), "b": two("a")})).specs) == ["a"]


def test_a_choice_registered_twice_is_one_key_under_its_first_path():
    model = nn.Module()
    model.first = model.second = two()
    model.cell = nn.Sequential(two())
    model.same_cell = model.cell
    assert list(search_space(model).specs) == ["first", "cell.0"]


def test_nested_choices_are_conditional():
    space = search_space(Nested())
    assert list(space.specs) == ["block", "block.deep.1", "block.direct"]
    assert space.active_if == {"block.deep.1": {"block": (1,)}, "block.direct": {"block": (2,)}}
    assert space.size == 1 + 2 + 2


def test_conditions_name_the_nearest_parent_only():
    inner = LayerChoice([nn.Identity(), two("c")], key="b")
    model = LayerChoice([nn.Identity(), inner], key="a")
    assert conditions(model) == {"b": {"a": (1,)}, "c": {"b": (1,)}}


def test_conditions_of_a_shared_key_are_joined():
    model = LayerChoice([two("k"), two("k"), nn.Identity()], key="a")
    assert conditions(model) == {"k": {"a": (0, 1)}}


def test_a_shared_key_that_is_also_free_has_no_condition():
    assert conditions(nn.Sequential(two("k"), LayerChoice([two("k")], key="a"))) == {}


def test_only_common_parents_of_a_shared_key_stay():
    left = LayerChoice([two("k"), nn.Identity()], key="left")
    right = LayerChoice([two("k"), nn.Identity()], key="right")
    assert conditions(LayerChoice([left, right, nn.Identity()], key="a")) == {
        "left": {"a": (0,)},
        "right": {"a": (1,)},
        "k": {"a": (0, 1)},
    }


def test_an_ancestor_that_says_more_than_the_parent_stays():
    with_k = LayerChoice([two("k"), nn.Identity()], key="p")
    without = LayerChoice([nn.ReLU(), nn.Identity()], key="p")
    assert conditions(LayerChoice([with_k, without], key="a")) == {
        "p": {"a": (0, 1)},
        "k": {"a": (0,), "p": (0,)},
    }


def test_one_object_under_several_conditions():
    shared = two("k")
    assert conditions(LayerChoice([shared, nn.Sequential(shared), nn.Identity()], key="a")) == {
        "k": {"a": (0, 1)}
    }


def test_a_choice_under_its_own_key_is_refused():
    model = LayerChoice([nn.Sequential(two("k")), nn.Identity()], key="k")
    with pytest.raises(SearchSpaceError, match=r"k: the choice at '0.0' lies inside a candidate"):
        search_space(model)


def test_a_model_that_is_a_choice_has_a_key():
    assert list(search_space(two()).specs) == ["model"]
    assert list(search_space(two("own")).specs) == ["own"]


def test_not_a_model():
    with pytest.raises(SearchSpaceError, match=r"`model` must be an .*, but got 'net'"):
        search_space("net")  # type: ignore[arg-type]
    with pytest.raises(SearchSpaceError, match=r"dict\(\) must give .*, but it gives \{\}"):
        search_space(dict)  # type: ignore[arg-type]


def test_wrappers_add_nothing_to_paths():
    expected = search_space(Net())
    assert search_space(nn.DataParallel(Net())) == expected
    assert search_space(torch.compile(Net(), backend="eager")) == expected
    compiled = torch.compile(nn.DataParallel(two()), backend="eager")
    inside = nn.Sequential(nn.DataParallel(Net()), compiled)
    assert list(search_space(inside).specs) == ["0.conv", "0.act", "skip", "1"]
