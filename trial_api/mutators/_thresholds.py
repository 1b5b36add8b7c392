"""Learned thresholds on the norms of superkernels, as in Single-Path NAS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ..nn._input_choice import InputChoice
from ..nn._layer_choice import LayerChoice
from ..nn._super_kernel import SuperKernelConv2d
from ..nn._value_decision import ValueDecision
from ._mutator import Mutator, size_of
from ._selection import Selection, one_of, weighted


@final
class ThresholdMutator(Mutator):
    """Runs superkernels as one convolution, with the taps whose norm is above a threshold.

    Stamoulis et al.: Single-Path NAS, ECML-PKDD 2019 (https://arxiv.org/abs/1904.02877), section
    3. With indicators I = 1(norm > threshold), one for each kernel size beyond the first,

        w = w_3x3 + I(||w_5x5\\3x3||^2 > t_5x5) * (w_5x5\\3x3 + ...)

    and, where the layer can be skipped, all of it times I(||w_3x3||^2 > t_skip). The gradient of
    an indicator is that of a sigmoid (straight-through), by the threshold and by the kernel.
    Superkernels with one key are one group: their squared norms add up.

    Args:
        model: A model whose choices are all :class:`~trial_api.nn.SuperKernelConv2d`.
        scale: What norms and thresholds are measured in, the argument of the sigmoid too. 1 is
            as published; there the gradient vanishes where norms are large. None stands for the
            squared norms at the start, each for its own threshold, which suits any size of layer.

    Attributes:
        thresholds: They start at 0, where everything is kept.

    Raises:
        SearchSpaceError: with every choice that is no superkernel.
    """

    scale: Tensor

    def __init__(self, model: nn.Module, *, scale: float | None = None) -> None:
        super().__init__(model)
        problems = [*_others(self.undedup_mutables)]
        if problems:
            self.remove()  # the model stays usable
            raise SearchSpaceError(problems, "only superkernels have thresholds")
        norms = self._norms().detach()
        # Relative to a norm of zero, anything that grows would count.
        units = norms.clamp_min(torch.finfo(norms.dtype).eps)
        self.register_buffer("scale", units if scale is None else torch.full_like(norms, scale))
        self.thresholds = nn.Parameter(torch.zeros_like(norms))

    def sample_search(self) -> dict[str, Selection]:
        """All candidates of each key, with weights that are zero but for one of them."""
        on = indicator(self._norms() / self.scale - self.thresholds)
        groups = torch.split(on, [size_of(mutable) - 1 for mutable in self.mutables])
        return {
            mutable.key or "": weighted(one_hot(group))
            for mutable, group in zip(self.mutables, groups, strict=True)
        }

    def sample_final(self) -> dict[str, Selection]:
        with torch.no_grad():
            decided = self.sample_search()
        # Where a small kernel is out, so are the larger ones: exactly one weight is 1.
        return {
            key: one_of(one.length, one.strengths().index(1.0)) for key, one in decided.items()
        }

    def largest(self) -> dict[str, Selection]:
        """The decision for the whole superkernels."""
        sizes = {mutable.key or "": size_of(mutable) for mutable in self.mutables}
        return {key: one_of(size, size - 1) for key, size in sizes.items()}

    def on_forward_layer_choice(self, mutable: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        selection = self.selection_of(mutable)
        if selection.weights is None:
            return super().on_forward_layer_choice(mutable, *args, **kwargs)
        assert isinstance(mutable, SuperKernelConv2d), "checked in __init__"
        return mutable.mixed(selection.mask(), *args, **kwargs)

    def _norms(self) -> Tensor:
        """Squared norms of the rings of all keys, in order of definition."""
        by_key: dict[str, Tensor] = {}
        for mutable in self.undedup_mutables:
            assert isinstance(mutable, SuperKernelConv2d), "checked in __init__"
            key, norms = mutable.key or "", mutable.ring_norms()
            by_key[key] = by_key[key] + norms if key in by_key else norms
        return torch.cat(list(by_key.values()))


def indicator(x: Tensor) -> Tensor:
    """1 where x > 0, else 0; the gradient is that of the sigmoid."""
    soft = torch.sigmoid(x)
    return (x > 0).to(x.dtype) + (soft - soft.detach())


def one_hot(indicators: Tensor) -> Tensor:
    """Which candidate runs: the one before the first indicator that is 0.

    With I_0 = 1, candidate i has the weight I_0 ... I_i (1 - I_{i+1}).

    Shape:
        (candidates - 1,) to (candidates,).
    """
    # cumprod would look at the values on the host for its gradient.
    kept = [indicators.new_ones(())]
    for one in indicators.unbind():
        kept.append(kept[-1] * one)
    following = [*kept[1:], torch.zeros_like(kept[0])]
    return torch.stack(kept) - torch.stack(following)


def _others(mutables: Sequence[LayerChoice | InputChoice]) -> Iterator[Problem]:
    for mutable in mutables:
        if not isinstance(mutable, SuperKernelConv2d):
            is_value = isinstance(mutable, ValueDecision)
            kind = "ValueChoice" if is_value else type(mutable).__name__
            rule = "make every choice a SuperKernelConv2d, or use another trainer"
            yield Problem(mutable.key or "", f"{kind}; {rule}")
