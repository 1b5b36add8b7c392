"""What is called, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import trial_api
from nas_tuners.contract.errors import ConfigError, SearchSpaceError
from tests.trial_api.graph.kit import recorded
from tests.trial_api.networks import Net, images
from trial_api import InputChoice, LayerChoice, search_space
from trial_api.graph import record_graph
from trial_api.mutators import RandomMutator


def test_the_name_is_that_of_the_package() -> None:
    assert trial_api.record_graph is record_graph


def test_what_stands_on_top() -> None:
    graph = recorded(Net(), images())
    assert graph["schema"] == "nas-graph/1"
    assert graph["model"] == "Net"
    assert graph["parameters"] == sum(p.numel() for p in Net().parameters())
    assert graph["search_space"] == search_space(Net()).to_dict()
    assert graph["modules"][0] == {"parent": None, "name": "", "type": "Net", "params": 87}


def test_the_documented_steps_write_a_file(tmp_path: Any) -> None:
    mutator = RandomMutator(Net())
    mutator.reset()
    graph = mutator.graph(images())
    with open(tmp_path / "graph.json", "w") as file:
        json.dump(graph, file)
    with open(tmp_path / "graph.json") as file:
        assert json.load(file) == graph
    assert set(mutator.status()) == set(graph["choices"])


class Two(nn.Module):
    def forward(self, x: Tensor, *rest: Tensor, scale: float = 1.0, **named: Tensor) -> Tensor:
        return x * scale + sum(rest) + sum(named.values())


def test_inputs_have_the_names_of_arguments() -> None:
    x = torch.zeros(2, 3)
    by_place = recorded(Two(), (x, x, x))
    assert [n["name"] for n in by_place["nodes"][:3]] == ["x", "input1", "input2"]
    by_name = recorded(Two(), {"x": x, "scale": 2.0, "more": x.double()})
    assert [n["name"] for n in by_name["nodes"][:2]] == ["x", "more"]
    assert by_name["inputs"] == [
        {"shape": [2, 3], "dtype": "float32"},
        {"shape": [2, 3], "dtype": "float64"},
    ]


@pytest.mark.parametrize("n_chosen", [0, 1, None, (0, 2), (1, 3)])
def test_how_many_are_chosen(n_chosen: Any) -> None:
    model = _Skips(n_chosen)
    graph = recorded(model, torch.zeros(2, 3))
    given = graph["choices"]["skip"]["n_chosen"]
    assert given == (list(n_chosen) if isinstance(n_chosen, tuple) else n_chosen)


class _Skips(nn.Module):
    def __init__(self, n_chosen: Any) -> None:
        super().__init__()
        self.skip = InputChoice(n_candidates=3, n_chosen=n_chosen, key="skip")

    def forward(self, x: Tensor) -> Tensor:
        skipped = self.skip([x, x + 1, x - 1])
        return x if skipped is None else x + skipped


def test_texts_stand_once() -> None:
    graph = recorded(nn.Sequential(*[nn.Linear(3, 3) for _ in range(5)]), torch.zeros(2, 3))
    assert graph["texts"] == ["in_features=3, out_features=3, bias=True"]
    assert [module.get("text") for module in graph["modules"]] == [None, 0, 0, 0, 0, 0]


def test_a_long_text_is_cut_and_one_that_fails_is_left_out() -> None:
    class Long(nn.Identity):
        def extra_repr(self) -> str:
            return "long " * 1000

    class Failing(nn.Identity):
        def extra_repr(self) -> str:
            raise ZeroDivisionError

    graph = recorded(nn.Sequential(Long(), Failing()), torch.zeros(2, 3))
    assert [len(text) for text in graph["texts"]] == [300]
    assert "text" not in graph["modules"][2]


@pytest.mark.parametrize("inputs", [(), [], {}, 3, "x", {"x": 3}, None])
def test_inputs_without_a_tensor_are_refused(inputs: Any) -> None:
    with pytest.raises(ConfigError, match="`inputs` must hold a tensor"):
        record_graph(Net(), inputs)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="`model` must be an"):
        record_graph(Net, images())  # type: ignore[arg-type]


def test_choices_that_contradict_each_other_are_refused() -> None:
    model = nn.Sequential(
        LayerChoice([nn.ReLU()], key="same"), LayerChoice([nn.ReLU(), nn.Tanh()], key="same")
    )
    with pytest.raises(SearchSpaceError, match="choices with the same key must agree"):
        record_graph(model, torch.zeros(2, 3))


def test_a_key_at_two_places_has_both() -> None:
    model = nn.Sequential(
        LayerChoice([nn.ReLU(), nn.Linear(3, 3)], key="same"),
        LayerChoice([nn.ReLU(), nn.Linear(3, 3)], key="same"),
    )
    places = recorded(model, torch.zeros(2, 3))["choices"]["same"]["places"]
    assert [len(place["nodes"]) for place in places] == [1, 1]
    assert [place["slots"][1]["params"] for place in places] == [12, 12]


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.choice = LayerChoice([nn.Linear(3, 3), nn.Identity()], key="unused")

    def forward(self, x: Tensor) -> Tensor:
        return -x


def test_a_choice_that_does_not_run_has_no_nodes() -> None:
    graph = recorded(Unused(), torch.zeros(2, 3))
    (place,) = graph["choices"]["unused"]["places"]
    assert place["nodes"] == []
    assert [slot["flops"] for slot in place["slots"]] == [None, None]
    assert [slot["params"] for slot in place["slots"]] == [12, 0]
