"""The cell of NAS-Bench-101, of any operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Union, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ArchitectureError, Problem, SearchSpaceError

from ._arguments import check_key, check_sizes
from ._building import add_constraint, is_decided
from ._cell_operations import check_makers, named
from ._nas_bench_101_graph import (
    CellRules,
    Edge,
    all_edges,
    edge_key,
    pruned,
    vertex_channels,
)
from ._value_choice import ValueChoice

WideOperations = Union[
    Sequence[Callable[[int], nn.Module]], Mapping[str, Callable[[int], nn.Module]]
]


@final
class NasBench101Cell(nn.Module):
    """A graph of operations: all edges and all operations are chosen.

    Ying, Klein, Real, Christiansen, Murphy, Hutter: NAS-Bench-101: Towards Reproducible Neural
    Architecture Search, ICML 2019 (https://arxiv.org/abs/1902.09635), sections 2.1 and 2.2. Vertex
    0 is the input, the last one the output; each vertex between them is an operation on the sum of
    what its edges bring, and the output concatenates its own. An edge from the input is a
    projection. What is on no path from the input to the output is not there. The widths of the
    vertices follow from the graph.

    In the search space there is a boolean for each edge, ``"<key>/edge_<from>_<to>"``, and the
    name of the operation of each vertex between, ``"<key>/op_<i>"``, as in the paper. The space
    refuses graphs without a path and those with too many edges; in the first architecture the
    vertices are a chain. Several architectures can be the same graph.

    The edges decide which layers there are: a cell belongs into a model space, and one-shot
    trainers refuse it.

    Args:
        op_candidates: A list or dict of functions of the number of features, each of which makes
            an operation that keeps it.
        in_features: Of the input.
        out_features: Of the output: at least one for each vertex between input and output.
        projection: A function of the numbers of input and output features, which makes the layer
            of an edge from the input.
        max_num_nodes: Vertices, input and output included.
        max_num_edges: Edges, after pruning.
        key: Cells with equal keys are decided together.

    Raises:
        SearchSpaceError: with everything that is wrong with the arguments, or outside of a model
            space.
        ArchitectureError: if the space refuses the architecture under which it is built.

    Example::

        @model_space
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                operations = {"conv": lambda n: nn.Conv2d(n, n, 3, padding=1), "none": no_op}
                project = functools.partial(nn.Conv2d, kernel_size=1)
                self.cell = NasBench101Cell(operations, 3, 32, project, key="cell")
    """

    def __init__(
        self,
        op_candidates: WideOperations,
        in_features: int,
        out_features: int,
        projection: Callable[[int, int], nn.Module],
        max_num_nodes: int = 7,
        max_num_edges: int = 9,
        key: str = "cell",
    ) -> None:
        super().__init__()
        rules = CellRules(key, max_num_nodes, max_num_edges)
        makers = named(op_candidates)
        sizes = {"in_features": in_features, "out_features": out_features}
        problems = [*check_makers(makers, op_candidates), *_check(rules, sizes)]
        if problems:
            raise SearchSpaceError([Problem("", text) for text in problems], "NasBench101Cell")
        add_constraint(rules, name=f"the rules of {key!r}")
        names = {
            vertex: ValueChoice(list(makers), key=f"{key}/op_{vertex}")
            for vertex in range(1, max_num_nodes - 1)
        }
        self.edges = pruned(_chosen_edges(rules), max_num_nodes)
        self.output = max_num_nodes - 1
        self.channels = vertex_channels(self.edges, max_num_nodes, out_features)
        self.operations = nn.ModuleDict(
            {str(vertex): makers[names[vertex]](width) for vertex, width in self._inner()}
        )
        widths = {**self.channels, self.output: out_features}
        targets = [target for source, target in self.edges if source == 0]
        self.projections = nn.ModuleDict(
            {str(target): projection(in_features, widths[target]) for target in targets}
        )

    def forward(self, x: Tensor) -> Tensor:
        results: dict[int, Tensor] = {}
        for vertex, width in self._inner():
            parts = [results[source][:, :width] for source in self._sources(vertex)]
            results[vertex] = self.operations[str(vertex)](self._sum(x, vertex, parts))
        ends = [results[source] for source in self._sources(self.output)]
        return self._sum(x, self.output, [torch.cat(ends, dim=1)] if ends else [])

    def extra_repr(self) -> str:
        return ", ".join(f"{source}->{target}" for source, target in self.edges)

    def _inner(self) -> list[tuple[int, int]]:
        """The vertices between input and output, and their widths, in order."""
        return sorted(self.channels.items())

    def _sources(self, vertex: int) -> list[int]:
        """The vertices, apart from the input, that one reads."""
        return [source for source, target in self.edges if target == vertex and source]

    def _sum(self, x: Tensor, vertex: int, parts: Sequence[Tensor]) -> Tensor:
        """Of what the edges to a vertex bring, among them the projected input."""
        name = str(vertex)
        given = [*parts, self.projections[name](x)] if name in self.projections else parts
        return sum(given[1:], start=given[0])


def _check(rules: CellRules, sizes: Mapping[str, object]) -> Iterator[str]:
    yield from check_key(rules.key) if rules.key is not None else ["`key` must be given"]
    limits = {"max_num_nodes": rules.max_num_nodes, "max_num_edges": rules.max_num_edges}
    wrong = [*check_sizes(limits, low={"max_num_nodes": 2})]
    inner = 1 if wrong else max(1, rules.max_num_nodes - 2)
    yield from [*wrong, *check_sizes(sizes, low={"out_features": inner})]


def _chosen_edges(rules: CellRules) -> list[Edge]:
    """The edges of the architecture under construction.

    Raises:
        ArchitectureError: if they break the rules.
    """
    edges = []
    for edge in all_edges(rules.max_num_nodes):
        in_chain = edge[1] == edge[0] + 1
        options = [True, False] if in_chain else [False, True]
        if ValueChoice(options, key=edge_key(rules.key, edge)):
            edges.append(edge)
    objection = rules.objection(edges)
    if objection and is_decided():
        raise ArchitectureError(f"this is no cell: {objection}", rules.key)
    return edges
