"""Models that are hard to record."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.trial_api.graph.kit import edges, label, path, recorded, slots_of
from tests.trial_api.networks import ARCHITECTURE, Nested, Net, images
from trial_api import (
    Cell,
    InputChoice,
    LayerChoice,
    NasBench101Cell,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    make_supernet,
    model_space,
)
from trial_api.mutators import RandomMutator, SoftmaxMutator
from trial_api.nn import PartialChannels


def test_a_choice_in_a_candidate_and_one_that_is_a_candidate() -> None:
    graph = recorded(Nested(), torch.zeros(2, 2))

    assert edges(graph) >= {
        ("block.deep.0", "block.deep.1.relu"),
        ("block.deep.1.tanh", "choice block.deep.1", 1),
        ("choice block.deep.1", "choice block", 1),
        ("block.direct.1", "choice block.direct", 1),
        ("choice block.direct", "choice block", 2),
    }
    assert [slot["flops"] for slot in slots_of(graph, "block")] == [0, 16, 32]


def test_a_choice_that_is_the_whole_model() -> None:
    graph = recorded(LayerChoice([nn.ReLU(), nn.Tanh()]), torch.zeros(2, 2))
    assert list(graph["choices"]) == ["model"]
    assert graph["choices"]["model"]["places"][0]["module"] == 0


def test_the_network_of_an_architecture_is_recorded_as_it_is() -> None:
    network = apply_fixed_architecture(Net(), ARCHITECTURE)
    graph = recorded(network, images())
    assert graph["choices"] == {}
    assert [label(graph, n) for n in range(len(graph["nodes"]))] == [
        "input x",
        "conv",
        "act.0",
        "act.1",
        "mean",
        "head",
        "output",
    ]


@pytest.mark.parametrize("make", [RandomMutator, SoftmaxMutator])
def test_a_bound_model_has_the_graph_of_the_unbound_one(make: Any) -> None:
    before = recorded(Net(), images())
    model = Net()
    mutator = make(model)
    assert recorded(model, images()) == before, "nothing is decided yet"
    mutator.reset()
    decided = mutator.status()
    assert recorded(model, images()) == before
    assert mutator.graph(images()) == before
    assert mutator.status() == decided
    mutator.remove()
    assert recorded(model, images()) == before


def test_wrappers_are_no_part_of_the_graph() -> None:
    before = recorded(Net(), images())
    assert recorded(nn.DataParallel(Net()), images()) == before
    assert recorded(torch.compile(Net(), backend="eager"), images()) == before
    model = Net()
    model.compile(backend="eager")
    assert recorded(model, images()) == before


def test_wrappers_inside_a_model_are_left_out() -> None:
    inner = nn.Sequential(nn.Linear(3, 3), LayerChoice([nn.ReLU(), nn.Tanh()], key="c"))
    before = recorded(nn.Sequential(inner, nn.Linear(3, 1)), torch.zeros(2, 3))
    for wrap in (nn.DataParallel, partial(torch.compile, backend="eager")):
        model = nn.Sequential(wrap(inner), nn.Linear(3, 1))
        assert recorded(model, torch.zeros(2, 3)) == before


@model_space
class Sized(nn.Module):
    """Value choices, a choice and a depth."""

    def __init__(self) -> None:
        super().__init__()
        width = ValueChoice([2, 6, 4], key="width")
        kernel = ValueChoice([1, 3], key="kernel")
        self.conv = nn.Conv2d(1, width, kernel, padding=kernel // 2)
        self.act = LayerChoice([nn.ReLU(), nn.Tanh()], key="act")
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.conv(x)).mean((2, 3)))


def test_values_before_there_is_a_supernet_are_the_first_ones() -> None:
    graph = recorded(Sized(), images())
    assert list(graph["choices"]) == ["width", "kernel", "act"]
    assert graph["choices"]["width"] == {
        "kind": "value",
        "names": ["2", "6", "4"],
        "n_chosen": 1,
        "places": [],
    }
    assert graph["nodes"][1]["shapes"] == [[4, 2, 6, 6]]


def test_values_of_a_supernet_are_the_largest_and_name_their_layers() -> None:
    model = make_supernet(Sized())
    graph = recorded(model, images())

    assert [label(graph, n) for n in range(len(graph["nodes"]))] == [
        "input x",
        "conv",
        "act.0",
        "act.1",
        "choice act",
        "mean",
        "head",
        "output",
    ]
    assert graph["nodes"][1]["shapes"] == [[4, 6, 6, 6]]
    assert graph["nodes"][1]["flops"] == 2 * 4 * 6 * 9 * 36
    layers = {
        key: [path(graph, place["module"]) for place in graph["choices"][key]["places"]]
        for key in ("width", "kernel")
    }
    assert layers == {"width": ["conv", "head"], "kernel": ["conv"]}
    assert not any("_nas" in module["name"] for module in graph["modules"])


def test_a_mutator_of_a_model_with_values_has_its_graph() -> None:
    model = Sized()
    mutator = RandomMutator(model)
    mutator.reset()
    assert mutator.graph(images()) == recorded(make_supernet(Sized()), images())


@model_space
class Grouped(nn.Module):
    """The largest layer is that with the smallest number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, groups=ValueChoice([2, 4, 1], key="groups"))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_the_largest_value_is_that_of_the_largest_layer() -> None:
    try:
        model = make_supernet(Grouped())
    except ValueError:
        pytest.skip("values of groups are no supernet's")
    graph = recorded(model, torch.zeros(1, 8, 1, 1))
    assert graph["flops"] == 2 * 8 * 8


def _conv(channels: int, node: int, op: int, state: int) -> nn.Module:
    return nn.Conv2d(channels, channels, 3, padding=1)


@pytest.mark.parametrize("merge", ["all", "loose_end"])
@pytest.mark.parametrize("operations", [[nn.Identity, nn.ReLU], [partial(_conv, 2), nn.Identity]])
def test_cells_record_all_operations_on_all_states(merge: str, operations: list[Any]) -> None:
    cell = Cell(operations, 2, 2, 2, merge_op=merge, key="cell")
    graph = recorded(cell, (torch.zeros(2, 2, 4, 4), torch.zeros(2, 2, 4, 4)))

    assert len(graph["choices"]) == 8
    sizes = {key: len(choice["names"]) for key, choice in graph["choices"].items()}
    assert sizes["cell/input_2_0"] == 2
    assert sizes["cell/input_3_1"] == 3
    for key, choice in graph["choices"].items():
        node = choice["places"][0]["nodes"][0]
        slots = {edge[2] for edge in graph["edges"] if edge[1] == node}
        assert slots == set(range(sizes[key]))
    assert graph["nodes"][-1]["shapes"] == [[2, 4, 4, 4]]


@model_space
class OfGraphs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        operations = {"conv": lambda n: nn.Conv2d(n, n, 1), "none": lambda _: nn.Identity()}
        project = partial(nn.Conv2d, kernel_size=1)
        self.cell = NasBench101Cell(operations, 3, 8, project, 4, key="cell")

    def forward(self, x: Tensor) -> Tensor:
        return self.cell(x)


def test_a_cell_whose_edges_are_values_is_that_of_the_first_architecture() -> None:
    graph = recorded(OfGraphs(), torch.zeros(2, 3, 4, 4))
    assert graph["choices"]["cell/edge_0_1"]["names"] == ["True", "False"]
    assert graph["choices"]["cell/op_1"]["kind"] == "value"
    assert ("cell.operations.1", "getitem in cell") in edges(graph)


def test_partial_channels_keep_their_way_around() -> None:
    choice = LayerChoice([nn.Conv2d(2, 2, 1), nn.Identity()], key="c")
    graph = recorded(PartialChannels(choice, 4), torch.zeros(2, 8, 4, 4))
    assert edges(graph) >= {
        ("split", "layer.0"),
        ("split", "cat"),
        ("choice c", "cat"),
        ("cat", "channel_shuffle"),
    }


class Masked(nn.Module):
    """Code that depends on which inputs are taken, as that of ENAS."""

    def __init__(self) -> None:
        super().__init__()
        self.first = InputChoice(n_candidates=2, n_chosen=1, return_mask=True, key="first")
        self.second = InputChoice(n_candidates=3, n_chosen=1, return_mask=True, key="second")
        self.op = LayerChoice([nn.ReLU(), nn.Tanh()], return_mask=True, key="op")

    def forward(self, x: Tensor) -> Tensor:
        states = [x, x + 1]
        used = torch.zeros(4, dtype=torch.bool, device="cpu")
        for choice in (self.first, self.second):
            chosen, mask = choice(states)
            used[: mask.size(0)] |= mask
            output, _ = self.op(chosen)
            states.append(output)
        return torch.cat(
            [state for taken, state in zip(used, states, strict=True) if not taken], 1
        )


def test_masks_of_booleans_are_what_a_sample_gives() -> None:
    graph = recorded(Masked(), torch.zeros(2, 3))
    assert len(graph["choices"]["op"]["places"][0]["nodes"]) == 2
    assert ("choice op", "cat") in edges(graph)


def test_keys_whose_choice_the_model_sees_are_marked() -> None:
    graph = recorded(Masked(), torch.zeros(2, 3))
    assert all(choice["return_mask"] is True for choice in graph["choices"].values())
    graph = recorded(Reduced("concat"), torch.zeros(2, 3))
    assert not any("return_mask" in choice for choice in graph["choices"].values())


class Weighed(nn.Module):
    """What a choice takes is a factor besides."""

    def __init__(self) -> None:
        super().__init__()
        self.op = LayerChoice([nn.ReLU(), nn.Tanh()], return_mask=True, key="op")

    def forward(self, x: Tensor) -> Tensor:
        output, mask = self.op(x)
        return output + torch.nn.functional.pad(mask, (0, 1)).to(x)


def test_masks_come_from_their_choice() -> None:
    graph = recorded(Weighed(), torch.zeros(2, 3))
    assert edges(graph) >= {("choice op", "add"), ("choice op", "pad"), ("pad", "to")}
    ops = [node["op"] for node in graph["nodes"] if node["kind"] == "op"]
    assert ops == ["pad", "to", "add"]


class Reduced(nn.Module):
    def __init__(self, reduction: str) -> None:
        super().__init__()
        layers = [nn.Linear(3, 4), nn.Linear(3, 4)]
        self.layer = LayerChoice(layers, reduction=reduction, key="layer")
        self.pick = InputChoice(n_candidates=3, n_chosen=2, reduction=reduction, key="pick")
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        given = self.layer(x)
        y = given[0] if isinstance(given, list) else given
        picked = self.pick([y, y + 1, y * 2])
        return self.head(torch.cat(picked, 1) if isinstance(picked, list) else picked)


@pytest.mark.parametrize("reduction", ["none", "concat"])
def test_choices_give_as_many_outputs_as_are_chosen(reduction: str) -> None:
    graph = recorded(Reduced(reduction), torch.zeros(2, 3))
    assert len([edge for edge in graph["edges"] if len(edge) == 3]) == 5


class Wide(nn.Module):
    """Only the last candidate fits what comes behind."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerChoice([nn.Linear(3, 4), nn.Linear(3, 5)], key="layer")
        self.head = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x))


def test_candidates_of_different_shapes() -> None:
    model = nn.Sequential(LayerChoice([nn.Linear(3, 4), nn.Linear(3, 5)], key="layer"), nn.ReLU())
    graph = recorded(model, torch.zeros(2, 3))
    assert [slot["shape"] for slot in slots_of(graph, "layer")] == [[2, 4], [2, 5]]


def test_a_later_candidate_runs_on_where_the_first_does_not_fit() -> None:
    graph = recorded(Wide(), torch.zeros(2, 3), tier="cpu")
    assert [slot["shape"] for slot in slots_of(graph, "layer")] == [[2, 4], [2, 5]]
    assert "head" in graph["note"]


class AllJoined(nn.Module):
    """What is behind takes the outputs of all candidates, side by side."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Linear(3, 4), nn.Linear(3, 4)]
        self.layer = LayerChoice(layers, reduction="concat", key="layer")
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x))


def test_all_candidates_side_by_side() -> None:
    graph = recorded(AllJoined(), torch.zeros(2, 3), tier="cpu")
    assert graph["nodes"][-2]["shapes"] == [[2, 1]]


def test_a_candidate_that_fails_is_a_slot_without_a_shape() -> None:
    model = LayerChoice({"fits": nn.Linear(3, 4), "not": nn.Linear(2, 4)}, key="layer")
    graph = recorded(model, torch.zeros(2, 3), tier="cpu")
    assert slots_of(graph, "layer")[0]["shape"] == [2, 4]
    assert slots_of(graph, "layer")[1]["shape"] is None
    assert slots_of(graph, "layer")[1]["flops"] is None
    assert "layer: candidate 'not' fails" in graph["note"]


class Looks(nn.Module):
    """What runs depends on numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerChoice([nn.Linear(3, 3), nn.Identity()], key="layer")

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x)
        for _ in range(int(x.abs().sum().clamp(2, 2))):
            x = torch.relu(x)
        return x if x.sum() > 1e9 else -x


def test_what_needs_numbers_runs_on_the_cpu_with_two_samples() -> None:
    graph = recorded(Looks(), torch.ones(16, 3), tier="cpu")
    assert graph["inputs"] == [{"shape": [16, 3], "dtype": "float32"}], "as they were given"
    assert graph["nodes"][0]["shapes"] == [[2, 3]]
    assert graph["nodes"][-1]["shapes"] == [[2, 3]]
    assert ("relu", "relu") in edges(graph)
    assert graph["note"].startswith("the model (Looks) failed")


def test_what_does_not_run_has_its_modules_and_the_reason() -> None:
    graph = recorded(Net(), torch.zeros(2, 7, 6, 6), tier="modules")
    assert graph["note"].startswith("the module 'conv.conv3x3' (Conv2d) failed") or graph["note"]
    assert (graph["nodes"], graph["edges"], graph["flops"]) == ([], [], None)
    assert [place["nodes"] for place in graph["choices"]["conv"]["places"]] == [[]]
    slots = slots_of(graph, "conv")
    assert [path(graph, slot["module"]) for slot in slots] == ["conv.conv3x3", "conv.conv5x5"]
    assert [slot["params"] for slot in slots] == [20, 52]
    assert graph["parameters"] == sum(p.numel() for p in Net().parameters())


class Captured(nn.Module):
    """A function among its attributes holds on to it."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.run = lambda x: self.norm(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


def test_what_would_run_the_original_is_refused() -> None:
    model = Captured()
    graph = recorded(model, torch.randn(4, 3), tier="modules")
    assert "calls BatchNorm1d of the model itself" in graph["note"]
    assert model.norm.num_batches_tracked == 0


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.stream = (n for n in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def test_what_cannot_be_copied_has_its_modules_and_the_reason() -> None:
    graph = recorded(Locked(), torch.zeros(2, 3), tier="modules")
    assert "generator" in graph["note"]


class Recovering(nn.Module):
    """Catches what a layer raises."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong = nn.Sequential(nn.Linear(5, 3))
        self.right = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        try:
            return self.wrong(x)
        except RuntimeError:
            return torch.relu(self.right(x))


def test_a_caught_error_leaves_the_scopes_as_they_were() -> None:
    graph = recorded(Recovering(), torch.zeros(2, 3))
    assert edges(graph) >= {("input x", "right"), ("right", "relu"), ("relu", "output")}


def others() -> dict[str, tuple[nn.Module, Any]]:
    x = torch.zeros(2, 4)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    images = torch.zeros(2, 3, 4, 4)
    return {
        "parametrized": (nn.Sequential(normed, nn.ReLU()), x),
        "half": (nn.Linear(4, 4).to(torch.bfloat16), x.to(torch.bfloat16)),
        "integers": (nn.Embedding(5, 3), torch.zeros(2, 4, dtype=torch.int64)),
        "no parameters": (nn.Flatten(), images),
        "no gradients": (nn.Linear(4, 4).requires_grad_(False), x),
        "on meta": (nn.Linear(4, 4, device="meta"), x.to("meta")),
        "one sample": (nn.BatchNorm1d(4), torch.zeros(1, 4)),
        "with a graph": (nn.Linear(4, 4), (x.requires_grad_() * 2)),
    }


@pytest.mark.filterwarnings("ignore:`torch.jit.*` is deprecated:DeprecationWarning")
def test_a_scripted_part_is_one_node() -> None:
    part = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    graph = recorded(nn.Sequential(part, nn.ReLU()), torch.zeros(2, 4), tier="cpu")
    assert edges(graph) == {("input input", "0"), ("0", "1"), ("1", "output")}


@pytest.mark.parametrize("name", others())
def test_models_of_every_kind_are_recorded(name: str) -> None:
    model, inputs = others()[name]
    graph = recorded(model, inputs)
    kinds = [node["kind"] for node in graph["nodes"]]
    assert kinds[0] == "input"
    assert kinds[-1] == "output"
    assert "module" in kinds


def test_lazy_layers_get_their_shapes_in_the_copy_alone() -> None:
    model = nn.Sequential(nn.LazyLinear(3), nn.ReLU())
    graph = recorded(model, torch.zeros(2, 5), tier="cpu")
    assert graph["nodes"][-1]["shapes"] == [[2, 3]]
    assert isinstance(model[0].weight, nn.UninitializedParameter)


def test_other_arguments_of_repeats_and_inference_tensors() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Tensor, scale: Tensor) -> Tensor:
            return self.layer(x) * scale

    with torch.inference_mode():
        inputs = (torch.zeros(2, 3), torch.ones(3))
        graph = recorded(Repeat(lambda _: Scaled(), (1, 2), key="depth"), inputs)
    assert edges(graph) >= {("0.layer", "mul in 0"), ("mul in 0", "choice depth", 0)}


@torch.compile(backend="eager")
def _doubled(x: Tensor) -> Tensor:
    return x * 2


class CompiledFunction(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(_doubled(x))


def test_compiled_functions_are_recorded_as_they_were_written() -> None:
    graph = recorded(CompiledFunction(), torch.zeros(2, 3))
    assert edges(graph) == {("input x", "mul"), ("mul", "relu"), ("relu", "output")}
