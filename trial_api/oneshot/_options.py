"""What every one-shot trainer takes besides its algorithm's own arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Union

import torch

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

if TYPE_CHECKING:
    from ._callbacks import Callback

Amp = Literal["bf16", "fp16"]


class Options(TypedDict, total=False):
    """The keywords that all trainers share; see :class:`Settings` for what they mean."""

    batch_size: int
    workers: int
    device: Union[str, torch.device, None]
    log_frequency: Union[int, None]
    callbacks: Union[Sequence[Callback], None]
    train_loader: Union[Iterable[Any], None]
    search_loader: Union[Iterable[Any], None]
    valid_loader: Union[Iterable[Any], None]
    search_fraction: Union[float, None]
    unpack: Union[Callable[[Any], tuple[Any, Any]], None]
    seed: Union[int, None]
    amp: Union[Amp, None]
    grad_clip: Union[float, None]
    accumulate: int
    compile: Union[bool, Mapping[str, Any]]
    progress: bool
    logdir: Union[str, None]


@dataclass(frozen=True)
class Settings:
    """The shared options, checked.

    Attributes:
        batch_size: Of the loaders made from data sets.
        workers: Processes that load data; 0 loads in this one.
        device: Where to train; None is the GPU if there is one.
        log_frequency: Log, and look at the loss on a GPU, every so many steps; None: 10 times an
            epoch at most.
        callbacks: See :class:`Callback`.
        train_loader: Batches for the weights, instead of those of ``dataset_train``.
        search_loader: Batches for the architecture; needed with ``train_loader`` where the
            algorithm uses any.
        valid_loader: Batches for :meth:`BaseTrainer.validate`.
        search_fraction: Share of ``dataset_train`` that decides the architecture, drawn at random;
            None is the algorithm's own.
        unpack: ``batch -> (inputs, target)``, for batches of another form than ``(x, y)``,
            ``(x1, x2, ..., y)`` or a dict with a ``target``, ``label`` or ``labels``. Inputs may
            be a tensor, a tuple (positional) or a dict (by name).
        seed: Of everything random here; None takes one from torch's generator.
        amp: Automatic mixed precision.
        grad_clip: Largest norm of the weights' gradient; None does not clip.
        accumulate: Batches a step of the optimizers.
        compile: Compile what is static; a dict has arguments for ``torch.compile``.
        progress: Show a bar.
        logdir: A folder for TensorBoard.
    """

    batch_size: int = 64
    workers: int = 0
    device: Union[str, torch.device, None] = None
    log_frequency: Union[int, None] = None
    callbacks: Union[Sequence[Callback], None] = None
    train_loader: Union[Iterable[Any], None] = None
    search_loader: Union[Iterable[Any], None] = None
    valid_loader: Union[Iterable[Any], None] = None
    search_fraction: Union[float, None] = None
    unpack: Union[Callable[[Any], tuple[Any, Any]], None] = None
    seed: Union[int, None] = None
    amp: Union[Amp, None] = None
    grad_clip: Union[float, None] = None
    accumulate: int = 1
    compile: Union[bool, Mapping[str, Any]] = False
    progress: bool = True
    logdir: Union[str, None] = None


def read_options(options: Options, trainer: str) -> Settings:
    """The options with their defaults.

    Raises:
        ConfigError: with everything that is wrong or unknown.
    """
    known = [field.name for field in dataclasses.fields(Settings)]
    unknown = [name for name in options if name not in known]
    problems = [Problem(name, f"unknown option{did_you_mean(name, known)}") for name in unknown]
    settings = Settings(**{name: value for name, value in options.items() if name in known})  # type: ignore[arg-type]
    problems += _check(settings)
    if problems:
        raise ConfigError(problems, trainer)
    return settings


def device_of(settings: Settings) -> torch.device:
    if settings.device is not None:
        return torch.device(settings.device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _check(settings: Settings) -> Iterator[Problem]:
    for name, least in (("batch_size", 1), ("workers", 0), ("accumulate", 1)):
        value = getattr(settings, name)
        if not _is_whole(value) or value < least:
            yield Problem(name, f"must be a whole number >= {least}, but got {value!r}")
    frequency = settings.log_frequency
    if frequency is not None and not (_is_whole(frequency) and frequency > 0):
        yield Problem(
            "log_frequency", f"must be a whole number > 0 or None, but got {frequency!r}"
        )
    if settings.amp not in (None, "bf16", "fp16"):
        yield Problem("amp", f"must be 'bf16', 'fp16' or None, but got {settings.amp!r}")
    clip, fraction = settings.grad_clip, settings.search_fraction
    if clip is not None and not (isinstance(clip, (int, float)) and clip > 0):
        yield Problem("grad_clip", f"must be a number > 0 or None, but got {clip!r}")
    if fraction is not None and not (isinstance(fraction, float) and 0 < fraction < 1):
        yield Problem("search_fraction", f"must be between 0 and 1, but got {fraction!r}")
    if settings.seed is not None and not _is_whole(settings.seed):
        yield Problem("seed", f"must be a whole number or None, but got {settings.seed!r}")
    if not isinstance(settings.callbacks, (list, tuple, NoneType)):
        kind = type(settings.callbacks).__name__
        yield Problem("callbacks", f"must be a list of callbacks, but got a {kind}")
    if settings.unpack is not None and not callable(settings.unpack):
        yield Problem("unpack", f"must be a function or None, but got {settings.unpack!r}")
    if not _is_device(settings.device):
        yield Problem("device", f"must be one that torch knows, but got {settings.device!r}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_device(value: Any) -> bool:
    try:
        return value is None or bool(torch.device(value))
    except (RuntimeError, TypeError):
        return False
