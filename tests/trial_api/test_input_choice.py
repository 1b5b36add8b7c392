from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import InputChoice, MutableScope, apply_fixed_architecture


def decided(chosen, **arguments):
    """An input choice after application."""
    model = nn.Module()
    model.pick = InputChoice(key="pick", **arguments)
    return apply_fixed_architecture(model, {"pick": chosen}).pick


def tensors(n: int) -> list[torch.Tensor]:
    return [torch.full((1, 2), float(number + 1)) for number in range(n)]


def test_attributes():
    choice = InputChoice(n_candidates=3, n_chosen=[0, 2], key="k")
    assert (choice.n_candidates, choice.n_chosen, choice.key) == (3, (0, 2), "k")
    assert choice.choose_from == ["", "", ""] == [InputChoice.NO_KEY] * 3
    assert InputChoice(choose_from=("a", "b")).n_candidates == 2
    assert "n_candidates=3, n_chosen=(0, 2), reduction='sum', key='k'" in repr(choice)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies(copied):
    choice = copied(InputChoice(choose_from=["a", "b"], n_chosen=1, reduction="mean"))
    assert (choice.choose_from, choice.n_chosen, choice.reduction) == (["a", "b"], 1, "mean")


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("sum", [[4.0, 4.0]]), ("mean", [[2.0, 2.0]]), ("concat", [[1.0, 1.0, 3.0, 3.0]])],
)
def test_reductions(reduction, expected):
    pick = decided([0, 2], n_candidates=3, reduction=reduction)
    assert pick(tensors(3)).tolist() == expected


def test_the_mean_is_over_the_chosen():
    pick = decided([0, 1, 2], n_candidates=3, reduction="mean")
    assert pick(tensors(3)).tolist() == [[2.0, 2.0]]


def test_reduction_none_gives_a_list():
    pick = decided([0, 2], n_candidates=3, reduction="none")
    first, _, third = inputs = tensors(3)
    assert all(a is b for a, b in zip(pick(inputs), [first, third], strict=True))
    assert decided([], n_candidates=2, reduction="none")(tensors(2)) == []


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat"])
def test_one_chosen_is_itself_and_none_chosen_is_none(reduction):
    inputs = tensors(2)
    assert decided([1], n_candidates=2, reduction=reduction)(inputs) is inputs[1]
    assert decided([], n_candidates=2, reduction=reduction)(tuple(inputs)) is None


def test_mask():
    output, mask = decided([0, 2], n_candidates=3, return_mask=True)(tensors(3))
    assert output.tolist() == [[4.0, 4.0]]
    assert mask.dtype is torch.bool
    assert mask.tolist() == [True, False, True]


def test_inputs_by_name_are_read_in_the_order_of_choose_from():
    pick = decided(["b", "a"], choose_from=["a", "b"], reduction="concat")
    a, b = tensors(2)
    assert pick({"b": b, "a": a, "more": a}).tolist() == [[1.0, 1.0, 2.0, 2.0]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([1], "expects 2 inputs, but got 1"),
        ([1, 2, 3], "expects 2 inputs, but got 3"),
        (torch.ones(2), "takes a list or a dict of inputs, but got a Tensor"),
        ({"a": 1}, r"lacks the inputs \['b'\]; it chooses from \['a', 'b'\], but got \['a'\]"),
    ],
)
def test_wrong_inputs(inputs, message):
    with pytest.raises(ValueError, match=message):
        decided([0], choose_from=["a", "b"])(inputs)


def test_a_dict_needs_distinct_names():
    with pytest.raises(ValueError, match="names repeat in `choose_from`"):
        decided([0], n_candidates=2)({"": 1})


def test_undecided_choice_does_not_run():
    with pytest.raises(RuntimeError, match="InputChoice with key 'skip' is not decided yet"):
        InputChoice(2, key="skip")(tensors(2))
    with pytest.raises(RuntimeError, match="InputChoice with 2 candidates is not decided yet"):
        InputChoice(2)(tensors(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`n_candidates` or `choose_from` must be given"),
        ({"n_candidates": 0}, "`n_candidates` must be a whole number > 0, but got 0"),
        ({"n_candidates": True}, "`n_candidates` must be a whole number > 0, but got True"),
        ({"n_candidates": 2.0}, "`n_candidates` must be a whole number > 0, but got 2.0"),
        ({"choose_from": []}, "`choose_from` must be a non-empty list of names"),
        ({"choose_from": "ab"}, "`choose_from` must be a non-empty list of names, but got 'ab'"),
        ({"choose_from": ["a", 1]}, "`choose_from` must be a non-empty list of names"),
        ({"n_candidates": 3, "choose_from": ["a"]}, r"`n_candidates == len\(choose_from\)` must"),
        ({"n_candidates": 2, "n_chosen": 3}, r"`0 <= n_chosen <= n_candidates` must hold, but got "
         r"\(n_chosen=3, n_candidates=2\)"),
        ({"n_candidates": 2, "n_chosen": True}, "`0 <= n_chosen <= n_candidates` must hold"),
        ({"n_candidates": 2, "n_chosen": "1"}, "`0 <= n_chosen <= n_candidates` must hold"),
        ({"n_candidates": 2, "n_chosen": (2, 1)}, "`0 <= low <= high <= n_candidates` must hold"),
        ({"n_candidates": 2, "n_chosen": (0, 3)}, "`0 <= low <= high <= n_candidates` must hold"),
        ({"n_candidates": 2, "n_chosen": [1]}, "`0 <= low <= high <= n_candidates` must hold"),
        ({"n_candidates": 2, "reduction": "add"}, "`reduction` must be one of"),
        ({"n_candidates": 2, "key": ""}, "`key` must be a non-empty string or None, but got ''"),
    ],
)  # fmt: skip
def test_wrong_arguments(arguments, message):
    with pytest.raises(SearchSpaceError, match=message):
        InputChoice(**arguments)


def test_scope_is_an_ordinary_module_with_a_name():
    class Cell(MutableScope):
        def __init__(self, key):
            super().__init__(key)
            self.layer = nn.ReLU()

    cell = Cell("normal")
    assert cell.key == "normal"
    assert [name for name, _ in cell.named_children()] == ["layer"]
    with pytest.raises(SearchSpaceError, match="`key` must be a non-empty string, but got None"):
        Cell(None)
