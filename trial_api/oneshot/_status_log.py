"""The record of a search that the viewer shows: a folder with ``graph.json`` and ``log``."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from nas_tuners.contract.choices_log import (
    GRAPH_FILE,
    LOG_FILE,
    ChoicesLog,
    Kind,
    Status,
)
from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.json_files import write_text

logger = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between two looks at what is on a GPU


class StatusLog:
    """Writes down a supernet, and now and then what its mutator thinks of the candidates.

    Once there is a folder nothing raises: a search must not end because its record does.

    Args:
        folder: Where; it is made. None is a new ``logs/<time>`` in the working directory.
        device: Where the numbers are that are recorded.
        clock: Seconds that never go back.

    Attributes:
        folder: Where.

    Raises:
        ConfigError: if the folder cannot be made, or not be written to.
    """

    def __init__(
        self,
        folder: str | Path | None,
        *,
        device: torch.device | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_gpu = device is not None and device.type == "cuda"
        self._device = device
        self._warned = False
        try:
            self.folder = _new_folder() if folder is None else Path(folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            pause = _PAUSE if self._on_gpu else 0.0
            self._log = ChoicesLog(self.folder / LOG_FILE, clock=clock, pause=pause)
        except OSError as error:
            raise ConfigError(_unusable(error), "logdir") from error

    @property
    def next_step(self) -> int:
        """The one after the last."""
        return self._log.last_step + 1

    def is_time(self) -> bool:
        """Whether a record of a new step may be due; to ask costs next to nothing."""
        return self._log.is_time()

    def write_graph(self, record: Callable[[], Mapping[str, Any]]) -> None:
        """Write what a function records, whose failure is a warning.

        Raises:
            ConfigError: if it cannot be written.
        """
        try:
            graph = record()
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            logger.warning("the graph of the supernet is not recorded: %s", what)
            logger.debug("where that was", exc_info=True)
            return
        try:
            write_text(self.folder / GRAPH_FILE, json.dumps(graph, separators=(",", ":")) + "\n")
        except OSError as error:
            raise ConfigError(_unusable(error), "logdir") from error

    def record(
        self,
        read: Callable[[], tuple[Kind, Status]],
        *,
        step: int,
        epoch: int,
        always: bool = False,
    ) -> None:
        """Write a record if one is due, or ``always``; ``read`` is not called if none is."""
        if not (always or self._log.is_due(step)):
            return
        if self._on_gpu:  # what is waited for would have to be computed anyway
            torch.cuda.current_stream(self._device).synchronize()
        try:
            self._log.record(step, read, epoch=epoch, always=True)
        except Exception as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            what = f"{type(error).__name__}: {error}; training goes on"
            logger.warning("choices are not recorded in %s: %s", self.folder, what)
            logger.debug("where that was", exc_info=True)
        self._warned = True


def _new_folder() -> Path:
    """A folder of this moment, which no other search has."""
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    folder, number = Path("logs") / name, 1
    while True:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            if Path("logs").exists() and not Path("logs").is_dir():
                raise
            number += 1
            folder = Path("logs") / f"{name}-{number}"


def _unusable(error: OSError) -> str:
    return f"what is recorded cannot be written: {error}; give a folder that can be written to"
