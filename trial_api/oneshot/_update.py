"""One optimizer and all that belongs to a step of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from . import _distributed as distributed


class Update:
    """Gradients of a loss, accumulated, averaged over processes, clipped, and a step with them.

    Args:
        optimizer: Of the weights, or of the architecture.
        clip: Largest norm of the gradient.
        accumulate: Losses a step.
        scaler: Of losses in half precision.
        only: Compute gradients for the optimizer's parameters alone (and those of updates that
            step with it); those of others are neither computed nor touched.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        clip: float | None = None,
        accumulate: int = 1,
        scaler: torch.amp.GradScaler | None = None,
        only: bool = False,
    ) -> None:
        self.optimizer = optimizer
        self._clip = clip
        self._accumulate = accumulate
        self._scaler = scaler
        self._only = only
        self._pending = 0

    @property
    def parameters(self) -> list[Tensor]:
        return list(_parameters(self.optimizer))

    def step(self, loss: Tensor, *others: Update) -> None:
        """Add the gradient of a loss; every ``accumulate`` losses, change the parameters.

        Args:
            loss: A scalar.
            others: Of parameters that are learned from the same loss and step at the same time.
                Losses are scaled once, by this update.
        """
        if self._accumulate > 1:
            loss = loss / self._accumulate
        if self._scaler is not None:
            loss = self._scaler.scale(loss)
        torch.autograd.backward(loss, inputs=self._inputs(loss, *others))
        self._finish(*others)

    def apply(self, gradients: Iterable[Tensor | None]) -> None:
        """The same with gradients that were computed elsewhere, one a parameter, unscaled."""
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            if gradient is None:
                continue
            if self._accumulate > 1:
                gradient = gradient / self._accumulate
            if self._scaler is not None:
                gradient = self._scaler.scale(gradient)
            old = parameter.grad
            parameter.grad = gradient.detach() if old is None else old + gradient.detach()
        self._finish()

    def state_dict(self) -> dict[str, Any]:
        gradients = [p.grad for p in self.parameters] if self._pending else []
        return {
            "kind": type(self.optimizer).__name__,
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if self._scaler is None else self._scaler.state_dict(),
            "pending": self._pending,
            "gradients": gradients,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        written, own = state.get("kind"), type(self.optimizer).__name__
        if written not in (None, own):
            raise ValueError(f"the optimizer was {written}, but is {own} now")
        self.optimizer.load_state_dict(state["optimizer"])
        if self._scaler is not None and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])
        self._pending = state["pending"]
        self.optimizer.zero_grad(set_to_none=True)
        for parameter, gradient in zip(self.parameters, state["gradients"], strict=False):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)

    def _inputs(self, loss: Tensor, *others: Update) -> Sequence[Tensor] | None:
        if not self._only or not loss.requires_grad:
            return None
        together = [p for update in (self, *others) for p in update.parameters]
        return [parameter for parameter in together if parameter.requires_grad]

    def _finish(self, *others: Update) -> None:
        together = (self, *others)
        pending = (self._pending + 1) % self._accumulate
        for update in together:
            update._pending = pending  # also of those that had other losses in between
        if pending:
            return
        for update in together:
            update._change(self._scaler)
        if self._scaler is not None:
            self._scaler.update()

    def _change(self, scaler: torch.amp.GradScaler | None) -> None:
        """A step with the gradients that are there."""
        distributed.average_gradients(_parameters(self.optimizer))
        if all(parameter.grad is None for parameter in _parameters(self.optimizer)):
            scaler = None  # which would fail to find any
        if scaler is not None:
            scaler.unscale_(self.optimizer)
        if self._clip is not None:
            torch.nn.utils.clip_grad_norm_(_parameters(self.optimizer), self._clip)
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)
        self.optimizer.zero_grad(set_to_none=True)


def adam(
    parameters: Iterable[Tensor], *, lr: float, betas: Sequence[float], weight_decay: float
) -> torch.optim.Adam:
    """Adam on architecture parameters; torch's own refuses whole numbers as betas."""
    first, second = map(float, betas)
    return torch.optim.Adam(parameters, lr=lr, betas=(first, second), weight_decay=weight_decay)


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    return (parameter for group in optimizer.param_groups for parameter in group["params"])
