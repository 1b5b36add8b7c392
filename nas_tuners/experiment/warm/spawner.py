"""Trials that are forked from a process that has imported what they need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import final

from nas_tuners.contract.errors import ExperimentError

from ..local.processes import Watchdog
from ..local.spawners import TrialProcess, mark_of
from ..local.watchdog import kill_marked
from .process import ImportPlan, ServerProcess
from .target import WarmTarget

_logger = logging.getLogger(__name__)

_KILLS = 3  # of servers that are importing, before what they import is blamed


@final
class WarmSpawner:
    """Forks each trial's process from a server that has imported what trials import.

    A server that dies takes its trials along, which end as lost; the next trial gets a new server.

    Args:
        target: What trials run.
        cwd: Where they run.
        environment: That of the server; each trial brings its own.
        log: Where goes what is printed while importing.
        watchdog: Is told of every process before it runs.
        ended: Is called with a trial's number once its process has ended, from another thread.
        wake: Is called, from another thread, when the server is ready.
    """

    def __init__(
        self,
        target: WarmTarget,
        *,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path,
        watchdog: Watchdog,
        ended: Callable[[int], None],
        wake: Callable[[], None],
    ) -> None:
        self._target, self._cwd, self._log = target, cwd, log
        self._environment = dict(environment)
        self._watchdog, self._ended, self._wake = watchdog, ended, wake
        self._plan = ImportPlan()
        self._kills_in_a_row = 0
        self._server = self._start()

    def ready(self) -> bool:
        """Whether the server can fork now; a new one is started if it is gone.

        Raises:
            ExperimentError: if a server cannot be started.
        """
        if self._server.is_gone:
            self._replace()
        return self._server.is_ready

    def spawn(self, number: int, *, folder: Path, environment: Mapping[str, str]) -> TrialProcess:
        while not self.ready():
            self._server.changed.wait()
        return self._server.spawn(number, folder=folder, environment=environment)

    def clean(self, process: TrialProcess, *, folder: Path) -> None:
        if process.lost:
            kill_marked(mark_of(folder))  # the server that could find the others is gone
        elif process.pid is not None:
            self._server.say({"clean": process.pid})

    def close(self) -> None:
        self._server.close()

    def _start(self) -> ServerProcess:
        return ServerProcess(
            self._target,
            self._plan,
            cwd=self._cwd,
            environment=self._environment,
            log=self._log,
            watchdog=self._watchdog,
            ended=self._ended,
            wake=self._wake,
        )

    def _replace(self) -> None:
        server = self._server
        server.close()
        self._kills_in_a_row = 0 if server.is_ready_once else self._kills_in_a_row + 1
        by_chance = server.was_killed and self._kills_in_a_row <= _KILLS
        if server.is_ready_once or by_chance:
            _logger.warning("the process that trials were forked from is gone; a new one starts")
        else:
            self._plan = _without_the_culprit(self._plan, server, self._log)
        self._server = self._start()


def _without_the_culprit(plan: ImportPlan, server: ServerProcess, log: Path) -> ImportPlan:
    """What to import in place of a plan whose server did not get ready."""
    unsafe = server.unsafe
    if unsafe is not None and unsafe["brought"]:
        return ImportPlan((*plan.first, *unsafe["brought"]), plan.without)
    if unsafe is not None:
        statement, why = unsafe["statement"], f"it {unsafe['why']}"
    else:
        statement, why = server.importing, "it ends the process"
    if not statement or statement in plan.without:
        raise ExperimentError(
            f"the process that trials are forked from cannot start; see {log}, "
            "or run trials as processes of their own (`warm: false`)"
        )
    _logger.warning(
        "`%s` cannot be done before trials are forked, because %s; each trial does it anew",
        statement,
        why,
    )
    return ImportPlan(plan.first, (*plan.without, statement))
