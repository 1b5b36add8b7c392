from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError, UndecidedError
from tests.trial_api.mutators.told import Times, Told, ones
from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.mutators import Selection

FACTORS = (1.0, 10.0, 100.0)
T, F = True, False


class Both(nn.Module):
    """A choice of three layers and one of three inputs, with the same arguments."""

    def __init__(self, **arguments) -> None:
        super().__init__()
        self.layer = LayerChoice([Times(factor) for factor in FACTORS], key="layer", **arguments)
        self.pick = InputChoice(n_candidates=3, key="pick", **arguments)

    def run(self, x):
        return self.layer(x), self.pick([factor * x for factor in FACTORS])


def outputs(mask, **arguments):
    """What both choices return under a mask."""
    model = Both(**arguments)
    Told(model).apply_on_model({"layer": mask, "pick": mask})
    return model.run(ones())


SELECT_LAST_TWO = [
    [F, T, T],
    (F, T, T),
    np.array([F, T, T]),
    [np.bool_(F), np.bool_(T), np.bool_(T)],
    torch.tensor([F, T, T]),
    Selection(3, (1, 2)),
]


@pytest.mark.parametrize("mask", SELECT_LAST_TWO, ids=lambda mask: type(mask).__name__)
def test_booleans_select(mask):
    for output in outputs(mask):
        assert output.tolist() == [[110.0, 110.0]]


WEIGHTS = [
    [0.5, 0.0, 0.25],
    (0.5, 0.0, 0.25),
    np.array([0.5, 0.0, 0.25]),
    np.array([0.5, 0.0, 0.25], dtype=np.float32),
    [np.float64(0.5), np.float32(0.0), 0.25],
    torch.tensor([0.5, 0.0, 0.25]),
    torch.tensor([0.5, 0.0, 0.25], dtype=torch.float64),
    torch.tensor([0.5, 0.0, 0.25], requires_grad=True),
    Selection(3, (0, 2), (0.5, 0.25)),
]


@pytest.mark.parametrize("mask", WEIGHTS, ids=lambda mask: type(mask).__name__)
def test_floats_weigh(mask):
    for output in outputs(mask):
        assert output.tolist() == [[25.5, 25.5]]
        assert output.dtype == torch.float32


def test_candidates_without_weight_are_not_run():
    model = Both()
    mutator = Told(model)
    for mask in ([0.5, 0.0, 0.5], torch.tensor([0.5, 0.0, 0.5]), [T, F, T]):
        mutator.apply_on_model({"layer": mask, "pick": mask})
        model.run(ones())
    assert [layer.calls for layer in model.layer] == [3, 0, 3]


def test_candidates_with_a_gradient_are_run_also_at_weight_zero():
    model = Both()
    weights = torch.tensor([1.0, 0.0, 0.0], requires_grad=True)
    Told(model).apply_on_model({"layer": weights, "pick": [T, F, F]})
    model.layer(ones()).sum().backward()
    assert weights.grad.tolist() == [2.0, 20.0, 200.0]


WRONG = [
    ([T, F], "expected a mask of 3 entries, but got 2"),
    ([T, F, T, F], "expected a mask of 3 entries, but got 4"),
    (np.ones(2, dtype=bool), "expected a mask of 3 entries, but got 2"),
    (torch.ones(4), "expected a mask of 3 entries, but got 4"),
    (torch.ones(3, 1), r"expected a mask of 3 entries, but got shape \(3, 1\)"),
    (np.ones((1, 3)), r"expected a mask of 3 entries, but got shape \(1, 3\)"),
    (torch.tensor(1.0), r"expected a mask of 3 entries, but got shape \(\)"),
    ([[T, F, F]], "expected a mask of 3 entries, but got 1"),
    ([[T], [F], [F]], "but got list"),
    (1, "expected a mask of 3 entries, but got a int"),
    ("abc", "expected a mask of 3 entries, but got a str"),
    (None, "expected a mask of 3 entries, but got a NoneType"),
    ([1, 0, 0], "but got int; 0 and 1 as whole numbers could also be indices"),
    (np.array([1, 0, 0]), "but got int; 0 and 1"),
    (torch.tensor([1, 0, 0]), "but got torch.int64; 0 and 1"),
    ([T, 0.5, F], "but got bool, float"),
    (["a", "b", "c"], "but got str"),
    (Selection(2, (0,)), "expected a mask of 3 entries, but got 2"),
    (Selection(3, (3,)), r"selects \(3,\) of 3 candidates"),
    (Selection(3, (0, 1), (1.0,)), "has 2 candidates and 1 weights"),
]


@pytest.mark.parametrize(("mask", "message"), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_masks_name_their_key(mask, message):
    with pytest.raises(ArchitectureError, match=f"layer: .*{message}"):
        outputs(mask)


def test_all_wrong_masks_are_told_together():
    with pytest.raises(ArchitectureError) as caught:
        outputs([T])
    assert [problem.where for problem in caught.value.problems] == ["layer", "pick"]


def test_missing_and_unknown_keys():
    mutator = Told(Both())
    with pytest.raises(ArchitectureError) as caught:
        mutator.apply_on_model({"layr": [T, F, F], "zzz": [T, F, F]})
    problems = {problem.where: problem.message for problem in caught.value.problems}
    assert problems["layr"] == "unknown key; did you mean 'layer'?"
    assert problems["zzz"].startswith("unknown key")
    assert problems["layer"] == problems["pick"] == "missing: no mask"
    assert "Told" in str(caught.value)


def test_a_wrong_decision_leaves_the_present_one():
    model = Both()
    mutator = Told(model)
    mutator.reset()
    with pytest.raises(ArchitectureError):
        mutator.apply_on_model({})
    assert model.run(ones())[0].tolist() == [[1.0, 1.0]]


def test_the_message_before_the_first_decision():
    model = Both()
    mutator = Told(model)
    for early in (lambda: model.run(ones()), mutator.status):
        with pytest.raises(UndecidedError, match=r"call reset\(\) of the mutator"):
            early()


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat"])
def test_an_empty_selection_gives_none(reduction):
    assert outputs([F, F, F], reduction=reduction) == (None, None)
    assert outputs([0.0, 0.0, 0.0], reduction=reduction) == (None, None)


def test_an_empty_selection_as_a_list():
    assert outputs([F, F, F], reduction="none") == ([], [])
    assert outputs([0.0, 0.0, 0.0], reduction="none") == ([], [])


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat"])
def test_one_candidate_is_unchanged(reduction):
    for output in outputs([F, T, F], reduction=reduction):
        assert output.tolist() == [[10.0, 10.0]]


def test_one_input_is_passed_on_itself():
    model = Both()
    Told(model).apply_on_model({"layer": [T, F, F], "pick": [F, T, F]})
    inputs = [ones(), ones(), ones()]
    assert model.pick(inputs) is inputs[1]


@pytest.mark.parametrize(
    ("reduction", "plain", "weighed"),
    [
        ("sum", [[101.0, 101.0]], [[75.5, 75.5]]),
        ("mean", [[50.5, 50.5]], [[60.4, 60.4]]),
        ("concat", [[1.0, 1.0, 100.0, 100.0]], [[0.5, 0.5, 75.0, 75.0]]),
    ],
)
def test_several_candidates(reduction, plain, weighed):
    for output in outputs([T, F, T], reduction=reduction):
        assert output.tolist() == plain
    for mask in ([0.5, 0.0, 0.75], torch.tensor([0.5, 0.0, 0.75])):
        for output in outputs(mask, reduction=reduction):
            assert output.tolist()[0] == pytest.approx(weighed[0])


def test_several_candidates_as_a_list():
    for found in outputs([T, F, T], reduction="none"):
        assert [output.tolist() for output in found] == [[[1.0, 1.0]], [[100.0, 100.0]]]
    for found in outputs([0.5, 0.0, 0.25], reduction="none"):
        assert [output.tolist() for output in found] == [[[0.5, 0.5]], [[25.0, 25.0]]]


def test_the_weighted_mean_of_one_is_that_one():
    for output in outputs([0.0, 0.5, 0.0], reduction="mean"):
        assert output.tolist() == [[10.0, 10.0]]


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat", "none"])
def test_return_mask(reduction):
    for output, mask in outputs([T, F, T], reduction=reduction, return_mask=True):
        assert output is not None
        assert mask.tolist() == [True, False, True]
        assert mask.dtype == torch.bool
    for _, mask in outputs([0.5, 0.0, 0.25], reduction=reduction, return_mask=True):
        assert mask.tolist() == [0.5, 0.0, 0.25]
    for empty, mask in outputs([F, F, F], reduction=reduction, return_mask=True):
        assert empty in (None, [])
        assert mask.tolist() == [False] * 3


def test_the_returned_mask_carries_the_gradient():
    weights = torch.tensor([0.5, 0.25, 0.25], requires_grad=True)
    (_, mask), _ = outputs(weights, return_mask=True)
    (mask * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert weights.grad.tolist() == [1.0, 2.0, 3.0]


def test_inputs_by_name_are_read_when_they_are_chosen():
    class Lazy(dict):
        def __getitem__(self, name):
            assert name == "b"
            return super().__getitem__(name)

    pick = InputChoice(choose_from=["a", "b"], key="pick")
    Told(pick).apply_on_model({"pick": [F, T]})
    assert pick(Lazy(a=ones(), b=ones() * 2)).tolist() == [[2.0, 2.0]]


def test_arguments_reach_the_candidates():
    class Scale(nn.Module):
        def forward(self, x, *, by):
            return x * by

    layer = LayerChoice([Scale(), Scale()], key="layer")
    mutator = Told(layer)
    mutator.apply_on_model({"layer": [T, T]})
    assert layer(ones(), by=3).tolist() == [[6.0, 6.0]]


def test_decisions_last_until_the_next():
    model = Both()
    mutator = Told(model)
    mutator.reset()
    mutator.masks = {"layer": [F, F, T], "pick": [F, F, T]}
    assert [model.run(ones())[0].tolist() for _ in range(2)] == [[[1.0, 1.0]]] * 2
    mutator.reset()
    assert model.run(ones())[0].tolist() == [[100.0, 100.0]]


def test_equal_keys_are_decided_together():
    model = nn.ModuleList([LayerChoice([Times(2.0), Times(3.0)], key="k") for _ in range(2)])
    Told(model).apply_on_model({"k": [F, T]})
    assert [layer(ones())[0, 0].item() for layer in model] == [3.0, 3.0]


def test_status():
    mutator = Told(Both())
    mutator.apply_on_model({"layer": torch.tensor([0.5, 0.25, 0.25]), "pick": [T, F, T]})
    assert mutator.status() == {"layer": [0.5, 0.25, 0.25], "pick": [True, False, True]}
    json.dumps(mutator.status())


def test_export_leaves_the_model_as_it_is():
    model = Net()
    mutator = Told(model)
    mutator.reset()
    before = model(images())
    mutator.masks = {"conv": [F, T], "act": [F, T], "skip": [F, T]}
    exported = mutator.export()
    assert exported == {"conv": "conv5x5", "act": "1", "skip": [1]}
    assert torch.equal(model(images()), before)
    apply_fixed_architecture(Net(), exported)


def test_export_of_weights_takes_the_largest():
    model = nn.ModuleList(
        [
            LayerChoice([nn.Identity(), nn.ReLU(), nn.Tanh()], key="layer"),
            InputChoice(n_candidates=3, n_chosen=2, key="two"),
            InputChoice(n_candidates=3, n_chosen=(0, 1), key="maybe"),
            InputChoice(n_candidates=3, key="any"),
        ]
    )
    mutator = Told(model)
    mutator.masks = {
        "layer": [0.2, 0.5, 0.3],
        "two": torch.tensor([0.2, 0.5, 0.3]),
        "maybe": [0.0, 0.0, 0.0],
        "any": [0.5, 0.0, 0.1],
    }
    expected = {"layer": [1], "two": [1, 2], "maybe": [], "any": [0, 2]}
    exported = mutator.export()
    assert {key: _indices(value) for key, value in exported.items()} == expected


def _indices(value) -> list[int]:
    return [int(entry) for entry in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize(
    ("masks", "key"),
    [
        ({"conv": [T, T], "act": [T, F], "skip": [T, F]}, "conv"),
        ({"conv": [T, F], "act": [F, F], "skip": [T, F]}, "act"),
        ({"conv": [T, F], "act": [T, F], "skip": [T, T]}, "skip"),
    ],
)
def test_an_export_outside_of_the_space(masks, key):
    mutator = Told(Net())
    mutator.masks = masks
    with pytest.raises(ArchitectureError, match=key):
        mutator.export()


def test_nested_choices():
    model = Nested()
    mutator = Told(model)
    masks = {"block": [F, T, F], "block.deep.1": [F, T], "block.direct": [F, F]}
    mutator.apply_on_model(masks)
    x = torch.randn(3, 2)
    assert torch.equal(model(x), model.block["deep"][0](x).tanh())
    mutator.masks = masks
    exported = mutator.export()
    mutator.remove()
    assert exported["block"] == "deep"
    assert exported["block.deep.1"] == "tanh"
    plain = apply_fixed_architecture(model, exported)
    assert torch.equal(plain(x), plain.block[0](x).tanh())


def test_mixed_candidates_must_agree_in_shape():
    model = nn.Sequential(LayerChoice({"wide": nn.Linear(2, 3), "fits": nn.Linear(2, 2)}, key="k"))
    Told(model).apply_on_model({"k": [0.5, 0.5]})
    with pytest.raises(SearchSpaceError) as caught:
        model(ones())
    assert str(caught.value) == (
        "k: candidate 'fits' returned shape (1, 2), but 'wide' returned (1, 3); candidates that "
        "are mixed must agree"
    )


def test_mixed_candidates_must_be_tensors():
    model = nn.Sequential(LayerChoice({"lstm": nn.LSTM(2, 2), "fits": nn.Linear(2, 2)}, key="k"))
    Told(model).apply_on_model({"k": [0.5, 0.5]})
    with pytest.raises(SearchSpaceError, match=r"k: candidate 'lstm' returned a tuple.* wrap"):
        model(ones())


def test_gradients_reach_weights_and_candidates():
    weights = torch.tensor([0.25, 0.5], requires_grad=True)
    model = nn.Sequential(LayerChoice([nn.Linear(2, 1), nn.Linear(2, 1)], key="k"))
    Told(model).apply_on_model({"k": weights})
    model(ones()).backward()
    expected = [candidate(ones()).item() for candidate in model[0]]
    assert weights.grad.tolist() == pytest.approx(expected)
    assert model[0][1].bias.grad.item() == 0.5


def test_a_mask_of_a_selection_mixes_kinds_of_weights():
    selection = Selection(3, (0, 2), (torch.tensor(0.25), 0.5))
    assert selection.mask().tolist() == [0.25, 0.0, 0.5]
    assert selection.strengths() == [0.25, 0.0, 0.5]
    assert math.isclose(sum(Selection(3, (0, 2)).strengths()), 2.0)
