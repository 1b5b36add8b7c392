from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import nn

from tests.trial_api.mutators.told import Times, ones
from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.mutators import SoftmaxMutator


class Edges(nn.Module):
    """A node of a cell: an operation an edge, and an input choice that keeps two of them."""

    def __init__(self, n_chosen: int | None = 2) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            [
                LayerChoice(
                    {"none": Times(0.0), "one": Times(1.0), "two": Times(2.0)}, key=f"e{i}"
                )
                for i in range(3)
            ]
        )
        self.switch = InputChoice(choose_from=["e0", "e1", "e2"], n_chosen=n_chosen, key="switch")

    def forward(self, x):
        return self.switch([edge(x) for edge in self.edges])


class Inputs(nn.Module):
    """Input choices of inputs that are no layer choices."""

    def __init__(self) -> None:
        super().__init__()
        self.one = InputChoice(n_candidates=3, n_chosen=1, key="one")
        self.two = InputChoice(n_candidates=3, n_chosen=2, key="two")
        self.any = InputChoice(n_candidates=3, key="any")

    def forward(self, inputs):
        return [self.one(inputs), self.two(inputs), self.any(inputs)]


def set_logits(mutator, **rows) -> None:
    tables = {**mutator.logits.one.rows(), **mutator.logits.gates.rows()}
    with torch.no_grad():
        for key, row in rows.items():
            tables[key].copy_(torch.tensor(row))


def test_the_output_is_the_mixture_by_hand():
    model = Net()
    mutator = SoftmaxMutator(model, seed=0)
    set_logits(mutator, conv=[0.3, -0.2], act=[1.0, 0.5], skip=[0.1, 0.9])
    mutator.reset()

    def mixed(row, tensors):
        weights = torch.softmax(torch.tensor(row), 0)
        return sum(w * t for w, t in zip(weights, tensors, strict=True))

    x = mixed([0.3, -0.2], [conv(images()) for conv in model.conv])
    x = mixed([0.1, 0.9], [x, mixed([1.0, 0.5], [act(x) for act in model.act])])
    expected = model.head(x.mean((2, 3)))
    assert torch.allclose(model(images()), expected, atol=1e-6)


def test_gradients_are_those_of_the_softmax():
    model = nn.Sequential(LayerChoice([Times(1.0), Times(5.0), Times(-2.0)], key="k"))
    mutator = SoftmaxMutator(model, seed=0)
    logits = torch.tensor([0.2, -1.0, 0.5], requires_grad=True)
    set_logits(mutator, k=logits.tolist())
    mutator.reset()
    model(ones()).sum().backward()
    (2 * torch.softmax(logits, 0) @ torch.tensor([1.0, 5.0, -2.0])).backward()
    (table,) = mutator.parameters()
    assert torch.allclose(table.grad[0], logits.grad)


def test_weights_without_a_graph_where_gradients_are_off():
    model = Net()
    mutator = SoftmaxMutator(model)
    with torch.no_grad():
        mutator.reset()
    model(images()).sum().backward()
    assert all(parameter.grad is None for parameter in mutator.parameters())
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_parameters_are_small_seeded_and_one_a_candidate():
    mutator = SoftmaxMutator(Net(), seed=1)
    assert sum(parameter.numel() for parameter in mutator.parameters()) == 6
    assert max(parameter.abs().max() for parameter in mutator.parameters()) < 1e-2
    other = SoftmaxMutator(Net(), seed=1)
    for a, b in zip(mutator.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    wide = next(SoftmaxMutator(Net(), seed=1, scale=1.0).parameters())
    assert torch.allclose(wide, 1000 * next(mutator.parameters()))


def test_shared_keys_have_one_row():
    model = nn.ModuleList([LayerChoice([Times(1.0), Times(2.0)], key="k") for _ in range(3)])
    (table,) = SoftmaxMutator(model).parameters()
    assert table.shape == (1, 2)


def test_the_most_probable_architecture_is_exported():
    mutator = SoftmaxMutator(Net())
    set_logits(mutator, conv=[0.0, 1.0], act=[1.0, 0.0], skip=[0.0, 2.0])
    exported = mutator.export()
    assert exported == {"conv": "conv5x5", "act": "0", "skip": [1]}
    apply_fixed_architecture(Net(), exported)


def test_edges_are_all_mixed_while_the_search_runs():
    model = Edges()
    mutator = SoftmaxMutator(model)
    set_logits(mutator, e0=[0.0, 0.0, 0.0], e1=[0.0, 0.0, 0.0], e2=[0.0, 0.0, 0.0])
    mutator.reset()
    assert model(ones()).tolist()[0] == pytest.approx([3.0, 3.0])
    assert "switch" not in mutator.logits.one.rows()


def test_the_strongest_edges_are_kept_and_zero_operations_never_chosen():
    mutator = SoftmaxMutator(Edges())
    set_logits(mutator, e0=[9.0, 0.0, 1.0], e1=[0.0, 2.0, 1.0], e2=[0.0, 1.0, 1.5])
    exported = mutator.export()
    assert exported == {"e0": "two", "e1": "one", "e2": "two", "switch": ["e1", "e2"]}


def test_a_zero_operation_may_be_named_otherwise():
    mutator = SoftmaxMutator(Edges(), zero_names=("one",))
    set_logits(mutator, e0=[9.0, 0.0, 1.0], e1=[0.0, 9.0, 1.0], e2=[0.0, 1.0, 1.5])
    assert mutator.export()["e0"] == "none"
    assert mutator.export()["e1"] == "two"


def test_zero_operations_are_chosen_where_the_edge_cannot_be_left_out():
    model = nn.Sequential(LayerChoice({"none": Times(0.0), "one": Times(1.0)}, key="k"))
    mutator = SoftmaxMutator(model)
    set_logits(mutator, k=[1.0, 0.0])
    assert mutator.export() == {"k": "none"}


def test_zero_operations_are_chosen_where_every_edge_is_taken():
    mutator = SoftmaxMutator(Edges(n_chosen=3))
    set_logits(mutator, e0=[9.0, 0.0, 1.0], e1=[0.0, 2.0, 1.0], e2=[0.0, 1.0, 1.5])
    exported = mutator.export()
    assert exported == {"e0": "none", "e1": "one", "e2": "two", "switch": ["e0", "e1", "e2"]}


def test_any_number_of_edges_keeps_all():
    assert SoftmaxMutator(Edges(n_chosen=None)).export()["switch"] == ["e0", "e1", "e2"]


def test_other_inputs_have_logits_or_gates():
    model = Inputs()
    mutator = SoftmaxMutator(model)
    one, two, any_ = [0.0, 1.0, 0.5], [1.0, -1.0, 2.0], [-1.0, 3.0, 0.1]
    set_logits(mutator, one=one, two=two, any=any_)
    mutator.reset()
    found = [output[0, 0].item() for output in model([ones(), 10 * ones(), 100 * ones()])]
    values = torch.tensor([1.0, 10.0, 100.0])
    weights = [
        torch.softmax(torch.tensor(one), 0),
        torch.sigmoid(torch.tensor(two)),
        torch.sigmoid(torch.tensor(any_)),
    ]
    assert found == pytest.approx([(w @ values).item() for w in weights])


def test_gates_are_exported_within_what_the_choice_allows():
    mutator = SoftmaxMutator(Inputs())
    set_logits(mutator, one=[0.0, 1.0, 0.5], two=[-1.0, -3.0, -2.0], any=[-1.0, 3.0, -0.1])
    assert mutator.export() == {"one": [1], "two": [0, 2], "any": [1]}
    set_logits(mutator, any=[-1.0, -1.0, -1.0])
    assert mutator.export()["any"] == []


def test_nested_choices():
    model = Nested()
    mutator = SoftmaxMutator(model)
    mutator.reset()
    model(torch.randn(3, 2)).sum().backward()
    assert all(parameter.grad.any(dim=1).all() for parameter in mutator.parameters())
    exported = mutator.export()
    mutator.remove()
    assert apply_fixed_architecture(model, exported)(torch.randn(3, 2)).shape == (3, 2)


def test_a_state_dict_round_trip():
    mutator = SoftmaxMutator(Net(), seed=1, scale=1.0)
    file = io.BytesIO()
    torch.save(mutator.state_dict(), file)
    file.seek(0)
    other = SoftmaxMutator(Net(), seed=2, scale=1.0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.export() == mutator.export()
    mutator.reset()
    other.reset()
    assert other.status() == mutator.status()


def test_a_decided_mutator_copies_although_its_weights_have_a_graph():
    mutator = SoftmaxMutator(Net())
    mutator.reset()
    assert copy.deepcopy(mutator).status() == mutator.status()
