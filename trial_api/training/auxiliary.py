"""Networks with an auxiliary classifier, which give ``(logits, auxiliary logits)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor

Result = TypeVar("Result")


def with_auxiliary(loss: Callable[[Any, Any], Tensor], weight: float) -> Callable[..., Tensor]:
    """The loss of the logits, plus that of the auxiliary logits with a weight, if there are any.

    Szegedy et al.: Going Deeper with Convolutions, CVPR 2015 (https://arxiv.org/abs/1409.4842),
    section 5.
    """

    def total(output: Any, target: Any) -> Tensor:
        if not _is_pair(output):
            return loss(output, target)
        logits, auxiliary = output
        return loss(logits, target) + weight * loss(auxiliary, target)

    return total


def on_logits(function: Callable[[Any, Any], Result]) -> Callable[[Any, Any], Result]:
    """The same function of a network's output, without the auxiliary logits."""

    def measured(output: Any, target: Any) -> Result:
        return function(output[0] if _is_pair(output) else output, target)

    return measured


def _is_pair(output: Any) -> bool:
    return isinstance(output, tuple) and len(output) == 2
