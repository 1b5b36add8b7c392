"""How the built-in evaluators train, as users say it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Union

import torch
from torch import Tensor
from torch.optim import Optimizer

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean
from nas_tuners.contract.space_json import Number, ValueChoice

OptimizerMaker = Callable[..., Optimizer]


@dataclass(frozen=True)
class Training:
    """How a model is trained.

    Attributes:
        optimizer: A class such as ``torch.optim.SGD``, or a function or ``functools.partial`` of
            the parameters, ``lr`` and ``weight_decay``; or the name of a class of ``torch.optim``.
        learning_rate: Its ``lr``.
        weight_decay: Its ``weight_decay``, which is not passed if it is 0.
        batch_size: Of data sets and arrays; loaders have their own.
        max_epochs: How often it sees the training data. Under an experiment with a ``budget``,
            the budget counts instead.
        grad_clip: Largest norm of the gradient; None does not clip.
        aux_weight: Weight of the loss of auxiliary logits, for models that give
            ``(output, auxiliary)``.
        unpack: ``batch -> (inputs, target)``, for batches of another form than ``(x, y)``,
            ``(x1, x2, ..., y)`` or a dict with a ``target``, ``label`` or ``labels``.
        workers: Processes that load data; 0 loads in the trial's.
        device: Where to train; None is the GPU if there is one.
        amp: Automatic mixed precision: ``"bf16"``, ``"fp16"`` or None.
        seed: Of the first weights, the order of the data, and whatever else is random.
        save: Whether to keep the weights (``model.pt``), and on the way a checkpoint from which a
            trial that is run again goes on.
        export_onnx: Whether to write ``model.onnx``, too.
    """

    optimizer: Union[str, OptimizerMaker] = torch.optim.Adam
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 64
    max_epochs: int = 10
    grad_clip: Union[float, None] = None
    aux_weight: float = 0.4
    unpack: Union[Callable[[Any], tuple[Any, Any]], None] = None
    workers: int = 0
    device: Union[str, torch.device, None] = None
    amp: Union[str, None] = None
    seed: int = 0
    save: bool = True
    export_onnx: bool = False

    @property
    def where(self) -> torch.device:
        """The device."""
        if self.device is not None:
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def make_optimizer(self, parameters: Iterable[Tensor]) -> Optimizer:
        """The optimizer of some parameters."""
        named = isinstance(self.optimizer, str)
        make = getattr(torch.optim, str(self.optimizer)) if named else self.optimizer
        assert callable(make)
        decay = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        optimizer: Optimizer = make(parameters, lr=self.learning_rate, **decay)
        return optimizer


def read_training(arguments: Mapping[str, Any], evaluator: str) -> Training:
    """What was chosen for the arguments.

    Raises:
        ConfigError: with everything that is wrong, such as a batch size that is no whole number.
    """
    problems = list(problems_of(arguments))
    if problems:
        raise ConfigError(problems, evaluator)
    return Training(**arguments)


def problems_of(arguments: Mapping[str, Any], *, others: Iterable[str] = ()) -> Iterator[Problem]:
    """Everything that is wrong with arguments; of a choice, each option is looked at.

    Args:
        arguments: Name -> value.
        others: Names that the evaluator takes beside them, for suggestions.
    """
    known = [field.name for field in fields(Training)]
    for name, value in arguments.items():
        if name not in known:
            hint = did_you_mean(name, [*known, *others])
            yield Problem(name, f"unknown argument{hint}")
            continue
        fits, rule = _RULES[name]
        for option in _options(value):
            if not fits(option):
                hint = did_you_mean(option, _optimizers()) if name == "optimizer" else ""
                yield Problem(name, f"must be {rule}, but got {option!r}{hint}")


def _options(value: Any) -> tuple[Any, ...]:
    """What an argument may become; of a range of numbers that is only known in the trial."""
    if isinstance(value, ValueChoice):
        return value.options
    return () if isinstance(value, Number) else (value,)


def _whole(least: int) -> tuple[Callable[[Any], bool], str]:
    def fits(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and value >= least

    return fits, f"a whole number >= {least}"


def _is_number(value: Any) -> bool:
    is_real = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def _is_device(value: Any) -> bool:
    try:
        return value is None or bool(torch.device(value))
    except (RuntimeError, TypeError):
        return False


def _optimizers() -> list[str]:
    return [name for name, value in vars(torch.optim).items() if isinstance(value, type)]


_POSITIVE = (lambda value: _is_number(value) and value > 0, "a number > 0")
_NOT_NEGATIVE = (lambda value: _is_number(value) and value >= 0, "a number >= 0")
_TRUTH = (lambda value: isinstance(value, bool), "True or False")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "optimizer": (
        lambda value: value in _optimizers() if isinstance(value, str) else callable(value),
        "a class such as torch.optim.SGD, or the name of one",
    ),
    "learning_rate": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "batch_size": _whole(1),
    "max_epochs": _whole(1),
    "grad_clip": (lambda value: value is None or _POSITIVE[0](value), "a number > 0 or None"),
    "aux_weight": _NOT_NEGATIVE,
    "unpack": (lambda value: value is None or callable(value), "a function or None"),
    "workers": _whole(0),
    "device": (_is_device, "one that torch knows, or None"),
    "amp": (lambda value: value in (None, "bf16", "fp16"), "'bf16', 'fp16' or None"),
    "seed": _whole(0),
    "save": _TRUTH,
    "export_onnx": _TRUTH,
}
