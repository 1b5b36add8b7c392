"""Results of torch that are no tensors: shapes and devices, which the code asks for again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from nas_tuners.contract.errors import ExportError

from ._frame import Frame
from ._lines import in_users_code
from ._text import TracedInt, joined

_ABOUT_SHAPES = {
    "shape.__get__", "device.__get__", "size", "numel", "nelement", "dim", "ndimension", "stride",
    "element_size", "get_device", "storage_offset", "__len__", "__hash__", "__repr__",
    "__format__", "type", "result_type", "promote_types", "can_cast", "broadcast_shapes",
}  # fmt: skip

MODE = "switches a mode of torch ({}), which the code would not"


def about_shapes(frame: Frame, name: str, args: Sequence[Any], result: Any) -> Any:
    """What is no tensor: numbers from shapes go on being followed.

    Args:
        frame: Where it is computed.
        name: Of the function.
        args: All of its arguments.
        result: What it gave.

    Raises:
        ExportError: if it comes from the values of a tensor, or changes a mode of torch.
    """
    if name == "_assert":
        return result  # it computes nothing
    last = name.removeprefix("torch.Tensor.").removeprefix("torch.")
    if name.startswith("_") or "_enter" in name or "_exit" in name:
        raise ExportError(f"{in_users_code()}: forward {MODE.format(name.strip('_'))}")
    if last not in _ABOUT_SHAPES and not last.endswith("__get__") and not _asks(last):
        raise ExportError(
            f"{in_users_code()}: what is computed depends on the values in a tensor ({last}), so "
            "that one run does not tell all"
        )
    if last == "device.__get__":
        frame.know(result, joined(frame.text_of(args[0]), ".device"))
    elif last in ("shape.__get__", "size"):
        return _followed(frame, args, result)
    elif last in ("numel", "nelement"):
        return TracedInt.of(result, joined(frame.text_of(args[0]), ".numel()"), frame)
    return result


def _asks(name: str) -> bool:
    return name.rpartition(".")[2].startswith("is_") and not name.endswith("is_nonzero")


def _followed(frame: Frame, args: Sequence[Any], result: Any) -> Any:
    """A shape, or the size of one dimension, that knows where it comes from."""
    tensor = args[0]
    if id(tensor) in frame.constants:
        return result
    text = frame.text_of(tensor)
    if isinstance(result, int):
        return TracedInt.of(result, joined(text, f".shape[{args[1]}]"), frame)
    sizes = [
        TracedInt.of(size, joined(text, f".shape[{index}]"), frame)
        for index, size in enumerate(result)
    ]
    frame.shapes[tuple(map(id, sizes))] = (sizes, joined(text, ".shape"))
    return torch.Size(sizes)
