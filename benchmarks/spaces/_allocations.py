"""How much memory is allocated, whether or not it is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Allocations(TorchDispatchMode):
    """Counts the storage of every tensor that an operation gives, once.

    It holds them all, so that none takes the address of another.
    """

    def __init__(self) -> None:
        super().__init__()
        self._storages: dict[int, torch.UntypedStorage] = {}

    @property
    def total(self) -> int:
        """In bytes."""
        return sum(storage.nbytes() for storage in self._storages.values())

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            storage = result.untyped_storage()
            self._storages.setdefault(storage.data_ptr(), storage)
        return result
