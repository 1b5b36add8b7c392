"""How long runs take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

from nas_tuners.contract.errors import ConfigError

Run = Callable[[], Any]


def check_clock(device: torch.device) -> None:
    """Refuse devices whose clock we cannot read.

    Raises:
        ConfigError: for another device than a CPU or a GPU with CUDA.
    """
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"latency is measured on cpu and cuda, but got a tensor on {device}")


def run_times(run: Run, *, device: torch.device, warmup: int, repeats: int) -> list[float]:
    """Milliseconds of each run, after some to warm up."""
    if device.type != "cuda":
        _warm_up(run, warmup)
        return host_times(run, repeats)
    with torch.cuda.device(device):
        _warm_up(run, warmup)
        return gpu_times(run, repeats)


def host_times(
    run: Run, repeats: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of each run by a clock of seconds."""
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(1e3 * (clock() - start))
    return times


def gpu_times(run: Run, repeats: int) -> list[float]:
    """Milliseconds between events around each run; the host waits once, for the last."""
    starts = [_event() for _ in range(repeats)]
    ends = [_event() for _ in range(repeats)]
    for start, end in zip(starts, ends, strict=True):
        start.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return [start.elapsed_time(end) for start, end in zip(starts, ends, strict=True)]


def _warm_up(run: Run, times: int) -> None:
    for _ in range(times):
        run()


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
