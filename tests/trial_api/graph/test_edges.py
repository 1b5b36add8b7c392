"""What is connected with what, against graphs drawn by hand."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tests.trial_api.graph.kit import edges, label, recorded, slots_of
from trial_api import InputChoice, LayerChoice, Repeat


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.act = nn.ReLU()
        self.head = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.conv(x))
        return self.head((x + y).mean((2, 3)))


def test_layers_and_functions_in_their_order() -> None:
    graph = recorded(Plain(), torch.zeros(2, 1, 4, 4))

    assert [label(graph, number) for number in range(len(graph["nodes"]))] == [
        "input x",
        "conv",
        "act",
        "add",
        "mean",
        "head",
        "output",
    ]
    assert edges(graph) == {
        ("input x", "conv"),
        ("conv", "act"),
        ("input x", "add"),
        ("act", "add"),
        ("add", "mean"),
        ("mean", "head"),
        ("head", "output"),
    }
    assert [node["shapes"] for node in graph["nodes"]] == [
        [[2, 1, 4, 4]],
        [[2, 2, 4, 4]],
        [[2, 2, 4, 4]],
        [[2, 2, 4, 4]],
        [[2, 2]],
        [[2, 3]],
        [[2, 3]],
    ]
    assert graph["choices"] == {}
    assert graph["inputs"] == [{"shape": [2, 1, 4, 4], "dtype": "float32"}]


class Choices(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = LayerChoice(
            {
                "wide": nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU()),
                "same": nn.Identity(),
            },
            key="conv",
        )
        self.skip = InputChoice(n_candidates=2, n_chosen=1, key="skip")

    def forward(self, x: Tensor) -> Tensor:
        return self.skip([x, self.conv(x)])


def test_every_candidate_and_every_input_has_its_slot() -> None:
    graph = recorded(Choices(), torch.zeros(2, 1, 4, 4))

    assert edges(graph) == {
        ("input x", "conv.wide.0"),
        ("conv.wide.0", "conv.wide.1"),
        ("input x", "conv.same"),
        ("conv.wide.1", "choice conv", 0),
        ("conv.same", "choice conv", 1),
        ("input x", "choice skip", 0),
        ("choice conv", "choice skip", 1),
        ("choice skip", "output"),
    }
    assert graph["choices"]["conv"]["names"] == ["wide", "same"]
    assert graph["choices"]["conv"]["n_chosen"] == 1
    assert graph["choices"]["skip"]["kind"] == "input"
    assert slots_of(graph, "skip") == [{"shape": [2, 1, 4, 4]}] * 2


class Returning(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x


class Detour(nn.Module):
    """Computes something, and gives back its input."""

    def forward(self, x: Tensor) -> Tensor:
        x.exp()
        return x


def test_candidates_that_return_their_input_keep_a_node_of_their_own() -> None:
    candidates = [nn.Identity(), Returning(), nn.Dropout(), Detour(), nn.Sequential()]
    model = nn.Sequential(nn.ReLU(), LayerChoice(candidates, key="c"))
    graph = recorded(model, torch.zeros(2, 3))

    assert edges(graph) >= {(f"1.{index}", "choice c", index) for index in range(5)}
    assert edges(graph) >= {("0", f"1.{index}") for index in range(5)}


class Twice(nn.Module):
    """One layer at two places, one choice called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.choice = LayerChoice([nn.Linear(3, 3), nn.Identity()], key="c")

    def forward(self, x: Tensor) -> Tensor:
        return self.choice(self.layer(self.choice(self.layer(x))))


def test_modules_and_choices_that_are_called_twice_are_two_nodes() -> None:
    graph = recorded(Twice(), torch.zeros(2, 3))

    labels = [label(graph, number) for number in range(len(graph["nodes"]))]
    once = ["layer", "choice.0", "choice.1", "choice c"]
    assert labels == ["input x", *once, *once, "output"]
    place = graph["choices"]["c"]["places"][0]
    assert place["nodes"] == [4, 8]
    assert place["slots"][0]["flops"] == 2 * (2 * 2 * 3 * 3), "of both calls"


class Block(nn.Module):
    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.act = act

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.linear(x))


def test_a_shared_module_stands_where_it_is_called() -> None:
    act = nn.Sequential(nn.ReLU())
    graph = recorded(nn.Sequential(Block(act), Block(act), act, act), torch.zeros(2, 3))

    assert edges(graph) == {
        ("input input", "0.linear"),
        ("0.linear", "0.act.0"),
        ("0.act.0", "1.linear"),
        ("1.linear", "1.act.0"),
        ("1.act.0", "2.0"),
        ("2.0", "3.0"),
        ("3.0", "output"),
    }


def test_one_module_as_two_candidates_has_two_slots() -> None:
    shared = nn.Linear(3, 3)
    graph = recorded(LayerChoice({"a": shared, "b": shared}, key="c"), torch.zeros(2, 3))

    assert edges(graph) >= {("a", "choice c", 0), ("b", "choice c", 1)}
    assert graph["parameters"] == 12


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.choice = LayerChoice([nn.ReLU(inplace=True), nn.Tanh(), nn.Identity()], key="c")
        self.conv = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.choice(x)
        y += 1
        y[:, 0] = 0
        F.relu_(y)
        return x * y


def test_what_is_written_to_is_read_from_its_writer() -> None:
    graph = recorded(InPlace(), torch.zeros(2, 3))

    assert edges(graph) == {
        ("input x", "conv"),
        ("conv", "choice.0"),
        ("conv", "choice.1"),
        ("conv", "choice.2"),
        ("choice.0", "choice c", 0),
        ("choice.1", "choice c", 1),
        ("choice.2", "choice c", 2),
        ("choice c", "add_"),
        ("add_", "setitem"),
        ("setitem", "relu_"),
        ("conv", "mul"),
        ("relu_", "mul"),
        ("mul", "output"),
    }


class InPlaceLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        self.act(y)
        y[:, :1].add_(1)
        return y


def test_a_layer_in_place_and_a_view_that_is_written_to() -> None:
    graph = recorded(InPlaceLayer(), torch.zeros(2, 3))

    assert edges(graph) == {
        ("input x", "layer"),
        ("layer", "act"),
        ("act", "getitem"),
        ("getitem", "add_"),
        ("add_", "output"),
    }


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclasses.dataclass
class Parts:
    main: Tensor
    others: list[Tensor]


class Structured(nn.Module):
    """Candidates with lists, dicts, named tuples and data classes."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = LayerChoice([_Halves(), _Halves()], key="c")

    def forward(self, x: dict[str, Tensor], scale: Tensor) -> dict[str, Tensor]:
        halves = self.choice(x["image"], scale=scale)
        parts = Parts(halves["pair"].left, [halves["pair"].right, *halves["list"]])
        low, high = parts.main
        return {"sum": sum(parts.others), "first": low + high}


class _Halves(nn.Module):
    def forward(self, x: Tensor, scale: Tensor) -> dict[str, object]:
        left, right = x.chunk(2, dim=1)
        return {"pair": Pair(left, right * scale), "list": [left, right]}


def test_structures_keep_their_connections() -> None:
    inputs = {"x": {"image": torch.zeros(2, 4)}, "scale": torch.ones(())}
    graph = recorded(Structured(), inputs)

    assert graph["inputs"] == [
        {"shape": [2, 4], "dtype": "float32"},
        {"shape": [], "dtype": "float32"},
    ]
    assert edges(graph) >= {
        ("input x.image", "chunk in choice.0"),
        ("input scale", "mul in choice.0"),
        ("chunk in choice.0", "choice c", 0),
        ("mul in choice.0", "choice c", 0),
        ("chunk in choice.1", "choice c", 1),
        ("choice c", "unbind"),
        ("unbind", "add"),
        ("add", "output"),
    }
    assert graph["nodes"][-1]["shapes"] == [[2, 2], [2]]


class ByName(nn.Module):
    """Inputs by name that are computed when they are read."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Linear(3, 3)})
        self.pick = InputChoice(choose_from=["b", "a"], n_chosen=2, reduction="concat", key="p")
        self.head = nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pick({name: torch.relu(f(x)) for name, f in self.layers.items()}))


def test_inputs_by_name_stand_in_the_order_of_the_names() -> None:
    graph = recorded(ByName(), torch.zeros(2, 3))

    relus = [n for n, node in enumerate(graph["nodes"]) if node.get("op") == "relu"]
    choice = graph["choices"]["p"]["places"][0]["nodes"][0]
    assert [edge for edge in graph["edges"] if edge[1] == choice] == [
        [relus[0], choice, 1],
        [relus[1], choice, 0],
    ]
    assert graph["nodes"][choice]["shapes"] == [[2, 6]]


def test_depths_are_slots_after_so_many_blocks() -> None:
    model = Repeat(lambda index: nn.Linear(3, 3), (0, 2), key="depth")
    graph = recorded(model, torch.zeros(2, 3))

    assert edges(graph) == {
        ("input inputs", "0"),
        ("0", "1"),
        ("input inputs", "choice depth", 0),
        ("0", "choice depth", 1),
        ("1", "choice depth", 2),
        ("choice depth", "output"),
    }
    assert graph["choices"]["depth"]["kind"] == "value"
    assert graph["choices"]["depth"]["names"] == ["0", "1", "2"]
    assert [slot["params"] for slot in slots_of(graph, "depth")] == [0, 12, 24]
    assert [slot["flops"] for slot in slots_of(graph, "depth")] == [0, 36, 72]


class Weighted(nn.Module):
    """Computes with parameters, and something that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(3))
        self.unused = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        torch.softmax(self.unused, 0).exp()
        return x * torch.softmax(self.logits, 0)


def test_what_is_made_of_parameters_shows_where_it_is_read() -> None:
    graph = recorded(Weighted(), torch.zeros(2, 3))
    assert edges(graph) == {("input x", "mul"), ("softmax", "mul"), ("mul", "output")}


class Opaque(nn.Module):
    """Goes through NumPy, where nobody can follow."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.from_numpy(x.numpy() * 2)


def test_a_module_that_hides_what_it_does_is_a_node() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Sequential(Opaque()), nn.Tanh())
    graph = recorded(model, torch.zeros(2, 3), tier="cpu")

    assert edges(graph) == {("input input", "0"), ("0", "1.0"), ("1.0", "2"), ("2", "output")}
