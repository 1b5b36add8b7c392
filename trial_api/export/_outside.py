"""Random numbers from outside of torch, which nobody sees being drawn."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nas_tuners.contract.errors import ExportError


@contextmanager
def nothing_drawn() -> Iterator[None]:
    """Raise if Python or NumPy draws random numbers.

    Raises:
        ExportError: at the end.
    """
    before = _state()
    yield
    if _state() != before:
        raise ExportError(
            "forward draws random numbers from outside of torch (`random`, `numpy.random`), which "
            "the code would not: draw them by torch"
        )


def _state() -> list[Any]:
    states: list[Any] = [random.getstate()]
    numpys: Any = sys.modules.get("numpy.random")
    if numpys is not None:
        _, keys, *rest = numpys.get_state()
        states += [keys.tobytes(), rest]
    return states
