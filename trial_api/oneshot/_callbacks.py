"""What happens at the edges of epochs and batches."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import nn

from nas_tuners.contract.errors import ConfigError

if TYPE_CHECKING:
    from ..mutators import BaseMutator
    from ._base import BaseTrainer

logger = logging.getLogger(__name__)


class Callback:
    """Base of callbacks; every method does nothing until it is overridden.

    Attributes:
        model, mutator, trainer: Set before training begins.
    """

    model: nn.Module
    mutator: BaseMutator
    trainer: BaseTrainer

    def build(self, model: nn.Module, mutator: BaseMutator, trainer: BaseTrainer) -> None:
        self.model, self.mutator, self.trainer = model, mutator, trainer

    def on_epoch_begin(self, epoch: int) -> None: ...

    def on_epoch_end(self, epoch: int) -> None: ...

    def on_batch_begin(self, epoch: int, batch: int) -> None: ...

    def on_batch_end(self, epoch: int, batch: int) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep, as numbers, strings, tensors and containers of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class LRSchedulerCallback(Callback):
    """Steps a learning-rate scheduler.

    Args:
        scheduler: Of ``torch.optim.lr_scheduler``.
        mode: After each ``"epoch"`` or each ``"batch"``.
    """

    def __init__(self, scheduler: Any, mode: Literal["epoch", "batch"] = "epoch") -> None:
        if mode not in ("epoch", "batch"):
            raise ConfigError(f"`mode` must be 'epoch' or 'batch', but got {mode!r}")
        self.scheduler = scheduler
        self.mode = mode

    def on_epoch_end(self, epoch: int) -> None:
        if self.mode == "epoch":
            self.scheduler.step()

    def on_batch_end(self, epoch: int, batch: int) -> None:
        if self.mode == "batch":
            self.scheduler.step()

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = self.scheduler.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.scheduler.load_state_dict(dict(state))


class ArchitectureCheckpoint(Callback):
    """Exports the architecture after each epoch, as ``epoch_<n>.json``.

    Args:
        checkpoint_dir: A folder; it is made when needed.
    """

    def __init__(self, checkpoint_dir: str | Path) -> None:
        self.folder = Path(checkpoint_dir)

    def on_epoch_end(self, epoch: int) -> None:
        self.trainer.export(self.folder / f"epoch_{epoch}.json")


class ModelCheckpoint(Callback):
    """Writes everything that ``trainer.resume`` needs, as ``epoch_<n>.pt``; it runs last.

    Args:
        checkpoint_dir: A folder; it is made when needed.
        every: Epochs between two files.
        every_batches: Also write ``latest.pt`` after every so many batches of an epoch.
    """

    def __init__(
        self, checkpoint_dir: str | Path, *, every: int = 1, every_batches: int | None = None
    ) -> None:
        self.folder = Path(checkpoint_dir)
        self.every = every
        self.every_batches = every_batches

    def on_epoch_end(self, epoch: int) -> None:
        if (epoch + 1) % self.every == 0:
            self.trainer.checkpoint(self.folder / f"epoch_{epoch}.pt")

    def on_batch_end(self, epoch: int, batch: int) -> None:
        if self.every_batches and (batch + 1) % self.every_batches == 0:
            self.trainer.checkpoint(self.folder / "latest.pt")


class CallbackList:
    """Callbacks in order; those that write checkpoints come last, when the others have acted."""

    def __init__(self, callbacks: list[Callback]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise ConfigError(
                    f"expected objects of a subclass of Callback, but got {callback!r}",
                    "callbacks",
                )
        self.callbacks = sorted(callbacks, key=lambda one: isinstance(one, ModelCheckpoint))

    def build(self, model: nn.Module, mutator: BaseMutator, trainer: BaseTrainer) -> None:
        for callback in self.callbacks:
            callback.build(model, mutator, trainer)

    def on_epoch_begin(self, epoch: int) -> None:
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch)

    def on_epoch_end(self, epoch: int) -> None:
        for callback in self.callbacks:
            callback.on_epoch_end(epoch)

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        for callback in self.callbacks:
            callback.on_batch_begin(epoch, batch)

    def on_batch_end(self, epoch: int, batch: int) -> None:
        for callback in self.callbacks:
            callback.on_batch_end(epoch, batch)

    def state_dict(self) -> dict[str, Any]:
        return {name: callback.state_dict() for name, callback in self._named().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        named = self._named()
        own = {name for name, callback in named.items() if callback.state_dict()}
        before = {name for name, one in state.items() if one}
        if own != before:
            logger.warning(
                "the callbacks with a state were %s and are %s now; what is new begins anew",
                sorted(before),
                sorted(own),
            )
        for name, callback in named.items():
            callback.load_state_dict(state.get(name, {}))

    def _named(self) -> dict[str, Callback]:
        """By class and number, so that a resumed search may have callbacks of other classes."""
        named: dict[str, Callback] = {}
        seen: Counter[str] = Counter()
        for callback in self.callbacks:
            kind = type(callback).__name__
            named[f"{kind} {seen[kind]}"] = callback
            seen[kind] += 1
        return named
