from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from trial_api import _trial


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _new_trial() -> Iterator[None]:
    """Each test starts as a script that has not looked at its environment yet."""
    _trial._trial_in.cache_clear()
    yield
    _trial._trial_in.cache_clear()
