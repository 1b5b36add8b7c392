"""A trainer is made, or leaves its model as it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._base import BaseTrainer


def freeing_the_model(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that unbinds the model if it fails: nobody else could do so afterwards."""

    @functools.wraps(init)
    def made_or_freed(self: BaseTrainer, *arguments: Any, **options: Any) -> None:
        try:
            init(self, *arguments, **options)
        except BaseException:
            if "mutator" in vars(self):
                self.mutator.remove()
            raise

    return made_or_freed
