"""A network that writes the weights of others, from what their architecture is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from nas_tuners.contract.errors import SearchSpaceError

from ..mutators import Mutator, Selection
from ..mutators._mutator import size_of
from ..nn._layer_choice import LayerChoice
from ..nn._tree import children

Decision = Mapping[str, Selection]

Context = Mapping[str, int]
"""The candidates, key -> index, that a place in the model lies in."""


@dataclass(frozen=True)
class Target:
    """A weight that is generated.

    Attributes:
        parameter: Its place in the model.
        contexts: Of all its places; it is needed where one of them runs.
        first, last: Its chunks: a range, without the end.
    """

    parameter: Tensor
    contexts: tuple[Context, ...]
    first: int
    last: int

    def is_needed(self, decision: Decision) -> bool:
        return any(_runs(context, decision) for context in self.contexts)


class HyperNetwork(nn.Module):
    """Generates the weights of the candidates' convolutions and linear layers.

    Weights are cut into chunks of one length, so that tensors of any shape come out of one
    perceptron: a chunk z of the architecture c is

        W_out relu(W_z e_z + W_c c)

    with an embedding e_z of its own, and c the architecture as zeros and ones, a number a
    candidate of each key. It is scaled by the square root of the layer's inputs, as initial
    weights are.

    Args:
        mutator: Of the model.
        hidden: Width of the perceptron.
        embedding: Length of the embeddings.
        chunk: Numbers in a chunk.
        generator: For the initial values.

    Raises:
        SearchSpaceError: if no candidate has a weight to generate.
    """

    def __init__(
        self,
        mutator: Mutator,
        *,
        hidden: int,
        embedding: int,
        chunk: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.targets = [*find_targets(mutator.model, chunk)]
        if not self.targets:
            raise SearchSpaceError(
                "no candidate has a convolution or linear layer, whose weights could be generated"
            )
        self._chunk = chunk
        self._sizes = {mutable.key or "": size_of(mutable) for mutable in mutator.mutables}

        def normal(*shape: int, scale: float) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(*shape, generator=generator))

        self.embeddings = normal(self.targets[-1].last, embedding, scale=1.0)
        self.from_embedding = normal(embedding, hidden, scale=embedding**-0.5)
        # About one candidate a key runs.
        code = sum(self._sizes.values())
        self.from_architecture = normal(code, hidden, scale=len(self._sizes) ** -0.5)
        self.out = normal(hidden, chunk, scale=hidden**-0.5)

    def forward(self, decision: Decision) -> dict[int, Tensor]:
        """The weights of what runs: id of the parameter -> tensor of its shape."""
        needed = [target for target in self.targets if target.is_needed(decision)]
        if not needed:
            return {}
        rows = torch.cat([self.embeddings[one.first : one.last] for one in needed])
        context = self._code(decision) @ self.from_architecture
        values = torch.relu(rows @ self.from_embedding + context) @ self.out
        parts = torch.split(values, [one.last - one.first for one in needed])
        return {
            id(target.parameter): _shaped(part, target.parameter)
            for target, part in zip(needed, parts, strict=True)
        }

    @torch.no_grad()
    def write(self, decision: Decision) -> None:
        """Store the weights of an architecture in the model's own parameters."""
        generated = self(decision)
        for target in self.targets:
            if id(target.parameter) in generated:
                target.parameter.copy_(generated[id(target.parameter)])

    def _code(self, decision: Decision) -> Tensor:
        """The architecture as zeros and ones."""
        entries = [
            float(index in decision[key].indices)
            for key, size in self._sizes.items()
            for index in range(size)
        ]
        return torch.tensor(entries, dtype=self.out.dtype).to(self.out.device, non_blocking=True)


def find_targets(model: nn.Module, chunk: int) -> Iterator[Target]:
    """The weights that lie in candidates only, with their shares of the chunks."""
    places: dict[int, list[Context]] = {}
    found: dict[int, Tensor] = {}
    for module, context in _visit(model, {}):
        for parameter in module._parameters.values():
            places.setdefault(id(parameter), []).append(context)
        if isinstance(module, (_ConvNd, nn.Linear)) and not isinstance(module, _ConvTransposeNd):
            found.setdefault(id(module.weight), module.weight)
    first = 0
    for name, weight in found.items():
        if all(places[name]):  # outside of candidates the context is empty
            last = first + math.ceil(weight.numel() / chunk)
            yield Target(weight, tuple(places[name]), first, last)
            first = last


def _visit(module: nn.Module, context: Context) -> Iterator[tuple[nn.Module, Context]]:
    """Every module in every place."""
    yield module, context
    for index, (_, _, child) in enumerate(children(module, "")):
        if isinstance(module, LayerChoice):
            yield from _visit(child, {**context, module.key or "": index})
        else:
            yield from _visit(child, context)


def _runs(context: Context, decision: Decision) -> bool:
    return all(index in decision[key].indices for key, index in context.items())


def _shaped(chunks: Tensor, like: Tensor) -> Tensor:
    values = chunks.flatten()[: like.numel()] / math.sqrt(like[0].numel())
    return values.view(like.shape).to(like.dtype)
