"""The choice of a kernel size, with one weight for all sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ._layer_choice import Candidate, LayerChoice

SKIP = "skip"


@final
class SuperKernelConv2d(LayerChoice):
    """One convolution of several kernel sizes: small kernels are the centres of the largest.

    Stamoulis et al.: Single-Path NAS, ECML-PKDD 2019 (https://arxiv.org/abs/1904.02877), section
    3: the superkernel. It is a layer choice with a candidate a size, ``"3x3"``, ``"5x5"``, ...,
    which share one weight and one bias; every mutator, trainer and tuner handles it as such. The
    padding keeps the size of images (divided by the stride).

    An applied architecture leaves a plain ``nn.Conv2d`` of the chosen size. State dicts hold the
    kernel of each size, so that it inherits the supernet's.

    The paper's other superkernel, over the expansion of channels, is a choice of blocks here.

    Args:
        in_channels: As of ``nn.Conv2d``.
        out_channels: As of ``nn.Conv2d``.
        kernel_sizes: Odd, ascending.
        stride: As of ``nn.Conv2d``, one for both directions.
        dilation: As of ``nn.Conv2d``, one for both directions.
        groups: As of ``nn.Conv2d``.
        bias: As of ``nn.Conv2d``.
        skippable: Whether a first candidate ``"skip"`` gives zeros, which leaves out a layer with
            a residual connection around it.
        key: As of ``LayerChoice``.

    Raises:
        SearchSpaceError: if there are no kernel sizes, or an argument is not as described.

    Shape:
        (n, in_channels, h, w) to (n, out_channels, ceil(h / stride), ceil(w / stride)).

    Example::

        conv = SuperKernelConv2d(8, 16, kernel_sizes=(3, 5, 7), key="conv")
        conv.names  # ["3x3", "5x5", "7x7"]
    """

    squares: Tensor
    """A row of zeros and ones a candidate: which taps of the superkernel it has."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_sizes: Sequence[int] = (3, 5),
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        skippable: bool = False,
        key: str | None = None,
    ) -> None:
        texts = [*_check(kernel_sizes), *_check_numbers(stride=stride, dilation=dilation)]
        problems = [Problem("", text) for text in texts]
        if problems:
            raise SearchSpaceError(problems, "SuperKernelConv2d")
        *smaller, largest = kernel_sizes
        whole = nn.Conv2d(
            in_channels,
            out_channels,
            largest,
            stride=stride,
            padding=dilation * (largest // 2),
            dilation=dilation,
            groups=groups,
            bias=bias,
        )
        candidates: dict[str, nn.Module] = {}
        if skippable:
            candidates[SKIP] = _Zeros(out_channels, stride)
        candidates |= {f"{size}x{size}": CentreConv2d(whole, size) for size in smaller}
        candidates[f"{largest}x{largest}"] = whole
        super().__init__(candidates, key=key)
        sizes = [0] * skippable + list(kernel_sizes)
        squares = torch.stack([_square(size, largest) for size in sizes]).to(whole.weight)
        self.register_buffer("squares", squares, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The superkernel."""
        weight = self[-1].weight
        assert isinstance(weight, Tensor)
        return weight

    def ring_norms(self) -> Tensor:
        """Squared norms of what each candidate adds to the one before, as w_5x5 to w_3x3.

        Shape:
            (candidates - 1,)
        """
        taps = self.weight.square().sum((0, 1)).flatten()
        return (self.squares.diff(dim=0) * taps).sum(1)

    def mixed(self, weights: Tensor, x: Tensor) -> Tensor:
        """The weighted sum of all candidates' outputs, by one convolution.

        A convolution is linear in its kernel: the superkernel runs with each tap times the
        weights of the candidates that have it.

        Args:
            weights: A factor a candidate.
            x: The input.
        """
        layer: Any = self[-1]
        size = self.weight.shape[-1]
        margin = size // 2
        mask = (weights[:, None] * self.squares).sum(0).view(size, size)
        bias = layer.bias
        if bias is not None:
            bias = bias * mask[margin, margin]  # which is a tap of all kernels
        padding = layer.dilation[0] * margin
        return F.conv2d(
            x, self.weight * mask, bias, layer.stride, padding, layer.dilation, layer.groups
        )

    def __setitem__(self, index: int | str, module: Candidate) -> None:
        raise SearchSpaceError(
            "candidates share one weight and cannot be replaced; use a LayerChoice instead",
            "SuperKernelConv2d",
        )

    def __delitem__(self, index: int | str | slice) -> None:
        before = self.names
        super().__delitem__(index)
        self.squares = self.squares[[before.index(name) for name in self.names]]


def standalone(candidate: nn.Module) -> nn.Module:
    """What a candidate is once it is chosen: itself, if it shares nothing with the others."""
    return candidate.standalone() if isinstance(candidate, CentreConv2d) else candidate


class CentreConv2d(nn.Module):
    """The convolution with the centre of another one's kernel, which goes on holding it.

    In state dicts the weight is the centre alone.
    """

    def __init__(self, whole: nn.Conv2d, size: int) -> None:
        super().__init__()
        self.weight = whole.weight
        self.bias = whole.bias
        self.stride, self.dilation, self.groups = whole.stride, whole.dilation, whole.groups
        self.kernel_size = (size, size)
        self.padding = (whole.dilation[0] * (size // 2),) * 2

    def kernel(self) -> Tensor:
        return _centre(self.weight, self.kernel_size[0])

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(
            x, self.kernel(), self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def standalone(self) -> nn.Conv2d:
        """The same convolution with a kernel of its own, which the chosen one gets."""
        layer = nn.Conv2d(
            self.weight.shape[1] * self.groups,
            self.weight.shape[0],
            self.kernel_size,
            stride=self.stride[0],
            padding=self.padding,
            dilation=self.dilation[0],
            groups=self.groups,
            bias=False,
            device="meta",  # draws no initial values
        )
        layer.weight = nn.Parameter(self.kernel().detach().clone(), self.weight.requires_grad)
        layer.bias = self.bias
        return layer.train(self.training)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, the centre of {tuple(self.weight.shape)}"

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        # A copy: a view into the superkernel cannot be sent to other processes.
        centre = self.kernel().contiguous()
        destination[f"{prefix}weight"] = centre if keep_vars else centre.detach()

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, metadata: Any, strict: bool, *lists: Any
    ) -> None:
        if metadata.get("assign_to_params_buffers"):
            lists[-1].append(f"{prefix}weight: shares its weight, so load without assign=True")
            return
        given = state_dict.get(f"{prefix}weight")
        if given is not None and given.shape == self.kernel().shape:
            whole = self.weight.detach().clone()
            _centre(whole, self.kernel_size[0]).copy_(given)
            state_dict = {**state_dict, f"{prefix}weight": whole}
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, *lists)


class _Zeros(nn.Module):
    """What a convolution without a kernel gives."""

    def __init__(self, out_channels: int, stride: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        height, width = ((length - 1) // self.stride + 1 for length in x.shape[-2:])
        return x.new_zeros(x.shape[0], self.out_channels, height, width)


def _check(kernel_sizes: Any) -> Iterator[str]:
    if not isinstance(kernel_sizes, (list, tuple)) or not kernel_sizes:
        yield f"`kernel_sizes` must be a list or tuple of sizes, but got {kernel_sizes!r}"
        return
    if not all(isinstance(size, int) and size > 0 and size % 2 for size in kernel_sizes):
        yield f"`kernel_sizes` must be odd numbers > 0, but got {kernel_sizes!r}"
    elif list(kernel_sizes) != sorted(set(kernel_sizes)):
        yield f"`kernel_sizes` must be ascending, each once, but got {kernel_sizes!r}"


def _check_numbers(**given: Any) -> Iterator[str]:
    for name, value in given.items():
        if not isinstance(value, int) or value < 1:
            yield f"`{name}` must be one number > 0 for both directions, but got {value!r}"


def _square(size: int, whole: int) -> Tensor:
    """Ones in the centre, flat."""
    mask = torch.zeros(whole, whole)
    if size:
        _centre(mask, size).fill_(1)
    return mask.flatten()


def _centre(kernel: Tensor, size: int) -> Tensor:
    margin = (kernel.shape[-1] - size) // 2
    return kernel[..., margin : margin + size, margin : margin + size]
