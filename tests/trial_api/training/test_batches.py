from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import TrainingError
from trial_api.training.batches import check_call, read_batch, to_device

CPU = torch.device("cpu")
X, Y = torch.ones(4, 3), torch.arange(4)

Pair = namedtuple("Pair", ["image", "label"])


def read(batch, unpack=None):
    return read_batch(batch, CPU, unpack)


@pytest.mark.parametrize("batch", [(X, Y), [X, Y], Pair(X, Y)])
def test_pairs(batch):
    found = read(batch)
    assert found.args[0] is X
    assert (len(found.args), found.kwargs, found.size) == (1, {}, 4)
    assert found.target is Y


def test_several_inputs():
    found = read((X, X + 1, Y))
    assert [arg[0, 0].item() for arg in found.args] == [1.0, 2.0]
    assert found.target is Y


@pytest.mark.parametrize("name", ["target", "targets", "label", "labels"])
def test_dicts(name):
    found = read({"ids": X, "mask": X, name: Y})
    assert found.args == ()
    assert set(found.kwargs) == {"ids", "mask"}
    assert found.target is Y
    assert found.size == 4


def test_inputs_of_any_structure():
    nested = {"a": [X, {"b": X}], "name": "text"}
    found = read((nested, Y))
    assert found.kwargs["a"][1]["b"] is X
    assert found.kwargs["name"] == "text"


def test_lists_are_several_inputs():
    found = read(([X, X], Y))
    assert len(found.args) == 2


def test_targets_of_any_structure():
    found = read((X, {"boxes": X, "classes": Y}))
    assert found.target["classes"] is Y
    assert found.size == 4


def test_sizes_of_batches_without_dimensions():
    assert read((torch.tensor(1.0), torch.tensor(2))).size == 1
    assert read((3.0, 4.0)).size == 1


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (X, "but got a Tensor"),
        ([X], "but got a list"),
        ((), "but got a tuple"),
        ({"x": X, "y": Y}, r"but got a dict with \['x', 'y'\]"),
        ({"x": X, "label": Y, "target": Y}, "but got a dict"),
        (7, "but got a int"),
    ],
)
def test_other_forms_ask_for_unpack(batch, message):
    with pytest.raises(TrainingError, match=f"{message}.*pass `unpack`"):
        read(batch)


def test_unpack():
    found = read({"x": X, "y": Y}, unpack=lambda batch: ({"image": batch["x"]}, batch["y"]))
    assert found.kwargs["image"] is X
    assert found.target is Y


def test_everything_moves():
    meta = torch.device("meta")
    moved = to_device(Pair([X, {"b": (X,)}], "text"), meta)
    assert isinstance(moved, Pair)
    assert moved.image[0].device == meta
    assert moved.image[1]["b"][0].device == meta
    assert moved.label == "text"
    packed = nn.utils.rnn.pack_sequence([torch.ones(2), torch.ones(1)])
    assert to_device(packed, CPU).data.tolist() == [1.0, 1.0, 1.0]


def test_what_can_move_itself_does():
    meta = torch.device("meta")
    packed = to_device(nn.utils.rnn.pack_sequence([torch.ones(2), torch.ones(1)]), meta)
    assert isinstance(packed, nn.utils.rnn.PackedSequence)
    assert packed.data.device == meta
    assert packed.batch_sizes.device == CPU  # else torch refuses to run on it


def test_a_field_that_is_called_to_is_no_method():
    edge = namedtuple("edge", ["start", "to"])
    moved = to_device(edge(X, X), torch.device("meta"))
    assert moved.to.device == torch.device("meta")


@pytest.mark.parametrize(("given", "what"), [(X, "Tensor"), ((X, X, Y), "3 values")])
def test_unpack_returns_a_pair(given, what):
    with pytest.raises(TrainingError, match=rf"must return a pair .* but returned {what}"):
        read(None, lambda batch: given)


class TwoInputs(nn.Module):
    def forward(self, x, mask):
        return x + mask


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ((X, Y), r"1 by position: missing a required argument: 'mask'"),
        (
            {"x": X, "mask": X, "id": X, "label": Y},
            r"x, mask, id by name: got an unexpected",
        ),
    ],
)
def test_a_batch_that_the_model_does_not_take(batch, message):
    with pytest.raises(TrainingError, match=f"TwoInputs.forward cannot .* {message}.*`unpack`"):
        check_call(TwoInputs(), read(batch), TypeError())


def test_an_error_inside_of_the_model_is_not_the_batch_s():
    check_call(TwoInputs(), read((X, X, Y)), TypeError())
