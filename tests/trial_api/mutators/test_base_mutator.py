from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import MutatorError, SearchSpaceError, UndecidedError
from tests.trial_api.mutators.told import Told, ones
from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice, MutableScope
from trial_api.mutators import BaseMutator, RandomMutator, SoftmaxMutator


class Cell(MutableScope):
    def __init__(self, key: str, *, fails: bool = False) -> None:
        super().__init__(key)
        self.op = LayerChoice([nn.Identity(), nn.ReLU()], key=f"{key}_op")
        self.pick = InputChoice(n_candidates=2, n_chosen=1)
        self.fails = fails

    def forward(self, x):
        if self.fails:
            raise ZeroDivisionError
        return self.pick([x, self.op(x)])


class Cells(nn.Module):
    """Two scopes, one inside the other's sibling, and a key in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.first = LayerChoice([nn.Identity(), nn.Tanh()], key="shared")
        self.outer = nn.Sequential(Cell("left"), nn.Sequential(Cell("right")))
        self.last = LayerChoice([nn.ReLU(), nn.Identity()], key="shared")

    def forward(self, x):
        return self.last(self.outer(self.first(x)))


class Watching(Told):
    """Notes scopes and choices as they run."""

    def __init__(self, model):
        super().__init__(model)
        self.events = []

    def enter_mutable_scope(self, scope):
        self.events.append(f"enter {scope.key}")

    def exit_mutable_scope(self, scope):
        self.events.append(f"exit {scope.key}")

    def on_forward_layer_choice(self, mutable, *args, **kwargs):
        self.events.append(mutable.key)
        return super().on_forward_layer_choice(mutable, *args, **kwargs)


class Callbacks(BaseMutator):
    """The interface alone, without decisions for the whole model."""

    def on_forward_layer_choice(self, mutable, *args, **kwargs):
        return mutable[-1](*args, **kwargs)

    def on_forward_input_choice(self, mutable, inputs):
        return inputs[0]


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        BaseMutator(Net())


def test_the_callbacks_are_the_forward_of_choices():
    model = Net()
    mutator = Callbacks(model)
    expected = model.head(model.conv[1](images()).mean((2, 3)))
    assert torch.equal(model(images()), expected)
    with pytest.raises(MutatorError, match="call the model"):
        mutator(images())


def test_keys_once_in_order_of_definition():
    mutator = Told(Cells())
    keys = ["shared", "left_op", "outer.0.pick", "right_op", "outer.1.0.pick"]
    assert [mutable.key for mutable in mutator.mutables] == keys
    assert len(mutator.mutables) == 5
    assert [mutable.key for mutable in mutator.undedup_mutables] == [*keys, "shared"]
    assert list(mutator.search_space.specs) == keys


def test_the_first_of_a_key_stands_for_it():
    model = Cells()
    assert next(iter(Told(model).mutables)) is model.first


def test_the_tree_of_scopes():
    model = Cells()
    tree = Told(model).mutables
    assert tree.mutable is None
    kinds = [type(node.mutable).__name__ for node in tree.children]
    assert kinds == ["LayerChoice", "Cell", "Cell", "LayerChoice"]
    left = tree.children[1]
    assert left.mutable is model.outer[0]
    assert [node.mutable.key for node in left.children] == ["left_op", "outer.0.pick"]


def test_nested_choices_in_the_tree():
    tree = Told(Nested()).mutables
    (block,) = tree.children
    assert [node.mutable.key for node in block.children] == ["block.deep.1", "block.direct"]
    assert [mutable.key for mutable in tree] == ["block", "block.deep.1", "block.direct"]


def test_a_choice_that_is_the_whole_model():
    model = LayerChoice([nn.Identity(), nn.Tanh()])
    mutator = Told(model)
    assert [mutable.key for mutable in mutator.mutables] == ["model"]
    mutator.apply_on_model({"model": [False, True]})
    assert torch.equal(model(ones()), ones().tanh())


def test_a_module_in_two_places_is_one_mutable():
    model = nn.Module()
    model.a = model.b = LayerChoice([nn.Identity(), nn.Tanh()])
    mutator = Told(model)
    assert [mutable.key for mutable in mutator.undedup_mutables] == ["a"]
    mutator.remove()
    assert model.b.key is None


def test_scopes_are_entered_and_left_around_their_choices():
    model = Cells()
    mutator = Watching(model)
    mutator.reset()
    model(ones())
    assert mutator.events == [
        *("shared", "enter left", "left_op", "exit left"),
        *("enter right", "right_op", "exit right", "shared"),
    ]


def test_a_scope_is_left_when_it_fails():
    model = nn.Sequential(Cell("bad", fails=True))
    mutator = Watching(model)
    mutator.reset()
    with pytest.raises(ZeroDivisionError):
        model(ones())
    assert mutator.events == ["enter bad", "exit bad"]


def test_no_hooks_where_nobody_listens():
    model = Cells()
    Told(model)
    assert not model.outer[0]._forward_hooks
    assert not model.outer[0]._forward_pre_hooks


def test_removing_gives_the_model_back():
    model = Cells()
    before = pickle.dumps(model)
    mutator = Watching(model)
    mutator.reset()
    mutator.remove()
    assert [model.first.key, model.outer[0].pick.key] == ["shared", None]
    assert not any(choice.is_bound for choice in mutator.undedup_mutables)
    assert not model.outer[0]._forward_hooks
    assert pickle.dumps(model) == before
    with pytest.raises(UndecidedError, match="not decided yet"):
        model(ones())


def test_removing_twice_does_no_harm():
    model = Net()
    mutator = Told(model)
    mutator.remove()
    other = Told(model)
    mutator.remove()
    other.reset()
    assert model(images()).shape == (4, 3)


def test_binding_twice():
    model = Net()
    Told(model)
    with pytest.raises(MutatorError, match=r"'conv' is bound .* call remove\(\) of that mutator"):
        RandomMutator(model)


def test_a_failed_binding_leaves_no_trace():
    model = Net()
    first = Told(model)
    with pytest.raises(MutatorError):
        Told(nn.Sequential(LayerChoice([nn.Identity()], key="free"), model))
    first.reset()
    assert model(images()).shape == (4, 3)


@pytest.mark.parametrize("model", [nn.Linear(2, 2), nn.Sequential()])
def test_a_model_without_choices(model):
    with pytest.raises(SearchSpaceError, match=r"holds no choice .* make them in __init__"):
        Told(model)


def test_equal_keys_with_different_candidates():
    model = nn.Sequential(
        LayerChoice([nn.Identity()] * 2, key="k"), LayerChoice([nn.Identity()] * 3, key="k")
    )
    with pytest.raises(SearchSpaceError, match=r"'0' is a LayerChoice of 2 and '1' is .* of 3"):
        Told(model)
    assert not model[0].is_bound


def test_a_choice_made_in_forward_says_what_to_do():
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.op = LayerChoice([nn.Identity()])

        def forward(self, x):
            return LayerChoice([nn.Identity(), nn.Tanh()])(self.op(x))

    model = Late()
    Told(model).reset()
    with pytest.raises(UndecidedError, match="make them in __init__"):
        model(ones())


def test_the_mutator_and_the_model_have_their_own_parameters():
    model = Net()
    names = list(model.state_dict())
    mutator = SoftmaxMutator(model)
    assert list(model.state_dict()) == names
    assert not {id(p) for p in model.parameters()} & {id(p) for p in mutator.parameters()}
    assert mutator.model is model
    assert model not in list(mutator.modules())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_a_bound_model_and_its_mutator_are_copied_together(copied):
    model = Net()
    mutator = SoftmaxMutator(model)
    mutator.reset()
    expected = model(images())
    other_model, other = copied((model, mutator))
    assert other.model is other_model
    assert torch.equal(other_model(images()), expected)
    mutator.remove()
    other.reset()
    assert torch.equal(other_model(images()), expected)
    other.remove()
    assert other_model.conv.key is None


def test_a_copied_model_brings_its_own_mutator():
    model = Net()
    mutator = Told(model)
    mutator.reset()
    twin = copy.deepcopy(model)
    mutator.apply_on_model({"conv": [False, True], "act": [True, False], "skip": [True, False]})
    expected = twin.head(twin.conv[0](images()).mean((2, 3)))
    assert torch.equal(twin(images()), expected)


def test_scope_hooks_survive_copies():
    model = Cells()
    mutator = Watching(model)
    mutator.reset()
    _, twin = copied = copy.deepcopy((model, mutator))
    copied[0](ones())
    assert "enter left" in twin.events
    assert mutator.events == []


def test_wrapped_models_have_the_same_keys():
    model = Cells()
    keys = [mutable.key for mutable in Told(nn.DataParallel(model)).mutables]
    assert keys == [mutable.key for mutable in Told(Cells()).mutables]
