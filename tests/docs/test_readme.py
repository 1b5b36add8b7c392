"""The README, from the model to the best architecture."""

from __future__ import annotations

import json
from pathlib import Path

from tests.docs.kit import run_page


def test_it_leads_to_the_best_architecture(tmp_path: Path) -> None:
    run_page("README.md", tmp_path)
    space = json.loads((tmp_path / "search_space.json").read_text())
    assert list(space) == ["act", "middle", "skip"]
    assert json.loads((tmp_path / "best.json").read_text()).keys() == space.keys()
    assert len(list((tmp_path / "nas-experiments" / "latest" / "trials").iterdir())) == 6
