from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import ArchitectureError
from tests.trial_api.networks import ARCHITECTURE, Nested, Net, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.nn._chosen import ChosenInputs, ChosenLayer


def one_of(*names, **arguments):
    layers = {name: nn.Linear(2, number + 1) for number, name in enumerate(names)}
    return LayerChoice(layers, **arguments)


def test_choices_are_replaced_in_place():
    model = Net()
    conv, act = model.conv["conv5x5"], model.act[1]
    assert apply_fixed_architecture(model, ARCHITECTURE) is model
    assert model.conv is conv
    assert model.act is act
    assert [type(module).__name__ for module in model.children()] == [
        "Conv2d",
        "Sequential",
        "ChosenInputs",
        "Linear",
    ]
    assert not [m for m in model.modules() if isinstance(m, (LayerChoice, InputChoice))]
    assert not list(model.skip.parameters())
    assert not list(model.skip.buffers())


@pytest.mark.parametrize("form", ["conv5x5", 1, ["conv5x5"], [1], [False, True],
                                  {"_value": "conv5x5", "_idx": 1}, {"_idx": 1},
                                  {"_value": "conv5x5", "_idex": 1}])  # fmt: skip
def test_written_forms_of_a_layer(form):
    model = Net()
    chosen = model.conv["conv5x5"]
    assert apply_fixed_architecture(model, ARCHITECTURE | {"conv": form}).conv is chosen


@pytest.mark.parametrize("form", [["c", "a"], [2, 0], [0, 2], [True, False, True],
                                  {"_value": ["a", "c"], "_idx": [0, 2]},
                                  {"_idex": [2, 0]}])  # fmt: skip
def test_written_forms_of_inputs(form):
    model = nn.ModuleDict({"pick": InputChoice(choose_from=["a", "b", "c"])})
    assert apply_fixed_architecture(model, {"pick": form})["pick"].chosen == [0, 2]


def test_an_architecture_file(tmp_path):
    file = tmp_path / "best.json"
    file.write_text(json.dumps(ARCHITECTURE))
    for path in (file, str(file)):
        model = apply_fixed_architecture(Net(), path)
        assert model.conv.kernel_size == (5, 5)


def test_a_wrong_file_names_the_line(tmp_path):
    file = tmp_path / "best.json"
    file.write_text('{\n  "conv": "conv7x7",\n  "act": 0, "skip": [0]}')
    with pytest.raises(ArchitectureError, match=r"best.json: conv \(line 2\): no candidate 'conv"):
        apply_fixed_architecture(Net(), file)
    with pytest.raises(ArchitectureError, match=r"none.json: no such file"):
        apply_fixed_architecture(Net(), tmp_path / "none.json")


def test_a_wrong_architecture_changes_nothing_and_names_every_problem():
    model = Net()
    before = repr(model)
    with pytest.raises(ArchitectureError) as caught:
        apply_fixed_architecture(model, {"cov": "conv3x3", "act": 2, "skip": [0, 1]})
    text = str(caught.value)
    assert "cov: unknown key; did you mean 'conv'?" in text
    assert "conv: missing; expected one of ['conv3x3', 'conv5x5']" in text
    assert "act: index 2 is out of range 0..1" in text
    assert "skip: 1 of 2 inputs must be chosen, got [0, 1]" in text
    assert repr(model) == before


def test_equal_keys_choose_alike():
    model = nn.Sequential(one_of("a", "b", key="k"), one_of("c", "d", key="k"))
    second, fourth = model[0]["b"], model[1]["d"]
    assert list(apply_fixed_architecture(model, {"k": "b"})) == [second, fourth]


@pytest.mark.parametrize("return_mask", [False, True])
def test_a_choice_registered_twice_is_replaced_in_both_places(return_mask):
    model = nn.Module()
    model.one = model.two = one_of("a", "b", return_mask=return_mask)
    model.pick = model.same = InputChoice(2)
    apply_fixed_architecture(model, {"one": "b", "pick": [1]})
    assert model.one is model.two
    assert isinstance(model.one, ChosenLayer if return_mask else nn.Linear)
    assert model.pick is model.same
    assert isinstance(model.pick, ChosenInputs)


def test_a_part_registered_twice():
    model = nn.Module()
    model.cell = nn.Sequential(one_of("a", "b"))
    model.cells = nn.ModuleList([model.cell, model.cell])
    chosen = model.cell[0]["b"]
    apply_fixed_architecture(model, {"cell.0": "b"})
    assert model.cells[0] is model.cells[1] is model.cell
    assert model.cell[0] is chosen


def test_nested_choices():
    deep = apply_fixed_architecture(Nested(), {"block": "deep", "block.deep.1": "tanh"})
    assert [type(layer) for layer in deep.block] == [nn.Linear, nn.Tanh]
    direct = apply_fixed_architecture(Nested(), {"block": "direct", "block.direct": 1})
    assert isinstance(direct.block, nn.Linear)
    assert direct.block.bias is None
    plain = apply_fixed_architecture(Nested(), {"block": "plain"})
    assert isinstance(plain.block, nn.Identity)


def test_inactive_keys_are_ignored():
    architecture = {"block": "plain", "block.deep.1": "tanh", "block.direct": 0}
    assert isinstance(apply_fixed_architecture(Nested(), architecture).block, nn.Identity)


def test_a_choice_shared_between_a_candidate_and_the_model():
    model = nn.Module()
    model.shared = one_of("a", "b", key="s")
    model.outer = LayerChoice({"it": model.shared, "other": nn.Identity()}, key="o")
    chosen = model.shared["b"]
    apply_fixed_architecture(model, {"s": "b", "o": "it"})
    assert model.shared is model.outer is chosen


def test_a_model_that_is_a_choice_becomes_the_chosen_layer():
    model = one_of("a", "b")
    chosen = model["b"]
    assert apply_fixed_architecture(model, {"model": "b"}) is chosen


def test_a_part_that_is_none():
    model = nn.Sequential(one_of("a", "b"))
    model.register_module("downsample", None)
    chosen = model[0]["b"]
    apply_fixed_architecture(model, {"0": "b"})
    assert model[0] is chosen
    assert model.downsample is None


def test_keyword_arguments_reach_the_chosen_layer():
    class Scale(nn.Module):
        def forward(self, x, *, by):
            return x * by

    for arguments in ({}, {"return_mask": True}):
        model = nn.Sequential(LayerChoice([Scale(), nn.Identity()], **arguments))
        output = apply_fixed_architecture(model, {"0": 0})[0](torch.ones(1), by=3)
        assert (output[0] if arguments else output).tolist() == [3.0]


def test_mask_of_a_layer():
    model = nn.Sequential(one_of("a", "name", "c", return_mask=True))
    apply_fixed_architecture(model, {"0": 1})
    output, mask = model[0](torch.ones(1, 2))
    assert output.shape == (1, 2)
    assert mask.dtype is torch.bool
    assert mask.tolist() == [False, True, False]
    assert set(model.state_dict()) == {"0.name.weight", "0.name.bias"}


def test_reduction_none_of_a_layer_gives_a_list_of_one():
    model = nn.Sequential(one_of("a", "b", reduction="none"))
    (output,) = apply_fixed_architecture(model, {"0": 0})[0](torch.ones(1, 2))
    assert output.shape == (1, 1)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_stays(training):
    model = Net().train(training)
    model.act = LayerChoice([nn.ReLU(), nn.Dropout()], return_mask=True).train(training)
    apply_fixed_architecture(model, ARCHITECTURE)
    assert {module.training for module in model.modules()} == {training}


def test_dtype_hooks_and_frozen_parameters_stay():
    model = Net().double()
    model.conv["conv5x5"].weight.requires_grad_(False)
    calls = []
    model.conv["conv5x5"].register_forward_hook(lambda *_: calls.append("hook"))
    apply_fixed_architecture(model, ARCHITECTURE)(images().double())
    assert calls == ["hook"]
    assert model.conv.weight.dtype is torch.float64
    assert not model.conv.weight.requires_grad


def test_an_empty_architecture_for_a_model_without_choices():
    model = nn.Linear(1, 1)
    assert apply_fixed_architecture(model, {}) is model


def test_applying_twice_is_refused(tmp_path):
    model = apply_fixed_architecture(Net(), ARCHITECTURE)
    with pytest.raises(
        ArchitectureError, match=r"for 'conv', 'act', 'skip': an arch.* was already"
    ):
        apply_fixed_architecture(model, ARCHITECTURE)
    file = tmp_path / "best.json"
    file.write_text(json.dumps(ARCHITECTURE))
    with pytest.raises(ArchitectureError, match=r"best.json: no choice is left .* build it anew"):
        apply_fixed_architecture(model, file)


def test_a_model_that_never_had_choices_is_refused():
    with pytest.raises(ArchitectureError, match="holds no choice"):
        apply_fixed_architecture(nn.Linear(1, 1), {"conv": 0})


def test_contradicting_forms_are_refused():
    for form, message in [
        ({"_value": "conv3x3", "_idx": 1}, "contradicts"),
        (1.0, "whole numbers"),
        ([[0]], "is not a name or an index"),
        (True, "not the boolean"),
        ([True], "a mask needs 2 booleans"),
    ]:
        with pytest.raises(ArchitectureError, match=message):
            apply_fixed_architecture(Net(), ARCHITECTURE | {"conv": form})
