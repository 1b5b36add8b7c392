"""What a mutator decided for one choice: which candidates run, and with which weights.

Indices stand on the host, so that nothing waits for a GPU to learn what to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import numpy as np
import torch
from torch import Tensor

Weight = Union[float, Tensor]

Mask = Union["Selection", Sequence[bool], Sequence[float], "np.ndarray[Any, Any]", Tensor]
"""A decision as a mutator may give it: booleans select, floats weigh, a Selection does both."""


@dataclass(frozen=True)
class Selection:
    """The candidates that run.

    Attributes:
        length: How many candidates there are.
        indices: Those that run, ascending.
        weights: A factor for each of them: floats, or tensors without dimensions; None for 1.
    """

    length: int
    indices: tuple[int, ...]
    weights: tuple[Weight, ...] | None = None

    def mask(self) -> Tensor:
        """A tensor of ``length``: booleans on the host, or the weights."""
        if self.weights is None:
            return torch.tensor([index in self.indices for index in range(self.length)])
        given = dict(zip(self.indices, self.weights, strict=True))
        tensors = [weight for weight in self.weights if isinstance(weight, Tensor)]
        like = tensors[0] if tensors else torch.zeros(())
        zero = torch.zeros_like(like)
        entries = [given.get(index, zero) for index in range(self.length)]
        return torch.stack([torch.as_tensor(entry).to(like) for entry in entries])

    def detached(self) -> Selection:
        """The same without a graph behind the weights."""
        if self.weights is None:
            return self
        plain = [one.detach() if isinstance(one, Tensor) else one for one in self.weights]
        return Selection(self.length, self.indices, tuple(plain))

    def strengths(self) -> list[float]:
        """The weights of all candidates as numbers; 1 for selected ones without weights."""
        return strengths_of({"": self})[""]


def strengths_of(selections: Mapping[str, Selection]) -> dict[str, list[float]]:
    """:meth:`Selection.strengths` of each; all weights on a device come to the host at once."""
    given = [weight for one in selections.values() for weight in one.weights or ()]
    moved = iter(numbers_of([weight for weight in given if isinstance(weight, Tensor)]))
    return {key: _strengths(one, moved) for key, one in selections.items()}


def numbers_of(tensors: Sequence[Tensor]) -> list[list[float]]:
    """The entries of each tensor, with one transfer from a device."""
    alike: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for index, tensor in enumerate(tensors):
        alike.setdefault((tensor.device, tensor.dtype), []).append(index)
    numbers: list[list[float]] = [[] for _ in tensors]
    for indices in alike.values():
        flat = torch.cat([tensors[index].detach().reshape(-1) for index in indices])
        entries = iter(flat.tolist())
        for index in indices:
            numbers[index] = [float(next(entries)) for _ in range(tensors[index].numel())]
    return numbers


def _strengths(selection: Selection, moved: Iterator[list[float]]) -> list[float]:
    strengths = [0.0] * selection.length
    weights = selection.weights or [1.0] * len(selection.indices)
    for index, weight in zip(selection.indices, weights, strict=True):
        strengths[index] = next(moved)[0] if isinstance(weight, Tensor) else float(weight)
    return strengths


def one_of(length: int, index: int) -> Selection:
    return Selection(length, (index,))


def weighted(weights: Tensor) -> Selection:
    """All candidates, each times its entry of a vector."""
    return Selection(len(weights), tuple(range(len(weights))), weights.unbind())


def read_mask(mask: Mask, *, length: int) -> Selection:
    """A mutator's decision for one choice, checked.

    Booleans select. Floats weigh: candidates of weight zero are not run, unless the weights
    require a gradient or lie on a device, where looking at them would wait for it.

    Raises:
        ValueError: if the mask is neither, nested, or of another length.
    """
    if isinstance(mask, Selection):
        size: object = mask.length
    elif isinstance(mask, (Tensor, np.ndarray)):
        size = mask.shape[0] if mask.ndim == 1 else f"shape {tuple(mask.shape)}"
    else:
        size = len(mask) if isinstance(mask, (list, tuple)) else f"a {type(mask).__name__}"
    if size != length:
        raise ValueError(f"expected a mask of {length} entries, but got {size}")
    if isinstance(mask, Selection):
        return _checked(mask)
    return _of_tensor(mask, length) if isinstance(mask, Tensor) else _of_list(mask, length)


def _checked(selection: Selection) -> Selection:
    indices, weights = selection.indices, selection.weights
    if indices and not 0 <= min(indices) <= max(indices) < selection.length:
        raise ValueError(f"a Selection selects {indices} of {selection.length} candidates")
    if weights is not None and len(weights) != len(indices):
        raise ValueError(
            f"a Selection has {len(indices)} candidates and {len(weights)} weights; each "
            "selected candidate needs one"
        )
    return selection


def _of_tensor(mask: Tensor, length: int) -> Selection:
    if mask.dtype == torch.bool:
        return Selection(length, _where(mask.tolist()))
    if mask.is_floating_point():
        if mask.requires_grad or mask.device.type != "cpu":
            return weighted(mask)
        indices = _where(mask.tolist())
        return Selection(length, indices, tuple(mask[index] for index in indices))
    raise ValueError(_not_a_mask(str(mask.dtype)))


def _of_list(mask: Any, length: int) -> Selection:
    entries = mask.tolist() if isinstance(mask, np.ndarray) else list(mask)
    kinds = {type(entry) for entry in entries}
    if kinds <= {bool, np.bool_}:
        return Selection(length, _where(entries))
    if kinds <= {float, np.float32, np.float64}:
        indices = _where(entries)
        return Selection(length, indices, tuple(float(entries[index]) for index in indices))
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise ValueError(_not_a_mask(names))


def _where(entries: Sequence[object]) -> tuple[int, ...]:
    return tuple(_true(entries))


def _true(entries: Sequence[object]) -> Iterator[int]:
    return (index for index, entry in enumerate(entries) if entry)


def _not_a_mask(kinds: str) -> str:
    return (
        f"a mask holds booleans (which candidates run) or floats (weights), but got {kinds}; "
        "0 and 1 as whole numbers could also be indices: write True and False"
    )
