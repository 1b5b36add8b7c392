"""What a search tells the viewer: its supernet, and what its mutator thinks of the candidates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from nas_tuners.contract.architecture import vector_of
from nas_tuners.contract.choices_log import Kind, Status

from ..graph._record import record_modules
from ..mutators import Mutator, Selection
from ..mutators._random import selections_of
from ..training.batches import Batch
from . import _distributed as distributed
from ._loop import Loop
from ._status_log import StatusLog

logger = logging.getLogger(__name__)

_SAMPLES = 2


@final
class Recording:
    """What a trainer records of its search: nothing until there is a log, which one process has.

    Args:
        mutator: Whose model and decisions.
        loop: Knows the step.

    Attributes:
        log: Where this process records; None if it does not.
    """

    def __init__(self, mutator: Mutator, loop: Loop) -> None:
        self._mutator, self._loop = mutator, loop
        self.log: StatusLog | None = None

    @property
    def folder(self) -> Path | None:
        return None if self.log is None else self.log.folder

    def begin(self, folder: str | Path | None, device: torch.device) -> None:
        """Record from now on.

        Args:
            folder: See :class:`StatusLog`.
            device: Where the search trains.
        """
        self.log = StatusLog(folder, device=None if self._mutator.stays_on_host else device)

    def write_graph(
        self, record: Callable[[Any], Mapping[str, Any]], batches: Iterable[Batch]
    ) -> None:
        """Write the graph that a function records with inputs of the model.

        Args:
            record: Records it.
            batches: One, which may fail to be read.
        """
        assert self.log is not None, "begun before"
        self.log.write_graph(lambda: self._graph(record, batches))

    def write_step(self, kind: Kind | None = None) -> None:
        """Record the present decision if a record is due.

        Args:
            kind: What the status of the mutator is. If None, it is recorded what the mutator
                prefers, where it knows, else what it has drawn.
        """
        if self.log is not None and self.log.is_time():
            self.log.record(
                lambda: self._present(kind),
                step=self._step(self.log),
                epoch=self._loop.position.epoch,
            )

    def write_epoch(self) -> None:
        """What the last step of an epoch has come to."""
        if self.log is not None:
            position = self._loop.position
            self.log.record(
                lambda: self._present(None),
                step=max(0, position.total - 1),
                epoch=position.epoch,
                always=True,
            )

    def write_final(self, decide: Callable[[], Mapping[str, Selection]]) -> None:
        """What would be exported; every process must take part in judging it."""
        if not any(distributed.gather(self.log is not None)):
            return
        try:
            decision = decide()
        except Exception as error:  # of whatever is judged; nothing that was trained may be lost
            logger.warning("the final architecture is not recorded: %s", error)
            return
        if self.log is not None:
            self.log.record(
                lambda: ("final", final_status(self._mutator, decision)),
                step=self._step(self.log),
                epoch=max(0, self._loop.position.epoch - 1),
                always=True,
            )

    def _graph(
        self, record: Callable[[Any], Mapping[str, Any]], batches: Iterable[Batch]
    ) -> Mapping[str, Any]:
        """What a function records; the modules alone where nothing is known to record it with."""
        try:
            (batch,) = batches
            return record(graph_inputs(batch))
        except Exception as error:
            logger.debug("no graph with a batch of the training data", exc_info=True)
            (reason, *_) = str(error).splitlines() or [""]
            return record_modules(self._mutator.model, f"{type(error).__name__}: {reason}")

    def _present(self, kind: Kind | None) -> tuple[Kind, Status]:
        return present_status(self._mutator) if kind is None else (kind, self._mutator.status())

    def _step(self, log: StatusLog) -> int:
        """How many were done; a trainer with a loop of its own has a step each time."""
        total = self._loop.position.total
        return total if total or self._loop.has_run else log.next_step


def present_status(mutator: Mutator) -> tuple[Kind, Status]:
    """What a search thinks of each candidate; where that is not known, what it has drawn."""
    preferences = mutator.preferences()
    if preferences is not None:
        return "probability", preferences
    status = mutator.status()
    mixes = any(not isinstance(entry, bool) for row in status.values() for entry in row)
    return ("probability" if mixes else "sample"), status


def final_status(mutator: Mutator, decision: Mapping[str, Selection]) -> Status:
    """An architecture that a search has come to: 1 for each candidate that it chooses."""
    space = mutator.search_space
    chosen = selections_of(space, vector_of(space, mutator._indices_of(decision)))
    return {
        key: [int(index in one.indices) for index in range(one.length)]
        for key, one in chosen.items()
    }


def graph_inputs(batch: Batch) -> Any:
    """What a model is called with for its graph: a few samples of a batch."""
    inputs = _few(batch.kwargs if batch.kwargs else batch.args, batch.size)
    return inputs if isinstance(inputs, Mapping) else tuple(inputs)


def _few(value: Any, size: int) -> Any:
    if isinstance(value, Tensor):
        return value[:_SAMPLES] if value.dim() and len(value) == size else value
    if isinstance(value, Mapping):
        return {key: _few(item, size) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_few(item, size) for item in value)
    return value
