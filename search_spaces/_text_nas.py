"""The space of TextNAS: networks for texts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import InputChoice, LayerChoice, MutableScope, model_space

from ._arguments import require_probability, require_sizes
from ._text_operations import TEXT_OPERATIONS, real_only

PADDING = 0
EMBEDDING = "embedding"


def text_nas(
    vocabulary: int = 20_000,
    classes: int = 5,
    hidden: int = 256,
    layers: int = 24,
    *,
    embedding: int = 300,
    window: int = 5,
    heads: int = 4,
    dropout: float = 0.1,
) -> TextNasNetwork:
    """Layers of chosen operations on chosen earlier layers, for the classification of texts.

    Wang et al.: TextNAS: A Neural Architecture Search Space Tailored for Text Representation, AAAI
    2020 (https://arxiv.org/abs/1912.10729), section on the search space: convolutions, pooling,
    recurrent layers and self-attention, in a graph of layers with skip connections.

    Layer ``i`` has three choices. Its input is one of the last few outputs, an
    :class:`InputChoice` with the key ``"layer<i>_input"``; its operation one of eight, a
    :class:`LayerChoice` with the key ``"layer<i>_op"``: convolutions over 1, 3, 5 or 7 tokens,
    average or maximum of 3 tokens, a bidirectional GRU, self-attention. To that it adds any of
    the last few outputs, ``"layer<i>_skip"``, and normalizes the sum. The embedded tokens are the
    output before layer 0, which has nothing to choose but its operation.

    All outputs take part in the end: a learned mean of them, of which each feature's maximum over
    the text is classified. That, the normalization by layer and the sizes are this
    implementation's.

    Args:
        vocabulary: Number of different tokens; token 0 is padding after a text. What is padding
            has no influence.
        classes: Of the classifier.
        hidden: Features of all layers; even, and a multiple of ``heads``.
        layers: How many.
        embedding: Features of embedded tokens, ``model.embedding.weight``.
        window: From how many of the last outputs a layer chooses.
        heads: Of the attention.
        dropout: Of embedded tokens and before the classifier.

    Shape:
        (n, length) of token numbers to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero, or if ``hidden``
            cannot be divided, or ``dropout`` is no probability below one.

    Example::

        model = get_and_apply_next_architecture(text_nas(len(words), classes=2, layers=12))
    """
    return TextNasNetwork(
        vocabulary,
        classes,
        hidden,
        layers,
        embedding=embedding,
        window=window,
        heads=heads,
        dropout=dropout,
    )


@model_space
class TextNasNetwork(nn.Module):
    """The layers between embedding and classifier; see :func:`text_nas`."""

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        hidden: int,
        layers: int,
        *,
        embedding: int,
        window: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        sizes = {"vocabulary": vocabulary, "classes": classes, "hidden": hidden, "layers": layers}
        require_sizes("text_nas", **sizes, embedding=embedding, window=window, heads=heads)
        require_probability("dropout", dropout)
        if hidden % 2 or hidden % heads:
            raise SearchSpaceError(
                "`hidden` must be even and a multiple of `heads`, "
                f"but got (hidden={hidden}, heads={heads})",
                "text_nas",
            )
        self.embedding = nn.Embedding(vocabulary, embedding, padding_idx=PADDING)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(embedding, hidden)
        self.layers = nn.ModuleList(
            TextLayer(index, hidden, window=window, heads=heads) for index in range(layers)
        )
        self.mean = WeightedMean(layers)
        self.classifier = nn.Linear(hidden, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        real = real_tokens(tokens)
        embedded = self.projection(self.dropout(self.embedding(tokens)))
        states = {EMBEDDING: real_only(embedded, real)}
        outputs = []
        for index, layer in enumerate(self.layers):
            outputs.append(layer(states, real))
            states[_name(index)] = outputs[-1]
        features = self.mean(outputs).masked_fill(~real.unsqueeze(2), -torch.inf).amax(dim=1)
        logits: Tensor = self.classifier(self.dropout(features))
        return logits


class TextLayer(MutableScope):
    """An operation on one earlier output, plus any of them, normalized."""

    def __init__(self, index: int, hidden: int, *, window: int, heads: int) -> None:
        name = _name(index)
        super().__init__(name)
        earlier = [EMBEDDING, *(_name(number) for number in range(index))][-window:]
        self.source = self.skip = None
        if len(earlier) > 1:
            self.source = InputChoice(choose_from=earlier, n_chosen=1, key=f"{name}_input")
        operations = {
            operation: partial(make, hidden, heads) for operation, make in TEXT_OPERATIONS.items()
        }
        self.operation = LayerChoice(operations, key=f"{name}_op")
        if index:
            self.skip = InputChoice(choose_from=earlier, key=f"{name}_skip")
        self.norm = nn.LayerNorm(hidden)
        self.only = earlier[-1]

    def forward(self, states: Mapping[str, Tensor], real: Tensor) -> Tensor:
        source = states[self.only] if self.source is None else self.source(states)
        output = self.operation(source, real)
        skipped = None if self.skip is None else self.skip(states)
        return real_only(self.norm(output if skipped is None else output + skipped), real)


class WeightedMean(nn.Module):
    """The mean of several tensors of one shape, with weights that are learned."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(count))

    def forward(self, tensors: list[Tensor]) -> Tensor:
        weights = torch.softmax(self.logits, dim=0).unbind()
        total = tensors[0] * weights[0]
        for tensor, weight in zip(tensors[1:], weights[1:], strict=True):
            total = total + tensor * weight
        return total


def real_tokens(tokens: Tensor) -> Tensor:
    """Which are no padding; of an empty text, the first padding counts as a token."""
    return torch.cat([torch.ones_like(tokens[:, :1]), tokens[:, 1:]], dim=1) != PADDING


def _name(index: int) -> str:
    return f"layer{index}"
