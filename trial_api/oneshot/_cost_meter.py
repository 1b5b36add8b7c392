"""What a call of a module costs: FLOPs, parameters or latency."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

Measure = Literal["flops", "parameters", "latency"]


class Call(NamedTuple):
    """A call of a module, and what it returned."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = None


@dataclass(frozen=True)
class Meter:
    """One measure.

    Raises:
        ConfigError: if it is none, or does not run at least once.
    """

    measure: Measure
    repeats: int

    def __post_init__(self) -> None:
        known = get_args(Measure)
        problems = []
        if self.measure not in known:
            hint = did_you_mean(self.measure, known)
            rule = f"must be one of {', '.join(known)}"
            problems.append(Problem("measure", f"{rule}, but got {self.measure!r}{hint}"))
        if self.repeats < 1:
            problems.append(Problem("repeats", f"must be >= 1, but got {self.repeats!r}"))
        if problems:
            raise ConfigError(problems)

    def check_device(self, device: torch.device) -> None:
        """Refuse devices whose clock we cannot read.

        Raises:
            ConfigError: for a latency on another device than a CPU or a GPU with CUDA.
        """
        if self.measure == "latency" and device.type not in ("cpu", "cuda"):
            raise ConfigError(f"latency is measured on cpu and cuda, but got a tensor on {device}")

    def cost(self, module: nn.Module, calls: Sequence[Call]) -> float:
        """Of all the calls together; parameters count once, called or not."""
        if self.measure == "parameters":
            return float(sum(parameter.numel() for parameter in module.parameters()))
        return float(sum(self._cost_of_call(module, call) for call in calls))

    def _cost_of_call(self, module: nn.Module, call: Call) -> float:
        run = partial(module, *call.args, **call.kwargs)
        if self.measure == "flops":
            return _flops(run)
        used = tensors_in([*module.parameters(), *call.args, *call.kwargs.values()])
        gpus = [tensor.device for tensor in used if tensor.is_cuda]
        times = _gpu_times(run, self.repeats, gpus[0]) if gpus else _host_times(run, self.repeats)
        return statistics.median(times)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for entry in value:
            yield from tensors_in(entry)
    elif isinstance(value, Mapping):
        yield from tensors_in(list(value.values()))


def _flops(run: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def _host_times(
    run: Callable[[], Any], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Milliseconds of each run by a clock of seconds, after some runs to warm up."""
    _warm_up(run, repeats)
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(1e3 * (clock() - start))
    return times


def _gpu_times(run: Callable[[], Any], repeats: int, device: torch.device) -> list[float]:
    """Milliseconds between events around each run; the host waits once, for the last."""
    with torch.cuda.device(device):
        _warm_up(run, repeats)
        starts = [_event() for _ in range(repeats)]
        ends = [_event() for _ in range(repeats)]
        for start, end in zip(starts, ends, strict=True):
            start.record()
            run()
            end.record()
        torch.cuda.synchronize()
    return [start.elapsed_time(end) for start, end in zip(starts, ends, strict=True)]


def _event() -> torch.cuda.Event:
    return torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]


def _warm_up(run: Callable[[], Any], repeats: int) -> None:
    for _ in range(3 + repeats // 10):
        run()
