"""Which GPUs a trial gets: a pure function of what is there and of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Literal, Union

from ..configuration.parts import GpuConfig
from .nvml import Gpu, GpuProcess

NEGLIGIBLE = 2**30
"""Bytes: other programs that use no more of a GPU together do not occupy it."""

Rule = Literal["absent", "indices", "unusable", "full", "occupied", "too few"]
_LASTING = ("absent", "indices", "unusable")  # time does not change them


@dataclass(frozen=True)
class Placement:
    """The GPUs of a trial, by number."""

    gpus: tuple[int, ...]


@dataclass(frozen=True)
class Blocked:
    """Why a trial does not get a GPU.

    Attributes:
        gpu: Its number.
        rule: The rule that keeps it.
        why: The same in words.
    """

    gpu: int
    rule: Rule
    why: str

    def __str__(self) -> str:
        return f"GPU {self.gpu}: {self.why}"


@dataclass(frozen=True)
class Refusal:
    """A trial cannot be placed.

    Attributes:
        blocked: A reason for every GPU.
        lasting: Whether waiting is in vain.
    """

    blocked: tuple[Blocked, ...]
    lasting: bool

    def __str__(self) -> str:
        return "\n".join(f"  - {blocked}" for blocked in self.blocked) or "  - there is no GPU"


def assign(
    gpus: Sequence[Gpu],
    rules: GpuConfig,
    *,
    held: Mapping[int, int],
    own: Set[int] = frozenset(),
    claimed: Set[int] = frozenset(),
) -> Union[Placement, Refusal]:
    """Choose the GPUs of the next trial: the least loaded, among equals those numbered lowest.

    The load of a GPU is the number of our trials there, and one more if others occupy it. They do
    if another run has claimed it, or if other programs use more than 1 GB together; those that
    draw on a screen do not count. In a container the programs outside it may not be seen, but the
    memory that they use is.

    Args:
        gpus: What is there.
        rules: ``per_trial`` is a whole number here.
        held: GPU -> number of our trials there.
        own: Process ids of our trials.
        claimed: The GPUs that other runs have claimed.
    """
    wanted = int(rules.per_trial)
    trials = {gpu.index: held.get(gpu.index, 0) for gpu in gpus}
    others = {gpu.index: _others(gpu, own=own, claimed=claimed) for gpu in gpus}
    blocks = {
        gpu.index: _blocked(gpu, rules, trials=trials[gpu.index], others=others[gpu.index])
        for gpu in gpus
    }
    loads = {
        index: trials[index] + bool(others[index])
        for index, block in blocks.items()
        if block is None
    }
    if len(loads) >= wanted:
        chosen = sorted(loads, key=lambda index: (loads[index], index))[:wanted]
        return Placement(tuple(sorted(chosen)))
    short = f"is free, but a trial needs {wanted} (gpus.per_trial) and {len(loads)} are free"
    reasons = [block or Blocked(index, "too few", short) for index, block in blocks.items()]
    usable = sum(reason.rule not in _LASTING for reason in reasons)
    return Refusal((*reasons, *absent(gpus, rules)), lasting=usable < wanted)


def absent(gpus: Sequence[Gpu], rules: GpuConfig) -> list[Blocked]:
    """The GPUs that the rules name and that are not there."""
    missing = sorted(set(rules.indices or ()) - {gpu.index for gpu in gpus})
    there = ", ".join(str(gpu.index) for gpu in gpus) or "none"
    why = f"is among gpus.indices, but not there (there: {there})"
    return [Blocked(index, "absent", why) for index in missing]


def seen_memory(gpu: Gpu) -> int:
    """Bytes in use by processes that can be seen."""
    return sum(process.memory for process in gpu.processes)


def _blocked(gpu: Gpu, rules: GpuConfig, *, trials: int, others: str) -> Blocked | None:
    if rules.indices is not None and gpu.index not in rules.indices:
        return Blocked(gpu.index, "indices", "is not among gpus.indices")
    if gpu.problem:
        return Blocked(gpu.index, "unusable", gpu.problem)
    if trials >= rules.trials_per_gpu:
        why = f"holds {trials} of {rules.trials_per_gpu} trials (gpus.trials_per_gpu)"
        return Blocked(gpu.index, "full", why)
    if others and not rules.use_occupied:
        why = f"{others}; set gpus.use_occupied: true to share it"
        return Blocked(gpu.index, "occupied", why)
    return None


def _others(gpu: Gpu, *, own: Set[int], claimed: Set[int]) -> str:
    """Who else occupies a GPU, in words; empty if nobody does."""
    foreign = [p for p in gpu.processes if not p.graphics and p.pid not in own]
    unseen = max(0, gpu.memory_used - seen_memory(gpu))
    if sum(process.memory for process in foreign) + unseen > NEGLIGIBLE:
        return _users(gpu, foreign, unseen)
    return "another run of nas-tuners uses it" if gpu.index in claimed else ""


def _users(gpu: Gpu, foreign: Sequence[GpuProcess], unseen: int) -> str:
    of = f" of {_gigabytes(gpu.memory_total)}" if gpu.memory_total else ""
    users = [
        f"{process.name} (pid {process.pid}) uses {_gigabytes(process.memory)}{of}"
        for process in foreign
        if process.memory
    ]
    if unseen > NEGLIGIBLE:
        users.append(f"programs that cannot be seen from here use {_gigabytes(unseen)}{of}")
    return ", ".join(users)


def _gigabytes(size: int) -> str:
    return f"{round(size / 2**30, 1):g} GB"
