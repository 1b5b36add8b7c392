"""A space of vision transformers: width, depth, and heads and MLP ratio of each block."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError
from trial_api import Repeat, ValueChoice, model_space

from ._arguments import is_size, require_probability, require_sizes

HEAD_SIZE = 64
"""Channels of an attention head, however many heads there are."""


def vision_transformer(
    in_channels: int = 3,
    classes: int = 10,
    *,
    image_size: int = 32,
    patch_size: int = 4,
    widths: Sequence[int] = (128, 160, 192),
    depth: tuple[int, int] = (4, 8),
    heads: Sequence[int] = (2, 3, 4),
    ratios: Sequence[float] = (2, 3, 4),
    dropout: float = 0.0,
) -> VisionTransformer:
    """A space of vision transformers, as a :class:`VisionTransformer` with the same arguments.

    The defaults suit images of 32 x 32. The space of AutoFormer-tiny, on ImageNet, is::

        vision_transformer(
            classes=1000, image_size=224, patch_size=16,
            widths=(192, 216, 240), depth=(12, 14), heads=(3, 4), ratios=(3.5, 4),
        )

    Example::

        model = get_and_apply_next_architecture(vision_transformer(1, 10, image_size=28))
    """
    return VisionTransformer(
        in_channels,
        classes,
        image_size=image_size,
        patch_size=patch_size,
        widths=widths,
        depth=depth,
        heads=heads,
        ratios=ratios,
        dropout=dropout,
    )


@model_space
class VisionTransformer(nn.Module):
    """A transformer on the patches of an image.

    Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, Heigold,
    Gelly, Uszkoreit, Houlsby: An Image is Worth 16x16 Words, ICLR 2021
    (https://arxiv.org/abs/2010.11929), section 3.1. What is chosen is that of Chen, Peng, Fu,
    Ling: AutoFormer: Searching Transformers for Visual Recognition, ICCV 2021
    (https://arxiv.org/abs/2107.00651), section 3: the width of all tokens (``"width"``), the
    depth (``"depth"``), and of each block the number of heads (``"block<i>_heads"``) and the ratio
    of its MLP (``"block<i>_ratio"``). Queries, keys and values have 64 channels a head. Positions
    are absolute; AutoFormer adds relative ones.

    Args:
        in_channels: Of the images.
        classes: Of the classifier.
        image_size: Height and width of the images.
        patch_size: Of the patches, which ``image_size`` is a multiple of.
        widths: Of the tokens, to choose from.
        depth: The least and the largest number of blocks.
        heads: To choose from.
        ratios: Inner channels of an MLP over the width, to choose from.
        dropout: After attention, MLPs and the embedding.

    Shape:
        (n, in_channels, image_size, image_size) to (n, classes).

    Raises:
        SearchSpaceError: with every argument that is wrong.
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 10,
        *,
        image_size: int = 32,
        patch_size: int = 4,
        widths: Sequence[int] = (128, 160, 192),
        depth: tuple[int, int] = (4, 8),
        heads: Sequence[int] = (2, 3, 4),
        ratios: Sequence[float] = (2, 3, 4),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        require_sizes(
            "vision_transformer",
            in_channels=in_channels,
            classes=classes,
            image_size=image_size,
            patch_size=patch_size,
        )
        _require_choices(image_size, patch_size, widths=widths, heads=heads, ratios=ratios)
        require_probability("dropout", dropout)

        def block(position: int) -> nn.Module:
            name = f"block{position + 1}"
            count = ValueChoice(heads, key=f"{name}_heads")
            ratio = ValueChoice(ratios, key=f"{name}_ratio")
            return Block(width, heads=count, inner=int(ratio * width), dropout=dropout)

        width = ValueChoice(widths, key="width")
        patches = (image_size // patch_size) ** 2
        self.embedding = Embedding(in_channels, width, patch_size, patches)
        self.dropout = nn.Dropout(dropout)
        self.blocks = Repeat(block, depth, key="depth")
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(self.blocks(self.dropout(self.embedding(x))))
        logits: Tensor = self.classifier(tokens[:, 0])
        return logits


class Embedding(nn.Module):
    """A token for the class, and one for each patch, with their positions.

    The class token itself is zero: what it learns is its position.
    """

    def __init__(self, channels: int, width: int, patch_size: int, patches: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch_size, patch_size)
        self.positions = nn.Embedding(1 + patches, width)
        nn.init.trunc_normal_(self.positions.weight, std=0.02)
        self.register_buffer("places", torch.arange(1 + patches), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patches(x).flatten(2).transpose(1, 2)
        tokens = nn.functional.pad(patches, (0, 0, 1, 0))
        result: Tensor = tokens + self.positions(self.places)
        return result


class Block(nn.Module):
    """Attention and an MLP, each on normalized tokens and with a connection around it."""

    def __init__(self, width: int, *, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x)))
        result: Tensor = x + self.dropout(self.mlp(self.mlp_norm(x)))
        return result


class Attention(nn.Module):
    """Self-attention, in as many heads as the queries have room for."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        channels = heads * HEAD_SIZE
        self.query = nn.Linear(width, channels)
        self.key = nn.Linear(width, channels)
        self.value = nn.Linear(width, channels)
        self.out = nn.Linear(channels, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            _split_heads(project(x)) for project in (self.query, self.key, self.value)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        result: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return result


def _split_heads(x: Tensor) -> Tensor:
    """(n, tokens, channels) to (n, heads, tokens, channels of a head)."""
    heads: Tensor = x.unflatten(2, (-1, HEAD_SIZE))  # type: ignore[no-untyped-call]
    return heads.transpose(1, 2)


def _require_choices(
    image_size: int,
    patch_size: int,
    *,
    widths: Sequence[int],
    heads: Sequence[int],
    ratios: Sequence[float],
) -> None:
    """Refuse candidates of the wrong kind, all of them at once."""
    problems = [
        Problem(name, f"must be whole numbers > 0, but got {list(sizes)}")
        for name, sizes in (("widths", widths), ("heads", heads))
        if not all(map(is_size, sizes))
    ]
    if not all(ratio > 0 for ratio in ratios):
        problems.append(Problem("ratios", f"must be above 0, but got {list(ratios)}"))
    if image_size % patch_size:
        text = f"must be a multiple of `patch_size` {patch_size}, but got {image_size}"
        problems.append(Problem("image_size", text))
    if problems:
        raise SearchSpaceError(problems, "vision_transformer")
