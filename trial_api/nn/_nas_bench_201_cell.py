"""The cell of NAS-Bench-201, of any operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Union, final

from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ._arguments import check_key, check_sizes
from ._cell_operations import check_makers, named
from ._layer_choice import LayerChoice

SizedOperations = Union[
    Sequence[Callable[[int, int], nn.Module]], Mapping[str, Callable[[int, int], nn.Module]]
]


@final
class NasBench201Cell(nn.Module):
    """Tensors with a chosen operation between each two of them; the last is the output.

    Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search,
    ICLR 2020 (https://arxiv.org/abs/2001.00326), section 2.1. Tensor 0 is the input; each other
    one is the sum of operations on all tensors before it. The operation from ``i`` to ``j`` is a
    ``LayerChoice`` with the key ``"<key>/<i>-><j>"``.

    Args:
        op_candidates: A list or dict of functions of the numbers of input and output features,
            each of which makes an operation.
        in_features: Of the input.
        out_features: Of all other tensors.
        num_tensors: With the input; published are 4.
        key: Cells with equal keys are decided together. None stands for the paths of their
            choices.

    Raises:
        SearchSpaceError: with everything that is wrong with the arguments.

    Example::

        cell = NasBench201Cell({"linear": nn.Linear, "bias_free": without_bias}, 8, 16, key="cell")
    """

    def __init__(
        self,
        op_candidates: SizedOperations,
        in_features: int,
        out_features: int,
        num_tensors: int = 4,
        key: str | None = None,
    ) -> None:
        super().__init__()
        makers = named(op_candidates)
        sizes = {"in_features": in_features, "out_features": out_features}
        problems = [
            *check_makers(makers, op_candidates),
            *check_sizes({**sizes, "num_tensors": num_tensors}, low={"num_tensors": 2}),
            *check_key(key),
        ]
        if problems:
            raise SearchSpaceError([Problem("", text) for text in problems], "NasBench201Cell")
        self.num_tensors = num_tensors
        self.edges = nn.ModuleDict()
        for target in range(1, num_tensors):
            for source in range(target):
                width = out_features if source else in_features
                edge = f"{source}->{target}"
                candidates = {
                    name: partial(make, width, out_features) for name, make in makers.items()
                }
                self.edges[edge] = LayerChoice(candidates, key=key and f"{key}/{edge}")

    def forward(self, x: Tensor) -> Tensor:
        tensors = [x]
        for target in range(1, self.num_tensors):
            total = self.edges[f"0->{target}"](x)
            for source in range(1, target):
                total = total + self.edges[f"{source}->{target}"](tensors[source])
            tensors.append(total)
        return tensors[-1]
