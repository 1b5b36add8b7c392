"""What a runner does to the storage of a study, done again where a connection breaks.

The functions take every Optuna storage; those that :func:`~.storage.open_storage` opened do it
best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .lock import file_lock, server_lock
from .patience import Waiter, is_lost_connection

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import TrialState

T = TypeVar("T")


def storage_lock(storage: BaseStorage, name: str) -> AbstractContextManager[None]:
    """A context in which no other runner on this storage is in one of the same name.

    A file is locked as a whole, whatever the name; a database of PostgreSQL, MySQL or MariaDB by
    the name. There is no lock behind a gRPC proxy, nor on storages of others' making.

    Raises:
        GivenUpError: on entering, if the waiting was given up.
    """
    backend = _backend(storage)
    file, waiter = getattr(backend, "file", None), _waiter(storage)
    if file is not None:
        return file_lock(file, give_up=backend.give_up)
    if waiter is None or not hasattr(backend, "engine"):
        return nullcontext()
    return server_lock(backend.engine, name, waiter=waiter)


def again(storage: BaseStorage, operation: Callable[[], T]) -> T:
    """Run one operation on a storage, and once more whenever its connection breaks.

    Args:
        storage: Operations on files are run once: what is wrong with a disk must be seen.
        operation: Must do no harm when done twice: when a connection breaks at its end, nobody
            knows whether it was done.

    Raises:
        ConnectionError: if the storage still does not answer when the patience is at its end.
    """
    waiter = _waiter(storage)
    if waiter is None:
        return operation()
    return waiter.attempt(operation, passes=is_lost_connection)


def finish_trial(
    storage: BaseStorage,
    trial_id: int,
    state: TrialState,
    *,
    values: Sequence[float] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
    system_attrs: Mapping[str, Any] | None = None,
) -> None:
    """Record how a trial ended, in one transaction where the storage can.

    Args:
        storage: Any of Optuna's.
        trial_id: Of a trial that is not finished.
        state: How it ended.
        values: What it found, one number per objective.
        user_attrs: Recorded with it.
        system_attrs: Recorded with it.

    Raises:
        UpdateFinishedTrialError: if it ended before, otherwise than this.
        ConnectionError: as :func:`again`.
    """
    from optuna.exceptions import UpdateFinishedTrialError

    at_once = getattr(_backend(storage), "finish_trial", None)
    finish = partial(
        at_once or partial(_finish_in_steps, storage),
        trial_id,
        state,
        values=values,
        user_attrs=user_attrs or {},
        system_attrs=system_attrs or {},
    )
    try:
        again(storage, finish)
    except UpdateFinishedTrialError:  # by an attempt whose success nobody could tell us?
        trial = again(storage, lambda: storage.get_trial(trial_id))
        if (trial.state, trial.values) != (state, list(values) if values else None):
            raise


def _finish_in_steps(
    storage: BaseStorage,
    trial_id: int,
    state: TrialState,
    *,
    values: Sequence[float] | None,
    user_attrs: Mapping[str, Any],
    system_attrs: Mapping[str, Any],
) -> None:
    """The state comes last: nothing can be added to a trial that has ended."""
    for key, value in user_attrs.items():
        storage.set_trial_user_attr(trial_id, key, value)
    for key, value in system_attrs.items():
        storage.set_trial_system_attr(trial_id, key, value)
    storage.set_trial_state_values(trial_id, state, values)


def _waiter(storage: BaseStorage) -> Waiter | None:
    waiter: Waiter | None = getattr(_backend(storage), "waiter", None)
    return waiter


def _backend(storage: BaseStorage) -> Any:
    """What a storage of Optuna's wraps, or itself."""
    return getattr(storage, "_backend", storage)
