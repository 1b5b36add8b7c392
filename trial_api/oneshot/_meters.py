"""Averages over an epoch that do not wait for the GPU until somebody reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any, Union

import torch
from torch import Tensor

from nas_tuners.contract.errors import TrainingError

Value = Union[float, Tensor]


class AverageMeter:
    """The last value, the sum, the count and the average of a series.

    Args:
        name: For printing.
        fmt: A format for the numbers.
    """

    def __init__(self, name: str, fmt: str = ":f") -> None:
        self.name = name
        self.fmt = fmt
        self.reset()

    def reset(self) -> None:
        self._last: Value = 0.0
        self._sum: Value = 0.0
        self.count = 0

    def update(self, val: Value, n: int = 1) -> None:
        """Add a value that stands for ``n`` samples."""
        self._last = _summable(val) if isinstance(val, Tensor) else val
        self._sum = self._sum + self._last * n
        self.count += n

    @property
    def val(self) -> float:
        return float(self._last)

    @property
    def sum(self) -> float:
        return float(self._sum)

    @property
    def avg(self) -> float:
        return self.sum / self.count if self.count else 0.0

    def __str__(self) -> str:
        return f"{self.name} {self._format(self.val)} ({self._format(self.avg)})"

    def summary(self) -> str:
        return f"{self.name}: {self._format(self.avg)}"

    def _format(self, number: float) -> str:
        return format(number, self.fmt.removeprefix(":"))


class AverageMeterGroup:
    """Meters by name, made as values come; ``group.loss`` and ``group["loss"]`` are the same."""

    def __init__(self) -> None:
        self.meters: dict[str, AverageMeter] = {}

    def update(self, data: Mapping[str, Value], n: int = 1) -> None:
        for name, value in data.items():
            if name not in self.meters:
                self.meters[name] = AverageMeter(name, ":.4f")
            self.meters[name].update(value, n)

    def averages(self) -> dict[str, float]:
        return {name: meter.avg for name, meter in self.meters.items()}

    def __getitem__(self, name: str) -> AverageMeter:
        return self.meters[name]

    def __getattr__(self, name: str) -> AverageMeter:
        try:
            return self.__dict__["meters"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"there is no meter {name!r}") from None

    def __iter__(self) -> Iterator[AverageMeter]:
        return iter(self.meters.values())

    def __str__(self) -> str:
        return "  ".join(map(str, self))

    def summary(self) -> str:
        return "  ".join(meter.summary() for meter in self)

    def state_dict(self) -> dict[str, Any]:
        return {name: [m._last, m._sum, m.count] for name, m in self.meters.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.meters = {}
        for name, (last, total, count) in state.items():
            meter = self.meters[name] = AverageMeter(name, ":.4f")
            meter._last, meter._sum, meter.count = last, total, count


def _summable(value: Tensor) -> Tensor:
    """Without a graph, and in a type whose sums do not stall as those of half precision."""
    return value.detach().to(torch.promote_types(value.dtype, torch.float32))


def read_metrics(given: Any, source: str = "the metrics function") -> dict[str, Value]:
    """What a metrics function returned: a dict of numbers, or a number.

    Raises:
        TrainingError: if it is anything else.
    """
    metrics = given if isinstance(given, Mapping) else {"metric": given}
    for name, value in metrics.items():
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number and not (isinstance(value, Tensor) and value.numel() == 1):
            is_tensor = isinstance(value, Tensor)
            got = f"a tensor of shape {tuple(value.shape)}" if is_tensor else repr(value)
            raise TrainingError(
                f"{source} must return a number or a dict of numbers, but {name!r} is {got}; "
                'return something like {"acc1": 0.93}'
            )
    return {
        name: value.detach().reshape(()).to(torch.get_default_dtype())
        if isinstance(value, Tensor)
        else float(value)
        for name, value in metrics.items()
    }
