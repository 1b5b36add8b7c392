"""What runs a choice inside a supernet: a mutator, bound to it for a while.

A bound choice knows its key, also where that is its path, and a function that runs it. It holds
no more of the mutator than that, which is neither its submodule nor part of a state dict.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


class Bindable(nn.Module):
    """A choice: undecided until an architecture is applied or a mutator is bound."""

    key: str | None
    _run: Callable[..., Any] | None = None
    _key_is_path = False

    @property
    def is_bound(self) -> bool:
        return self._run is not None

    @property
    def has_own_key(self) -> bool:
        return self.key is not None and not self._key_is_path

    def bind(self, key: str, run: Callable[..., Any]) -> None:
        """Let ``run(choice, *args, **kwargs)`` stand for ``forward``."""
        self._key_is_path = self.key is None
        self.key = key
        self._run = run

    def unbind(self) -> None:
        if self._key_is_path:
            self.key = None
        del self._run, self._key_is_path
