"""The page on the viewer: a search is recorded, kept as a page and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from tests.docs.kit import run_page, save_blocks


def test_its_scripts_run(tmp_path: Path) -> None:
    save_blocks("docs/tutorials/trial_script.md", tmp_path, "digits.py")
    torch.save((torch.rand(1400, 1, 8, 8), torch.randint(10, (1400,))), tmp_path / "images.pt")
    run_page("docs/viewer.md", tmp_path)
    for name in ("digits", "own"):
        graph = json.loads((tmp_path / "logs" / name / "graph.json").read_text())
        assert graph["tier"] == "meta"
        assert graph["choices"]
        assert (tmp_path / "logs" / name / "log").read_text().count("\n") > 5
    assert "<title>" in (tmp_path / "search.html").read_text()
    for figure in ("architecture.svg", "search.svg"):
        assert "</svg>" in (tmp_path / figure).read_text()
