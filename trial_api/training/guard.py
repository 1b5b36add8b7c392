"""Stops a search whose loss is no number any more."""

from __future__ import annotations

import torch
from torch import Tensor

from nas_tuners.contract.errors import TrainingError

_ADVICE = (
    "the search stops. Checkpoints on disk are older and sound: resume() from one with a lower "
    "learning rate, with grad_clip, or without amp"
)


class LossGuard:
    """Watches losses.

    On the CPU each loss is looked at before it is used. On a GPU that would wait for it in every
    step: there the guard notes the first bad batch on the device, and tells at :meth:`check`.

    Args:
        advice: What happens then, and what to do, for the message.
    """

    def __init__(self, advice: str = _ADVICE) -> None:
        self._advice = advice
        self._first_bad: Tensor | None = None
        self._where: list[str] = []

    def watch(self, loss: Tensor, where: str) -> None:
        """Note a loss.

        Raises:
            TrainingError: if the loss lies on the CPU and is not finite.
        """
        if loss.device.type == "cpu":
            if not torch.isfinite(loss).item():
                raise TrainingError(self._message(where))
            return
        number = len(self._where)
        self._where.append(where)
        bad = torch.where(torch.isfinite(loss.detach()), 2**31, number)
        known = self._first_bad
        self._first_bad = bad if known is None else torch.minimum(known, bad)

    def check(self) -> None:
        """Tell about the losses since the last call; this waits for the GPU.

        Raises:
            TrainingError: naming the first batch whose loss was not finite.
        """
        if self._first_bad is None:
            return
        number = int(self._first_bad)
        where, self._where, self._first_bad = self._where, [], None
        if number < len(where):
            raise TrainingError(self._message(where[number]))

    def _message(self, where: str) -> str:
        return f"the loss is not finite in {where}; {self._advice}"
