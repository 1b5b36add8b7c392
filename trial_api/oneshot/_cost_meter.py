"""What a call of a module costs: FLOPs, parameters or latency."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import torch
from torch import nn

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from ..profiling._calls import Call, tensors_in
from ..profiling._flops import count_flops
from ..profiling._timing import check_clock, run_times

Measure = Literal["flops", "parameters", "latency"]


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
        if self.measure == "latency":
            check_clock(device)

    def cost(self, module: nn.Module, calls: Sequence[Call]) -> float:
        """Of all the calls together; parameters count once, called or not."""
        if self.measure == "parameters":
            return float(sum(parameter.numel() for parameter in module.parameters()))
        return float(sum(self._cost_of_call(module, call) for call in calls))

    def _cost_of_call(self, module: nn.Module, call: Call) -> float:
        run = partial(module, *call.args, **call.kwargs)
        if self.measure == "flops":
            return count_flops(run)
        used = tensors_in([*module.parameters(), *call.args, *call.kwargs.values()])
        gpus = [tensor.device for tensor in used if tensor.is_cuda]
        device = gpus[0] if gpus else torch.device("cpu")
        warmup = 3 + self.repeats // 10
        times = run_times(run, device=device, warmup=warmup, repeats=self.repeats)
        return statistics.median(times)
