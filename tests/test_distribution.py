"""The wheel holds the three packages, their data, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import nas_tuners

ROOT = Path(__file__).parents[1]
PACKAGES = ("nas_tuners", "trial_api", "search_spaces")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


def test_every_source_and_data_file_is_in(wheel: zipfile.ZipFile) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".json") or path.name == "py.typed"
    }
    assert {"nas_tuners/py.typed", "trial_api/py.typed"} <= wanted
    assert wanted - set(wheel.namelist()) == set()


def test_nothing_else_is_in(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert top == {*PACKAGES, f"nas_tuners-{nas_tuners.__version__}.dist-info"}
    assert [name for name in wheel.namelist() if name.endswith((".pyc", ".db"))] == []


def test_the_command_and_the_version_are_declared(wheel: zipfile.ZipFile) -> None:
    info = f"nas_tuners-{nas_tuners.__version__}.dist-info"
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "nas-tuners = nas_tuners.cli:main" in scripts
    assert f"Version: {nas_tuners.__version__}\n" in metadata
    assert "Requires-Python: >=3.10\n" in metadata
