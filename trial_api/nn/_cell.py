"""The choice of a cell: a small graph of operations on earlier outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Union, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError, did_you_mean

from ._arguments import check_key, check_sizes
from ._building import select
from ._cell_operations import Makers, OpCandidates, makers_of
from ._chosen import ChosenInputs
from ._input_choice import InputChoice
from ._layer_choice import LayerChoice

MERGES = ("all", "loose_end")

Preprocessor = Callable[[list[Tensor]], Sequence[Tensor]]
Postprocessor = Callable[[Tensor, list[Tensor]], Any]


@final
class Cell(nn.Module):
    """A graph of nodes, each the sum of chosen operations on chosen outputs before it.

    Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image
    Recognition, CVPR 2018 (https://arxiv.org/abs/1707.07012), section 3. The states of a cell are
    its inputs, numbered from 0, and its nodes after them. Operation ``k`` of node ``n`` is a
    ``LayerChoice`` with the key ``"<key>/op_<n>_<k>"`` on one of the earlier states, an
    ``InputChoice`` with the key ``"<key>/input_<n>_<k>"``. The output concatenates nodes.

    Where candidates are made for an input (see ``op_candidates``), the operations on inputs that
    are not chosen are not run, and gone once an architecture is applied. Where the cell is built
    under an architecture they are never made. In a mixture an operation is the sum over the
    states, each weighted, of its weighted candidates.

    With ``merge_op="loose_end"`` the output has only the nodes that no other node takes. Layers
    behind the cell need to know how many: ``len(cell.output_node_indices)`` tells once the cell
    is built under an architecture. A cell that was built whole keeps the width of all nodes, also
    after an architecture is applied to it: the nodes that others take are zeros in its output. In
    a mixture each node is taken a little, and all are put out.

    Args:
        op_candidates: A list or dict of modules, of which each place gets a copy; of functions (or
            classes) without arguments that make one; or of functions ``f(node, op, input)``
            that make it for an operation of a node and the state that it reads, for instance with
            a stride if that is an input of the cell. Those need a key.
        num_nodes: How many nodes, without the inputs.
        num_ops_per_node: How many operations a node adds.
        num_predecessors: How many inputs the cell has.
        merge_op: ``"all"`` nodes make the output, or each ``"loose_end"``.
        preprocessor: Called with the list of inputs, gives as many: to bring them to one shape.
        postprocessor: Called with the output and the list of inputs before preprocessing; what it
            gives is the output. As modules, both belong to the cell.
        concat_dim: Along which the nodes are concatenated.
        key: Cells with equal keys are decided together. None stands for the paths of their
            choices.

    Raises:
        SearchSpaceError: with everything that is wrong with the arguments.

    Example::

        def conv(node, op, input):
            return nn.Conv2d(8, 8, 3, padding=1, stride=2 if input < 2 else 1)


        cell = Cell([conv, nn.Identity], 4, 2, 2, key="cell")
        cell = Cell({"conv": conv}, num_nodes=4, num_predecessors=2, key="reduce")
    """

    def __init__(
        self,
        op_candidates: OpCandidates,
        num_nodes: int,
        num_ops_per_node: int = 1,
        num_predecessors: int = 1,
        merge_op: str = "all",
        preprocessor: Preprocessor | None = None,
        postprocessor: Postprocessor | None = None,
        concat_dim: int = 1,
        key: str | None = None,
    ) -> None:
        super().__init__()
        sizes = {
            "num_nodes": num_nodes,
            "num_ops_per_node": num_ops_per_node,
            "num_predecessors": num_predecessors,
        }
        makers, wrong = makers_of(op_candidates, has_key=key is not None)
        problems = [*wrong, *_check(sizes, merge_op), *check_key(key)]
        if problems:
            raise SearchSpaceError([Problem("", text) for text in problems], "Cell")
        self.num_predecessors = num_predecessors
        self.merge_op = merge_op
        self.concat_dim = concat_dim
        self.preprocessor = preprocessor
        self.nodes = nn.ModuleList()
        for node in range(num_predecessors, num_predecessors + num_nodes):
            names = _state_names(num_predecessors, node)
            self.nodes.append(
                nn.ModuleList(
                    CellOperation(makers, names, node=node, number=number, key=key)
                    for number in range(num_ops_per_node)
                )
            )
        self.postprocessor = postprocessor

    @property
    def output_node_indices(self) -> list[int]:
        """The states that the output consists of; all nodes if the cell was built whole."""
        taken: set[int] = set()
        if self.merge_op == "loose_end":
            taken.update(*(operation.built_for or () for operation in self._operations()))
        first = self.num_predecessors
        return [node for node in range(first, first + len(self.nodes)) if node not in taken]

    def forward(self, *inputs: Any) -> Any:
        """Run on the inputs, or on one list of them."""
        given = self._checked(inputs)
        states = given if self.preprocessor is None else list(self.preprocessor(given))
        states, taken = self._run_nodes(list(states))
        hidden = taken if self.merge_op == "loose_end" else set()
        merged = [
            torch.zeros_like(states[index]) if index in hidden else states[index]
            for index in self.output_node_indices
        ]
        output = torch.cat(merged, dim=self.concat_dim)
        return output if self.postprocessor is None else self.postprocessor(output, given)

    def extra_repr(self) -> str:
        return f"num_predecessors={self.num_predecessors}, merge_op={self.merge_op!r}"

    def _run_nodes(self, states: list[Tensor]) -> tuple[list[Tensor], set[int]]:
        """All states, and the positions of those that some node takes."""
        taken: set[int] = set()
        for operations in self.nodes:
            results = []
            for operation in operations:  # type: ignore[attr-defined]
                result, used = operation(states)
                results.append(result)
                taken.update(used)
            states.append(sum(results[1:], start=results[0]))
        return states, taken

    def _operations(self) -> Iterator[CellOperation]:
        for operations in self.nodes:
            yield from operations  # type: ignore[misc]

    def _checked(self, inputs: Sequence[Any]) -> list[Tensor]:
        if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
            inputs = inputs[0]
        if len(inputs) != self.num_predecessors:
            raise SearchSpaceError(
                f"it has num_predecessors={self.num_predecessors} inputs, but got {len(inputs)}",
                "Cell",
            )
        return list(inputs)


class CellOperation(nn.Module):
    """A chosen operation on a chosen state.

    Its ``forward`` gives the result and the positions of the states that it takes.

    Attributes:
        built_for: The states that the architecture takes under which it was built; None if it
            was built whole.
    """

    def __init__(
        self, makers: Makers, names: Sequence[str], *, node: int, number: int, key: str | None
    ) -> None:
        super().__init__()
        self.names = list(names)
        self.input = InputChoice(
            choose_from=self.names,
            n_chosen=1,
            return_mask=True,
            key=key and f"{key}/input_{node}_{number}",
        )
        op_key = key and f"{key}/op_{node}_{number}"
        selection = select(self.input, self.input.key, self.names)
        self.built_for = selection.indices
        self.op = None if makers.per_input else LayerChoice(makers.at(node, number), key=op_key)
        self.edges = nn.ModuleDict()
        for index, name in enumerate(self.names if makers.per_input else ()):
            if selection.contains(index):
                make = partial(LayerChoice, makers.at(node, number, index), key=op_key)
                self.edges[name] = selection.make((index,), make)

    def forward(self, states: Sequence[Tensor]) -> tuple[Tensor, Sequence[int]]:
        result, mask = self.input(_Results(self, states))
        return result, _taken(self.input, mask)

    def result(self, name: str, state: Tensor) -> Tensor:
        """Of the operation on one state."""
        layer = self.edges[name] if self.op is None else self.op
        output: Tensor = layer(state)
        return output

    def unused_submodules(self) -> Iterator[str]:
        """The operations on states that the applied architecture does not take."""
        assert isinstance(self.input, ChosenInputs), "an architecture is applied"
        for index, name in enumerate(self.names if self.op is None else ()):
            if index not in self.input.chosen:
                yield f"edges.{name}"


class _Results(Mapping[str, Tensor]):
    """The results of an operation on each state, by name; computed when read."""

    def __init__(self, operation: CellOperation, states: Sequence[Tensor]) -> None:
        self._operation = operation
        self._states = dict(zip(operation.names, states, strict=True))

    def __getitem__(self, name: str) -> Tensor:
        return self._operation.result(name, self._states[name])

    def __contains__(self, name: object) -> bool:
        return name in self._states

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)


def _state_names(predecessors: int, node: int) -> list[str]:
    """Of the states that a node chooses from."""
    inputs = [f"input{number}" for number in range(predecessors)]
    return inputs + [f"node{number}" for number in range(predecessors, node)]


def _taken(choice: Union[InputChoice, ChosenInputs], mask: Tensor) -> Sequence[int]:
    """The positions that a choice takes; weights take none, as each is taken a little.

    An applied one knows them, without looking into a tensor, which could not be compiled. The
    weights, which may be on a GPU, are not looked at.
    """
    if isinstance(choice, ChosenInputs):
        return choice.chosen
    if mask.dtype != torch.bool:
        return []
    return [index for index, chosen in enumerate(mask.tolist()) if chosen]


def _check(sizes: Mapping[str, object], merge_op: object) -> Iterator[str]:
    yield from check_sizes(sizes)
    if merge_op not in MERGES:
        hint = did_you_mean(merge_op, MERGES)
        yield f"`merge_op` must be one of {', '.join(MERGES)}, but got {merge_op!r}{hint}"
