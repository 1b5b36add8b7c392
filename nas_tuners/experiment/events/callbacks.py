"""Classes whose methods are called with an experiment's events."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import Path

from nas_tuners._classes import check_arguments, import_class, parameters_of
from nas_tuners.contract.errors import ConfigError, NasTunersError, Problem, did_you_mean

from ..configuration.parts import CallbackConfig
from .events import (
    BestChanged,
    ExperimentEvent,
    Resumed,
    RunEnded,
    RunStarted,
    TrialFinished,
    TrialReported,
    TrialRetried,
    TrialStarted,
    Waiting,
    without_passwords,
)

CALLBACKS: dict[str, str] = {
    "mlflow": "nas_tuners.callbacks:MLflowCallback",
    "tensorboard": "nas_tuners.callbacks:TensorBoardCallback",
    "wandb": "nas_tuners.callbacks:WandbCallback",
}

_STRIKES = 3  # failures in a row after which a callback is left alone

_logger = logging.getLogger(__name__)


class Callback:
    """Is told what happens in an experiment; a subclass overrides what it is interested in.

    Callbacks are made when the configuration is read, which must have no effect that lasts: work
    begins with :meth:`on_run_started`. The methods are called one after the other, in the order
    of the events, in a thread that the trials do not wait for.

    Example:
        >>> class Shout(Callback):
        ...     def on_best_changed(self, event: BestChanged) -> None:
        ...         print(f"trial {event.trial} is the best: {event.value}!")
    """

    def on_event(self, event: ExperimentEvent) -> None:
        """Every event, before its own method is called."""

    def on_run_started(self, event: RunStarted) -> None:
        """A runner begins, or goes on with, the experiment."""

    def on_trial_started(self, event: TrialStarted) -> None:
        """A trial runs."""

    def on_trial_reported(self, event: TrialReported) -> None:
        """A trial reported an intermediate result."""

    def on_trial_finished(self, event: TrialFinished) -> None:
        """A trial ended."""

    def on_best_changed(self, event: BestChanged) -> None:
        """A trial is better than all before it."""

    def on_trial_retried(self, event: TrialRetried) -> None:
        """What ran a trial is gone; it will run again."""

    def on_waiting(self, event: Waiting) -> None:
        """The run cannot go on for now."""

    def on_resumed(self, event: Resumed) -> None:
        """The run goes on after it has waited."""

    def on_run_ended(self, event: RunEnded) -> None:
        """The runner ends; nothing comes after this."""


class Guarded:
    """Calls a callback, whose mistakes are logged and end nothing.

    A callback that fails three times in a row is called no more.
    """

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._failures = 0

    @property
    def label(self) -> str:
        """The callback, in messages."""
        return f"Callback {type(self._callback).__name__}"

    def handle(self, event: ExperimentEvent) -> None:
        if self._failures >= _STRIKES:
            return
        try:
            self._callback.on_event(event)
            getattr(self._callback, f"on_{event.name}")(event)
        except (Exception, SystemExit):  # neither of which may end its thread
            self._note_failure(event)
        else:
            self._failures = 0

    def _note_failure(self, event: ExperimentEvent) -> None:
        self._failures += 1
        cause = without_passwords(traceback.format_exc())
        _logger.error("%s failed on %s:\n%s", self.label, event.name, cause)
        if self._failures == _STRIKES:
            message = "%s failed %d times in a row; it is switched off for this run."
            _logger.warning(message, self.label, _STRIKES)


def make_callbacks(
    configs: Sequence[CallbackConfig], code_directory: Path | None = None
) -> list[Callback]:
    """Make the callbacks of a configuration.

    Args:
        configs: Their names (short, or ``module:Class``) and arguments.
        code_directory: Where to look for modules first.

    Raises:
        ConfigError: with every problem, naming ``callbacks[0].name`` and the like.
    """
    made: list[Callback] = []
    problems: list[Problem] = []
    for index, config in enumerate(configs):
        try:
            made.append(_make(config, code_directory, where=f"callbacks[{index}]"))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return made


def _make(config: CallbackConfig, code_directory: Path | None, *, where: str) -> Callback:
    path = _path_of(config.name, where)
    target = import_class(path, code_directory, where=f"{where}.name")
    if not issubclass(target, Callback):
        message = f"{path} is no callback; derive it from nas_tuners.callbacks.Callback"
        raise ConfigError([Problem(f"{where}.name", message)])
    check_arguments(target, parameters_of(target), config.args, where=f"{where}.args")
    try:
        return target(**config.args)
    except NasTunersError as error:
        raise ConfigError([Problem(f"{where}.name", str(error))]) from error
    except (TypeError, ValueError) as error:
        message = f"{target.__name__}: {error}"
        raise ConfigError([Problem(f"{where}.args", message)]) from error
    except Exception as error:  # whatever a class of the user's raises
        message = f"{target.__name__} cannot be made: {type(error).__name__}: {error}"
        raise ConfigError([Problem(f"{where}.name", message)]) from error


def _path_of(name: str, where: str) -> str:
    path = CALLBACKS.get(name.lower(), name)
    if ":" in path or "." in path:
        return path
    hint = did_you_mean(name.lower(), CALLBACKS)
    known = f"(known: {', '.join(CALLBACKS)}; or the import path of a class, module:Class)"
    raise ConfigError([Problem(f"{where}.name", f"no callback {name!r}{hint} {known}")])
