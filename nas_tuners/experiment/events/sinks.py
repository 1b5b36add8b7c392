"""Who is told of a run's events: the file, the callbacks, and the command of ``notify``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, Problem

from ..configuration.config import ExperimentConfig
from ..folder import ExperimentFolder
from .background import Background
from .callbacks import Guarded, make_callbacks
from .file import EVENTS_FILE, EventFile
from .notify import Hook, notify_problems
from .observer import EventsObserver, Sink

if TYPE_CHECKING:
    from nas_tuners.tuners._goals import Goals

_CALLBACK_BACKLOG = 10_000  # events that may wait for a callback
_HOOK_BACKLOG = 100
_PATIENCE = 65.0  # seconds at the end for what callbacks and commands have still to do


@contextmanager
def open_events(
    folder: ExperimentFolder, config: ExperimentConfig, goals: Goals
) -> Iterator[EventsObserver]:
    """The observer of a run, with ``events.jsonl``, the callbacks and the command of ``notify``.

    If the run breaks off, it tells that too. What the callbacks and the command have still to do
    at the end is waited for, a minute at most.

    Raises:
        ConfigError: if a callback cannot be made.
    """
    file = EventFile(folder.path / EVENTS_FILE)
    with ExitStack() as stack:
        sinks = [file.write, *_subscribers(config, stack)]
        observer = EventsObserver(folder, goals=goals, sinks=sinks)
        try:
            yield observer
        except BaseException as error:
            observer.broke_off(error)
            raise


def subscriber_problems(config: ExperimentConfig) -> list[Problem]:
    """What is wrong with ``callbacks``, found by making them, and with ``notify``."""
    problems = notify_problems(config.notify, cwd=config.code_directory)
    try:
        make_callbacks(config.callbacks, config.code_directory)
    except ConfigError as error:
        problems += error.problems
    return problems


def _subscribers(config: ExperimentConfig, stack: ExitStack) -> list[Sink]:
    """What the configuration wants to be told, each in a thread that ends with the stack."""
    callbacks = [Guarded(made) for made in make_callbacks(config.callbacks, config.code_directory)]
    threads = [
        Background(callback.handle, label=callback.label, capacity=_CALLBACK_BACKLOG)
        for callback in callbacks
    ]
    sinks: list[Sink] = [thread.put for thread in threads]
    hook = Hook(config.notify, cwd=config.code_directory) if config.notify else None
    if hook is not None:
        thread = Background(hook.handle, label=hook.label, capacity=_HOOK_BACKLOG)
        threads.append(thread)
        sinks.append(lambda event: thread.put(event) if hook.wants(event) else None)
    stack.callback(_close, threads, hook)
    return sinks


def _close(threads: Sequence[Background], hook: Hook | None) -> None:
    deadline = time.monotonic() + _PATIENCE
    try:
        for thread in threads:
            thread.close(max(0.0, deadline - time.monotonic()))
    finally:
        if hook is not None:
            hook.stop()
