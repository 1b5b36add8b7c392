"""The loop that all one-shot trainers share: epochs, phases, steps, and where it stands."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tqdm import tqdm

from ..training.batches import Batch, read_batch
from ..training.guard import LossGuard
from . import _distributed as distributed
from ._callbacks import CallbackList
from ._data import Stream
from ._meters import AverageMeterGroup, Value
from ._options import Settings, device_of

logger = logging.getLogger(__name__)

_NOWHERE = "no batch yet"


@dataclass(frozen=True)
class Phase:
    """A part of an epoch: the same step, several times.

    Attributes:
        name: Of what the step does.
        step: Takes a batch of each stream; returns what to average: name -> number or tensor.
        streams: Where its batches come from.
        steps: How many.
    """

    name: str
    step: Callable[..., Mapping[str, Value]]
    streams: tuple[str, ...]
    steps: int


@dataclass
class Position:
    """The next step: of which epoch, phase and batch; and how many were done in all."""

    epoch: int = 0
    phase: int = 0
    step: int = 0
    total: int = 0


class Loop:
    """Runs phases; everything that it keeps is part of checkpoints."""

    def __init__(
        self, settings: Settings, streams: Mapping[str, Stream], callbacks: CallbackList
    ) -> None:
        self.position = Position()
        self.meters = AverageMeterGroup()
        self.guard = LossGuard()
        self.streams = dict(streams)
        self.callbacks = callbacks
        self.where = _NOWHERE
        self._settings = settings
        self._device = distributed.local_device(device_of(settings))

    @property
    def has_run(self) -> bool:
        """Whether steps were run here; a trainer may have a loop of its own."""
        return self.where != _NOWHERE

    def run_epoch(self, phases: Sequence[Phase]) -> dict[str, float]:
        """The rest of the present epoch; returns its averages."""
        position = self.position
        if position.phase == position.step == 0:
            self.meters = AverageMeterGroup()
            self.callbacks.on_epoch_begin(position.epoch)
        with self._bar(phases) as bar:
            while position.phase < len(phases):
                self._run_phase(phases[position.phase], bar)
                position.phase, position.step = position.phase + 1, 0
        self.guard.check()
        return self.meters.averages()

    def end_epoch(self) -> None:
        """Move on; a checkpoint written by a callback starts with the next epoch."""
        epoch = self.position.epoch
        self.position.epoch, self.position.phase, self.position.step = epoch + 1, 0, 0
        self.callbacks.on_epoch_end(epoch)

    def state_dict(self) -> dict[str, Any]:
        return {
            "position": asdict(self.position),
            "meters": self.meters.state_dict(),
            "callbacks": self.callbacks.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.position = Position(**state["position"])
        self.meters.load_state_dict(state["meters"])
        self.callbacks.load_state_dict(state["callbacks"])

    def _run_phase(self, phase: Phase, bar: Any) -> None:
        position = self.position
        while position.step < phase.steps:
            epoch, number = position.epoch, position.step
            self.where = f"epoch {epoch}, batch {number} of {phase.name}"
            batches = [self.next_batch(name) for name in phase.streams]
            self.callbacks.on_batch_begin(epoch, number)
            values = phase.step(*batches)
            self.meters.update(values, batches[0].size if batches else 1)
            position.step += 1
            position.total += 1
            self._report(bar, phase, number)
            self.callbacks.on_batch_end(epoch, number)

    def next_batch(self, stream: str) -> Batch:
        """The next batch of a stream, on the device."""
        return read_batch(self.streams[stream].next(), self._device, self._settings.unpack)

    def _report(self, bar: Any, phase: Phase, number: int) -> None:
        bar.update()
        every = self._settings.log_frequency
        if (number + 1) % (every or max(1, phase.steps // 10)):
            return
        self.guard.check()
        bar.set_postfix_str(self.meters.summary())
        if every and distributed.rank() == 0:
            steps = f"{number + 1}/{phase.steps}"
            logger.info("epoch %d, %s %s: %s", self.position.epoch, phase.name, steps, self.meters)

    def _bar(self, phases: Sequence[Phase]) -> Any:
        done = sum(phase.steps for phase in phases[: self.position.phase]) + self.position.step
        return tqdm(
            total=sum(phase.steps for phase in phases),
            initial=done,
            desc=f"epoch {self.position.epoch}",
            disable=not self._settings.progress or distributed.rank() > 0,
            leave=False,
        )
