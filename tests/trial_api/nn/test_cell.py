"""Cells: graphs of chosen operations on chosen states."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import SearchSpaceError
from trial_api import (
    Cell,
    LayerChoice,
    ValueChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    model_space,
    search_space,
)
from trial_api.mutators import FixedMutator, RandomMutator, SoftmaxMutator
from trial_api.oneshot import BaseTrainer, DartsTrainer, EnasTrainer, SposTrainer

WIDTH = 4


def conv(node: int, op: int, input: int) -> nn.Module:
    """Halves the resolution if it reads one of the two inputs of the cell."""
    return nn.Conv2d(WIDTH, WIDTH, 3, stride=2 if input < 2 else 1, padding=1)


def pool(node: int, op: int, input: int) -> nn.Module:
    return nn.MaxPool2d(3, stride=2 if input < 2 else 1, padding=1)


def linear() -> nn.Module:
    return nn.Linear(WIDTH, WIDTH)


def reduction_cell(**more: Any) -> Cell:
    return Cell({"conv": conv, "pool": pool}, 3, 2, num_predecessors=2, key="cell", **more)


def plain_cell(**more: Any) -> Cell:
    arguments: dict[str, Any] = {"num_nodes": 3, "num_ops_per_node": 2, "num_predecessors": 2}
    candidates = {"linear": linear, "tanh": nn.Tanh, "same": nn.Identity()}
    return Cell(candidates, **{**arguments, "key": "cell", **more}).double()


def drawn(model: Any, seed: int) -> dict[str, Any]:
    space = search_space(model)
    return to_architecture(space, space.sample(Random(seed)))


def states(*shape: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator).to(torch.float64) for _ in range(2)]


def fixed(cell: nn.Module, architecture: dict[str, Any], inputs: Sequence[Tensor]) -> Tensor:
    """What the undecided cell computes under an architecture."""
    mutator = FixedMutator(cell, architecture)
    mutator.reset()
    output: Tensor = cell(*inputs)
    mutator.remove()
    return output


def test_the_keys_are_inputs_and_operations_of_each_node() -> None:
    content = search_space(reduction_cell()).to_dict()
    assert list(content)[:4] == [
        "cell/input_2_0", "cell/op_2_0", "cell/input_2_1", "cell/op_2_1",
    ]  # fmt: skip
    assert len(content) == 3 * 2 * 2
    assert content["cell/op_4_1"] == {"_type": "layer_choice", "_value": ["conv", "pool"]}
    assert content["cell/input_4_0"]["_value"] == {
        "candidates": ["input0", "input1", "node2", "node3"],
        "n_chosen": 1,
    }


def test_a_cell_without_a_key_has_the_paths_of_its_choices() -> None:
    model = nn.ModuleDict({"a": Cell([nn.ReLU, nn.Tanh], 1), "b": Cell([nn.ReLU, nn.Tanh], 1)})
    keys = ["a.nodes.0.0.input", "a.nodes.0.0.op", "b.nodes.0.0.input", "b.nodes.0.0.op"]
    assert list(search_space(model).specs) == keys
    network = apply_fixed_architecture(lambda: copy.deepcopy(model), dict.fromkeys(keys, 0))
    assert [type(layer) for layer in network.modules()].count(nn.ReLU) == 2


def test_cells_with_one_key_are_decided_together() -> None:
    model = nn.Sequential(*(Cell([nn.ReLU, nn.Tanh], 2, key="cell") for _ in range(3)))
    assert len(search_space(model).specs) == 4


@pytest.mark.parametrize("seed", range(5))
def test_a_node_is_the_sum_of_its_operations(seed: int) -> None:
    cell = plain_cell()
    architecture = drawn(cell, seed)
    known = inputs = states(3, WIDTH)
    for number, node in enumerate(cell.nodes, start=2):
        total = torch.zeros(3, WIDTH, dtype=torch.float64)
        for k, operation in enumerate(node):
            (source,) = architecture[f"cell/input_{number}_{k}"]
            source = operation.names.index(source)
            total = total + operation.op[architecture[f"cell/op_{number}_{k}"]](known[source])
        known = [*known, total]
    expected = torch.cat(known[2:], dim=1)
    torch.testing.assert_close(fixed(cell, architecture, inputs), expected)
    torch.testing.assert_close(apply_fixed_architecture(cell, architecture)(inputs), expected)


@pytest.mark.parametrize("merge_op", ["all", "loose_end"])
@pytest.mark.parametrize("seed", range(5))
def test_a_cell_built_under_an_architecture_inherits_the_whole_one(
    seed: int, merge_op: str
) -> None:
    whole = reduction_cell(merge_op=merge_op).double()
    architecture = drawn(whole, seed)
    lazily = apply_fixed_architecture(partial(reduction_cell, merge_op=merge_op), architecture)
    in_place = apply_fixed_architecture(copy.deepcopy(whole), architecture)
    assert [*lazily.state_dict()] == [*in_place.state_dict()]
    load_supernet_state_dict(lazily.double(), whole.state_dict())
    inputs = states(2, WIDTH, 8, 8)
    expected = fixed(whole, architecture, inputs)
    assert torch.equal(in_place(*inputs), expected)
    kept = [index - 2 for index in lazily.output_node_indices]
    parts = expected.chunk(3, dim=1)
    assert torch.equal(lazily(*inputs), torch.cat([parts[index] for index in kept], dim=1))
    assert not any(parts[index].any() for index in range(3) if index not in kept)


def test_what_reads_another_state_is_never_made() -> None:
    made: list[tuple[int, int, int]] = []

    def noted(node: int, op: int, input: int) -> nn.Module:
        made.append((node, op, input))
        return conv(node, op, input)

    def build() -> nn.Module:
        return Cell({"conv": noted, "pool": pool}, 2, 1, 2, key="cell")

    architecture = {
        "cell/input_2_0": "input1", "cell/op_2_0": "conv",
        "cell/input_3_0": "node2", "cell/op_3_0": "pool",
    }  # fmt: skip
    model = build()
    assert sorted(made) == [(2, 0, 0), (2, 0, 1), (3, 0, 0), (3, 0, 1), (3, 0, 2)]
    search_space(build)
    made.clear()
    # Once whole, on no device, to read the space; then what is chosen.
    network = apply_fixed_architecture(build, architecture)
    assert made[5:] == [(2, 0, 1)]
    names = {"nodes.0.0.edges.input1.weight", "nodes.0.0.edges.input1.bias"}
    assert {*network.state_dict()} == names
    assert {*apply_fixed_architecture(model, architecture).state_dict()} == names


def test_what_reads_another_state_is_not_run() -> None:
    cell = reduction_cell().double()
    ran: list[str] = []
    for name, module in cell.named_modules():
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d)):
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    mutator = RandomMutator(cell, seed=3)
    mutator.reset()
    cell(*states(2, WIDTH, 8, 8))
    assert len(ran) == 3 * 2
    assert len(set(ran)) == 3 * 2


class Classifier(nn.Module):
    """A cell whose loose ends are projected, as in ENAS."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = plain_cell(merge_op="loose_end", num_ops_per_node=1, num_nodes=4)
        self.out = nn.Linear(WIDTH * len(self.cell.output_node_indices), 2, bias=False).double()

    def forward(self, *inputs: Tensor) -> Tensor:
        logits: Tensor = self.out(self.cell(*inputs))
        return logits


@pytest.mark.parametrize("seed", range(5))
def test_loose_ends_are_those_that_no_node_takes(seed: int) -> None:
    whole = Classifier()
    assert whole.cell.output_node_indices == [2, 3, 4, 5]
    architecture = drawn(whole, seed)
    taken = {name for key, value in architecture.items() if "input" in key for name in value}
    loose = [index for index in range(2, 6) if f"node{index}" not in taken]
    lazily = apply_fixed_architecture(Classifier, architecture)
    assert lazily.cell.output_node_indices == loose
    assert lazily.out.in_features == WIDTH * len(loose)
    assert lazily(*states(3, WIDTH)).shape == (3, 2)
    expected = fixed(whole, architecture, states(3, WIDTH))
    network = apply_fixed_architecture(whole, architecture)
    assert torch.equal(network(*states(3, WIDTH)), expected)
    # The projection of the loose ends alone has a part of the same weight.
    lazily.cell = network.cell
    columns = torch.cat([torch.arange(WIDTH) + WIDTH * (index - 2) for index in loose])
    part = network.cell(*states(3, WIDTH))[:, columns] @ network.out.weight[:, columns].T
    torch.testing.assert_close(part, expected)


@pytest.mark.parametrize("merge_op", ["all", "loose_end"])
def test_a_mixture_weighs_operations_and_states(merge_op: str) -> None:
    cell = plain_cell(merge_op=merge_op)
    mutator = SoftmaxMutator(cell, scale=1.0, seed=0).double()
    mutator.reset()
    weights = mutator._decided
    known = inputs = states(3, WIDTH)
    for number, node in enumerate(cell.nodes, start=2):
        total = torch.zeros(3, WIDTH, dtype=torch.float64)
        for k, operation in enumerate(node):
            sources = weights[f"cell/input_{number}_{k}"].weights
            operations = weights[f"cell/op_{number}_{k}"].weights
            for source, state in zip(sources, known, strict=True):
                for weight, layer in zip(operations, operation.op, strict=True):
                    total = total + source * weight * layer(state)
        known = [*known, total]
    output = cell(inputs)
    torch.testing.assert_close(output, torch.cat(known[2:], dim=1))
    output.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in mutator.parameters())
    assert all(parameter.grad is not None for parameter in cell.parameters())
    apply_fixed_architecture(plain_cell(merge_op=merge_op), mutator.export())(inputs)


class Twice(nn.Module):
    """A cell whose inputs are the same."""

    def __init__(self, merge_op: str) -> None:
        super().__init__()
        self.cell = reduction_cell(merge_op=merge_op)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.cell(x, x)
        return output


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


ENAS = {
    "reward_function": lambda output, target: accuracy(output, target)["accuracy"],
    "mutator_steps": 1,
    "child_steps": 1,
    "final_samples": 2,
}


@pytest.mark.parametrize("merge_op", ["all", "loose_end"])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(DartsTrainer, {}), (SposTrainer, {"candidates": 2}), (EnasTrainer, ENAS)],
)
def test_trainers(kind: type[BaseTrainer], options: dict[str, Any], merge_op: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(Twice(merge_op), nn.Flatten(), nn.Linear(3 * WIDTH * 4, 2))
    data = TensorDataset(torch.randn(16, WIDTH, 4, 4), torch.randint(2, (16,)))
    trainer = kind(
        model,
        F.cross_entropy,
        accuracy,
        optimizer=torch.optim.SGD(model.parameters(), 0.01),
        num_epochs=1,
        dataset_train=data,
        dataset_valid=data,
        batch_size=4,
        seed=0,
        progress=False,
        **options,
    )
    trainer.train()
    architecture = trainer.export()
    trainer.mutator.remove()
    network = apply_fixed_architecture(model, architecture)
    assert network(torch.randn(2, WIDTH, 4, 4)).isfinite().all()


def test_inputs_are_brought_to_one_shape_and_the_output_gets_them_as_they_were() -> None:
    class Before(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.align = nn.Linear(2, WIDTH)

        def forward(self, inputs: list[Tensor]) -> list[Tensor]:
            return [self.align(inputs[0]), inputs[1]]

    def after(output: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        return [*inputs, output]

    cell = plain_cell(preprocessor=Before(), postprocessor=after)
    assert "preprocessor.align.weight" in cell.state_dict()
    network = apply_fixed_architecture(cell, drawn(cell, 0))
    given = [states(3, 2)[0], states(3, WIDTH)[1]]
    *handed_on, output = network(given)
    assert all(a is b for a, b in zip(handed_on, given, strict=True))
    assert output.shape == (3, 3 * WIDTH)


def test_nodes_are_concatenated_where_asked() -> None:
    cell = plain_cell(concat_dim=0)
    assert apply_fixed_architecture(cell, drawn(cell, 0))(states(3, WIDTH)).shape == (9, WIDTH)


def test_given_modules_are_copied_for_each_place() -> None:
    layer = nn.Linear(WIDTH, WIDTH)
    cell = Cell([layer], 3, key="cell")
    copies = [module for module in cell.modules() if isinstance(module, nn.Linear)]
    assert len({*map(id, copies), id(layer)}) == 4
    assert all(torch.equal(module.weight, layer.weight) for module in copies)


def test_choices_inside_candidates() -> None:
    def candidate(node: int, op: int, input: int) -> nn.Module:
        width = ValueChoice([2, 3], key=f"width_{node}_{input}")
        inner = LayerChoice([nn.ReLU, nn.Tanh])
        return nn.Sequential(nn.Linear(WIDTH, width), inner, nn.Linear(width, WIDTH))

    @model_space
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = Cell({"mlp": candidate, "same": nn.Identity}, 2, key="cell")

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.cell(x)
            return output

    space = search_space(Net)
    assert space.active_if["width_1_0"] == {"cell/op_1_0": (0,), "cell/input_1_0": (0,)}
    for seed in range(10):
        architecture = to_architecture(space, space.sample(Random(seed)))
        for model in (Net, Net()):
            network = apply_fixed_architecture(model, architecture)
            assert network(torch.zeros(1, WIDTH)).shape == (1, 2 * WIDTH)


@pytest.mark.parametrize("merge_op", ["all", "loose_end"])
def test_copies_are_the_same_and_compile(merge_op: str) -> None:
    cell = reduction_cell(merge_op=merge_op).double()
    network = apply_fixed_architecture(copy.deepcopy(cell), drawn(cell, 1))
    inputs = states(2, WIDTH, 8, 8)
    assert search_space(pickle.loads(pickle.dumps(cell))) == search_space(cell)
    assert torch.equal(pickle.loads(pickle.dumps(network))(*inputs), network(*inputs))
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    assert torch.equal(compiled(*inputs), network(*inputs))
    torch._dynamo.reset()


def test_all_wrong_arguments_are_named() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        Cell([nn.ReLU, lambda a, b: None, conv], 0, True, merge_op="loose_ends")
    message = str(caught.value)
    assert "candidate '1' must be a module, or a function without arguments or of" in message
    assert "candidate '2' is made for each input by itself" in message
    assert "give the cell a key" in message
    assert "`num_nodes` must be a whole number >= 1, but got 0" in message
    assert "`num_ops_per_node` must be a whole number >= 1, but got True" in message
    assert "`merge_op` must be one of all, loose_end, but got 'loose_ends'" in message
    assert "did you mean 'loose_end'" in message


@pytest.mark.parametrize("candidates", [[], {}, None, nn.ReLU])
def test_no_candidates_are_refused(candidates: Any) -> None:
    with pytest.raises(SearchSpaceError, match="`op_candidates` must"):
        Cell(candidates, 1)


def test_another_number_of_inputs_is_refused() -> None:
    cell = plain_cell()
    network = apply_fixed_architecture(cell, drawn(cell, 0))
    with pytest.raises(SearchSpaceError, match="num_predecessors=2 inputs, but got 1"):
        network(states(3, WIDTH)[0])
