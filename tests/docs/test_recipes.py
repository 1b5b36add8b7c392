"""The recipes, each of which goes on from those before it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.kit import ROOT, run_page, save_blocks


def test_every_recipe_works(tmp_path: Path) -> None:
    save_blocks("README.md", tmp_path, "net.py")
    shutil.copy(ROOT / "examples" / "custom_tuner.py", tmp_path)
    run_page("docs/recipes.md", tmp_path)
    suite = [sys.executable, "-m", "pytest", "-q", "test_climber.py", "-k", "random or replay"]
    done = subprocess.run(suite, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "joint_best.json").read_text())["epochs"] in (5, 10, 20)
    assert len(list((tmp_path / "nas-experiments" / "latest" / "trials").iterdir())) == 3
