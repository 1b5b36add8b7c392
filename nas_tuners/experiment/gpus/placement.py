"""The GPUs that the trials of a run hold."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from pathlib import Path

from nas_tuners.contract.errors import ConfigError, ExperimentError, Problem

from ..configuration.parts import GpuConfig
from .claims import GpuClaims
from .nvml import VISIBLE_DEVICES, Gpu, read_gpus
from .rules import Placement, Refusal, absent, assign, seen_memory

_logger = logging.getLogger(__name__)

_SNAPSHOT_AGE = 1.0  # seconds


class GpuPlacement:
    """Gives trials their GPUs, and takes them back.

    Ask for :meth:`room`, then :meth:`take`; tell of the trial's process with
    :meth:`note_process`, lest it be taken for somebody else's, :meth:`give_back` at its end, and
    :meth:`close` when the run is over.

    Args:
        config: The rules.
        read: Tells which GPUs there are, and what runs on them.
        clock: Seconds, always rising.

    Raises:
        ConfigError: if a trial is to get a part of a GPU.
    """

    def __init__(
        self,
        config: GpuConfig,
        *,
        read: Callable[[], Sequence[Gpu]] = read_gpus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_whole(config)
        self._rules, self._read, self._clock = config, read, clock
        self._held: dict[int, tuple[int, ...]] = {}
        self._processes: dict[int, int] = {}
        self._gpus: Sequence[Gpu] = ()
        self._own: Set[int] = frozenset()
        self._claims = GpuClaims()
        self._claimed: Set[int] = frozenset()  # by other runs
        self._read_at = -math.inf
        self._waiting_since: float | None = None
        self._said: set[str] = set()
        self._waits = ("", "")  # for what: the rules that keep each GPU, and all of it in words

    def room(self, *, running: bool) -> bool:
        """Whether a trial can be placed now; the log says why not, once for each new reason.

        Args:
            running: Whether any trial of this run is running, with or without a GPU.

        Raises:
            ExperimentError: if none runs and none can be placed, be it that the rules do not
                allow it, that it has been so for ``patience`` seconds, or that the GPUs cannot
                be read.
        """
        if not self._rules.per_trial:
            return True
        if not self._look(running=running):
            return False
        answer = self._claim()
        if isinstance(answer, Placement):
            self._end_waiting()
            return True
        self._explain(answer)
        self._wait(answer, running=running)
        return False

    def waits_for(self) -> str:
        """What keeps trials waiting that does not come from this run; empty if nothing does."""
        return self._waits[1]

    def take(self, number: int) -> dict[str, str]:
        """Give a trial its GPUs: the variables that make it see these and no others.

        Raises:
            ExperimentError: if there is no :meth:`room`.
        """
        assert number not in self._held, f"trial {number} has its GPUs"
        answer = self._assign() if self._rules.per_trial else Placement(())
        if isinstance(answer, Refusal):
            raise ExperimentError(f"trial {number} cannot be given a GPU:\n{answer}")
        self._held[number] = answer.gpus
        if answer.gpus:
            _logger.info("trial %d runs on GPU %s", number, ", ".join(map(str, answer.gpus)))
        visible = ",".join(map(str, answer.gpus))
        # CUDA's own order is by speed; the numbers here are those of the PCI bus.
        return {VISIBLE_DEVICES: visible, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

    def note_process(self, number: int, pid: int) -> None:
        """Tell of the process in which a trial runs; what that starts belongs to it."""
        self._processes[number] = pid

    def give_back(self, number: int) -> None:
        """The trial has ended, or did not start; one that holds nothing may be named too."""
        self._held.pop(number, None)
        self._processes.pop(number, None)
        self._keep_claims()

    def close(self) -> None:
        """Let other runs have the GPUs."""
        self._held.clear()
        self._keep_claims()

    def _claim(self) -> Placement | Refusal:
        """A placement on GPUs that no other run has claimed, or that may be shared with it."""
        self._keep_claims()
        self._claimed = frozenset()
        uuids = {gpu.index: gpu.uuid for gpu in self._gpus}
        while isinstance(answer := self._assign(), Placement):
            lost = {index for index in answer.gpus if not self._claims.claim(uuids[index])}
            if lost <= self._claimed:
                return answer
            self._claimed |= lost
        self._keep_claims()
        return answer

    def _keep_claims(self) -> None:
        held = self._trials_on()
        self._claims.keep([gpu.uuid for gpu in self._gpus if gpu.index in held])

    def _assign(self) -> Placement | Refusal:
        return assign(
            self._gpus,
            self._rules,
            held=self._trials_on(),
            own=self._own,
            claimed=self._claimed,
        )

    def _trials_on(self) -> Counter[int]:
        return Counter(gpu for gpus in self._held.values() for gpu in gpus)

    def _look(self, *, running: bool) -> bool:
        """See that the snapshot is recent; False if there is none and trials still run."""
        now = self._clock()
        if now - self._read_at < _SNAPSHOT_AGE:
            return True
        try:
            gpus = self._read()
        except ExperimentError as error:
            if not running:
                raise
            self._say("unreadable", logging.WARNING, f"no trial is started: {error}")
            return False
        self._read_at = now
        held = self._trials_on()
        self._own = own_processes(gpus, set(self._processes.values()), held)
        self._gpus = [_without_unseen(gpu) if held[gpu.index] else gpu for gpu in gpus]
        missing = absent(self._gpus, self._rules)
        if missing and not running:
            raise ExperimentError("; ".join(map(str, missing)))
        return True

    def _explain(self, refusal: Refusal) -> None:
        by_others = any(blocked.rule == "occupied" for blocked in refusal.blocked)
        # Not the words: amounts of memory change all the time.
        key = " ".join(f"{blocked.gpu} {blocked.rule}" for blocked in refusal.blocked)
        level = logging.WARNING if by_others else logging.INFO
        self._say(key, level, f"no GPU for another trial now:\n{refusal}")

    def _say(self, key: str, level: int, text: str) -> None:
        if key not in self._said:
            self._said.add(key)
            _logger.log(level, "%s", text)
        if key != self._waits[0]:
            self._waits = (key, text if level >= logging.WARNING else "")

    def _end_waiting(self) -> None:
        """What has kept the whole run waiting is gone, and is told of again should it come back.

        What keeps a part of it waiting, while other trials run, may still be there.
        """
        if self._waiting_since is not None:
            self._said = {said for said in self._said if "occupied" not in said}
            self._waits = ("", "")
        self._waiting_since = None

    def _wait(self, refusal: Refusal, *, running: bool) -> None:
        """Raise if that is no use."""
        if running:
            self._waiting_since = None
            return
        if refusal.lasting:
            raise ExperimentError(
                f"no trial can ever be given its GPUs (gpus.per_trial: "
                f"{self._rules.per_trial:g}):\n{refusal}\nchange `gpus` in the configuration"
            )
        now = self._clock()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        if now - self._waiting_since >= self._rules.patience:
            raise ExperimentError(
                f"no trial could be given its GPUs for {self._rules.patience:g} s "
                f"(gpus.patience):\n{refusal}\nresume the run when they are free, or change "
                "`gpus` in the configuration"
            )


def own_processes(gpus: Sequence[Gpu], roots: Set[int], held: Counter[int]) -> frozenset[int]:
    """The processes on GPUs that belong to our trials.

    In a container the driver may give the ids that processes have outside it. One that cannot be
    found here is taken for ours if the GPU holds a trial of ours.

    Args:
        gpus: What is there.
        roots: Process ids of the trials.
        held: GPU -> number of our trials there.
    """
    return frozenset(
        process.pid
        for gpu in gpus
        for process in gpu.processes
        if _belongs(process.pid, roots) or (held[gpu.index] and _relatives(process.pid) is None)
    )


def _without_unseen(gpu: Gpu) -> Gpu:
    """A GPU less the memory that no process seems to use; it may be our own trials'."""
    return replace(gpu, memory_used=min(gpu.memory_used, seen_memory(gpu)))


def _belongs(pid: int, roots: Set[int]) -> bool:
    """Whether a process, its group, its session or any process above it is one of the roots."""
    while pid not in roots:
        relatives = _relatives(pid)
        if relatives is None:
            return False
        parent, group, session = relatives
        if group in roots or session in roots:
            return True
        pid = parent
    return True


def _relatives(pid: int) -> tuple[int, int, int] | None:
    """Parent, group and session of a process; None if it cannot be seen."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    _state, parent, group, session = stat.rpartition(")")[2].split()[:4]
    return int(parent), int(group), int(session)


def _check_whole(config: GpuConfig) -> None:
    if config.per_trial != int(config.per_trial):
        advice = (
            f"{config.per_trial:g}: a trial on this machine gets whole GPUs; for several trials "
            "on one GPU set gpus.trials_per_gpu, or use `launcher: ray`"
        )
        raise ConfigError([Problem("gpus.per_trial", advice)])
