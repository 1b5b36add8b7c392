"""How long a run of a network takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from nas_tuners.contract.errors import ConfigError, Problem

from ._calls import call_on, device_of
from ._profile import InputSize, model_on
from ._running import evaluating, naming_the_module, refuse_lazy
from ._timing import check_clock, run_times


@dataclass(frozen=True)
class Latency:
    """How long runs took, in milliseconds.

    Attributes:
        times: Of each run, in their order.
        device: Where.

    Example::

        latency = measure_latency(model, input_size=(1, 3, 224, 224))
        latency.median, latency.p95  # (12.1, 12.9)
    """

    times: tuple[float, ...] = field(repr=False)
    device: str

    @property
    def n(self) -> int:
        """How many runs."""
        return len(self.times)

    @property
    def mean(self) -> float:
        return math.fsum(self.times) / len(self.times)

    @property
    def median(self) -> float:
        return self.percentile(50)

    @property
    def p90(self) -> float:
        return self.percentile(90)

    @property
    def p95(self) -> float:
        return self.percentile(95)

    @property
    def p99(self) -> float:
        return self.percentile(99)

    def percentile(self, q: float) -> float:
        """The time below which ``q`` percent of the runs lie, interpolated linearly.

        Definition 7 of Hyndman and Fan, Sample Quantiles in Statistical Packages, The American
        Statistician, 1996; the default of NumPy.

        Raises:
            ValueError: unless ``0 <= q <= 100``.
        """
        if not 0 <= q <= 100:
            raise ValueError(f"`0 <= q <= 100` must hold, but got (q={q})")
        ordered = sorted(self.times)
        below, share = divmod(q / 100 * (len(ordered) - 1), 1)
        low, high = ordered[int(below)], ordered[math.ceil(below + share)]
        return low + share * (high - low)

    def __str__(self) -> str:
        return f"{self.median:.3g} ms (median of {self.n} on {self.device}; p95 {self.p95:.3g} ms)"


def measure_latency(
    model: nn.Module,
    inputs: Any = None,
    *,
    input_size: InputSize | None = None,
    device: torch.device | str | None = None,
    warmup: int = 10,
    repeats: int = 50,
    threads: int | None = None,
    autocast: torch.dtype | None = None,
) -> Latency:
    """Measure how long a network takes, in evaluation and inference mode.

    On a GPU times are those between CUDA events, and the host waits once, for the last run; on a
    CPU they are those of the host's clock. A compiled model is measured compiled. The model, the
    inputs and the random states are left as they are.

    Args:
        model: The network, with its architecture applied.
        inputs: As for :func:`profile`. The batch size matters.
        input_size: As for :func:`profile`; the numbers are random.
        device: Where; a copy of the model goes there. None: where the model is.
        warmup: Runs before the first that counts.
        repeats: Runs that count.
        threads: Of PyTorch on the CPU; None: as many as are set.
        autocast: The type of numbers in which a trained network will run, such as
            ``torch.bfloat16``; None: its own.

    Raises:
        ConfigError: naming the arguments that are wrong, or a device without a clock.
        ProfilingError: naming the module that failed.

    Example::

        latency = measure_latency(model, input_size=(1, 3, 224, 224), threads=1)
        report_final_result({"default": accuracy, "latency": latency.median})
    """
    _check(warmup=(warmup, 0), repeats=(repeats, 1), threads=(threads, 1))
    refuse_lazy(model)
    where = device_of(model, inputs) if device is None else torch.device(device)
    check_clock(where)
    call = call_on(where, model, inputs, input_size)
    with naming_the_module(model):
        network = model_on(where, model)
    with (
        evaluating(network),
        naming_the_module(network),
        torch.inference_mode(),
        torch.autocast(where.type, dtype=autocast, enabled=autocast is not None),
        _threads(threads),
    ):
        run = partial(network, *call.args, **call.kwargs)
        times = run_times(run, device=where, warmup=warmup, repeats=repeats)
    return Latency(tuple(times), str(where))


def _check(**numbers: tuple[int | None, int]) -> None:
    problems = [
        Problem(name, f"must be a whole number >= {least}, but got {number!r}")
        for name, (number, least) in numbers.items()
        if number is not None
        if isinstance(number, bool) or not isinstance(number, int) or number < least
    ]
    if problems:
        raise ConfigError(problems)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
