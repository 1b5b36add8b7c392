"""Whose fault an exception is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nas_tuners.contract.errors import NasTunersError, TunerError


@contextmanager
def blame(name: str, doing: str) -> Iterator[None]:
    """Turn what an algorithm raises into a TunerError that names it."""
    try:
        yield
    except NasTunersError:
        raise
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise TunerError(f"{name} raised while {doing}: {cause}") from error
