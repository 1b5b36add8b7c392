from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nas_tuners.bench import Table, data_folder, load_table

DATA = data_folder().resolve()  # before tests clear the environment


@pytest.fixture
def data() -> Path:
    """The folder of the published files; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no published tables in {DATA} (set NAS_TUNERS_DATA)")
    return DATA


@pytest.fixture
def load(data: Path) -> Callable[[str], Table]:
    """A published table by its name."""
    return lambda name: load_table(name, data)
