"""Which part of a layer's tensors a smaller layer of the same kind has, and of its inputs.

Of each dimension it is the leading part, of a convolution's kernel the centre, and of the
projections that attention holds in one tensor the leading part of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

Shape = tuple[int, ...]

SLICED = (
    nn.Linear,
    nn.Bilinear,
    _ConvNd,
    _NormBase,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.RMSNorm,
    nn.PReLU,
    nn.Embedding,
    nn.EmbeddingBag,
    nn.MultiheadAttention,
)
"""Layers of which smaller ones are a part."""

_CONTAINERS = (
    nn.Module,
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.ParameterList,
    nn.ParameterDict,
)


@dataclass(frozen=True)
class Widths:
    """How wide the inputs and the output of a layer are.

    Attributes:
        first: The dimension that the first size is of; the others follow.
        inputs: The arguments of ``forward`` by name, in order -> sizes.
        output: Sizes.
    """

    first: int
    inputs: Mapping[str, Shape]
    output: Shape

    def fitting(self, name: str, x: Tensor) -> Tensor:
        """The part of an input that the layer takes."""
        for number, size in enumerate(self.inputs[name]):
            dim = self.first + number
            x = x.narrow(dim, 0, size) if x.shape[dim] > size else x
        return x

    def padded(self, output: Tensor, sizes: Shape) -> Tensor:
        """An output with zeros behind it, up to other sizes."""
        shape = list(output.shape)
        for number, size in enumerate(sizes):
            shape[self.first + number] = size
        return padded(output, shape)


def is_layer(module: nn.Module) -> bool:
    """Whether it is one of torch's own layers, or a kind of one, and no container."""
    if isinstance(module, SLICED):
        return True
    kind = type_before_parametrizations(module)
    return kind.__module__.startswith("torch.nn.") and kind not in _CONTAINERS


def has_rule(layer: nn.Module) -> bool:
    """Whether it is known which part of its tensors a smaller one has."""
    if not isinstance(layer, SLICED) or any(map(is_lazy, layer.parameters())):
        return False
    return not any(map(_computes_weights, layer.modules()))


def is_statistic(kind: type[nn.Module], name: str) -> bool:
    """Whether a buffer is one that layers with a rule have, as torch made them."""
    return issubclass(kind, _NormBase) and name in ("running_mean", "running_var")


def cut(kind: type[nn.Module], name: str, whole: Tensor, shape: Shape) -> Tensor:
    """The part of a tensor that a smaller layer has: a view, but of joint projections.

    Args:
        kind: Of the layer that holds the tensor.
        name: Of the tensor.
        whole: The tensor.
        shape: Of the part.
    """
    if whole.shape == shape:
        return whole
    if _is_joint(kind, name):
        parts = whole.chunk(3)
        return torch.cat([_leading(part, (shape[0] // 3, *shape[1:])) for part in parts])
    if issubclass(kind, _ConvNd) and name == "weight":
        return _centre(_leading(whole, (*shape[:2], *whole.shape[2:])), shape[2:])
    return _leading(whole, shape)


def nests(kind: type[nn.Module], name: str, whole: Shape, shape: Shape) -> bool:
    """Whether there is such a part."""
    if len(whole) != len(shape) or any(a < b for a, b in zip(whole, shape, strict=True)):
        return False
    if issubclass(kind, _ConvNd) and name == "weight":
        return all((a - b) % 2 == 0 for a, b in zip(whole[2:], shape[2:], strict=True))
    return True


def padded(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """The tensor with zeros behind it in each dimension, up to a shape."""
    missing = [size - own for size, own in zip(shape, tensor.shape, strict=True)]
    if not any(missing):
        return tensor
    return F.pad(tensor, [pad for size in reversed(missing) for pad in (0, size)])


def widths_of(layer: nn.Module) -> Widths | None:
    """How wide a layer's inputs and output are; None where it takes any."""
    if isinstance(layer, nn.Linear):
        return _single(-1, layer.in_features, layer.out_features)
    if isinstance(layer, nn.Bilinear):
        inputs = {"input1": (layer.in1_features,), "input2": (layer.in2_features,)}
        return Widths(-1, inputs, (layer.out_features,))
    if isinstance(layer, _ConvNd):
        return _single(-1 - len(layer.kernel_size), layer.in_channels, layer.out_channels)
    if isinstance(layer, _NormBase):
        return _single(1, layer.num_features, layer.num_features)
    if isinstance(layer, nn.GroupNorm):
        return _single(1, layer.num_channels, layer.num_channels)
    if isinstance(layer, (nn.LayerNorm, nn.RMSNorm)):
        sizes = tuple(layer.normalized_shape)
        return Widths(-len(sizes), {"input": sizes}, sizes)
    if isinstance(layer, nn.PReLU) and layer.num_parameters > 1:
        return _single(1, layer.num_parameters, layer.num_parameters)
    if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)):
        return Widths(-1, {}, (layer.embedding_dim,))
    if isinstance(layer, nn.MultiheadAttention):
        given = {"query": (layer.embed_dim,), "key": (layer.kdim,), "value": (layer.vdim,)}
        return Widths(-1, given, (layer.embed_dim,))
    return None


def _computes_weights(part: nn.Module) -> bool:
    """Whether what it runs with is made of other tensors, such as by spectral norm."""
    return is_parametrized(part) or any(isinstance(held, Tensor) for held in vars(part).values())


def _single(dim: int, inputs: int, outputs: int) -> Widths:
    return Widths(dim, {"input": (inputs,)}, (outputs,))


def _is_joint(kind: type[nn.Module], name: str) -> bool:
    """Whether a tensor holds the projections of queries, keys and values below each other."""
    return issubclass(kind, nn.MultiheadAttention) and name in ("in_proj_weight", "in_proj_bias")


def _leading(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    return tensor[tuple(slice(size) for size in shape)]


def _centre(kernel: Tensor, shape: Sequence[int]) -> Tensor:
    for dim, size in enumerate(shape, 2):
        kernel = kernel.narrow(dim, (kernel.shape[dim] - size) // 2, size)
    return kernel
