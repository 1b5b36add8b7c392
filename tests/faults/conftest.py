from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.kit import Scene, architectures


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.close()


@pytest.fixture
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Another one, to compare with."""
    made = Scene(tmp_path_factory.mktemp("twin"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The architectures of an experiment to which nothing happens."""
    calm = Scene(tmp_path_factory.mktemp("undisturbed"))
    calm.write(max_trials=16)
    assert calm.run().returncode == 0
    return architectures(calm.recorded())
