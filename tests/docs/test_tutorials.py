"""The tutorials lead where they say, each in a folder with the files that it asks for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.docs.kit import run_page, run_python, save_blocks

TRIAL_SCRIPT = "docs/tutorials/trial_script.md"
KEYS = ["first", "second", "skip"]

pytest.importorskip("sklearn", reason="the images are scikit-learn's")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    save_blocks(TRIAL_SCRIPT, folder, "images.py")
    run_python("images.py", folder)
    return folder / "images.pt"


@pytest.fixture
def folder(images: Path, tmp_path: Path) -> Path:
    """What one tutorial makes and others go on with."""
    save_blocks(TRIAL_SCRIPT, tmp_path, "digits.py", "trial.py")
    shutil.copy(images, tmp_path)
    return tmp_path


def test_hello_nas(tmp_path: Path) -> None:
    run_page("docs/tutorials/hello_nas.md", tmp_path)
    assert "with the weights of its trial" in (tmp_path / "export.py.out").read_text()
    assert "trial_api" not in (tmp_path / "best_net.py").read_text()


def test_a_trial_script(tmp_path: Path) -> None:
    run_page("docs/tutorials/trial_script.md", tmp_path)
    assert list(json.loads((tmp_path / "best.json").read_text())) == KEYS
    assert len(list((tmp_path / "nas-experiments" / "latest" / "trials").iterdir())) == 10
    assert (tmp_path / "best.pt").exists()


def test_an_optuna_study(folder: Path) -> None:
    run_page("docs/tutorials/optuna_study.md", folder)
    assert len((folder / "look.py.out").read_text().splitlines()) == 8


def test_one_shot(folder: Path) -> None:
    run_page("docs/tutorials/one_shot.md", folder)
    assert list(json.loads((folder / "best.json").read_text())) == KEYS


def test_several_machines(folder: Path) -> None:
    save_blocks("docs/tutorials/one_shot.md", folder, "one_shot.py")
    run_page("docs/tutorials/distributed.md", folder)
    assert len(list(folder.glob("workers/*/trials/*/metrics.jsonl"))) == 8
    assert list(json.loads((folder / "best.json").read_text())) == KEYS
