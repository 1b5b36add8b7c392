"""The page on one-shot search: its scripts run, and it leaves nothing out."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import torch

from tests.docs.kit import read_page, run_page, save_blocks
from trial_api import oneshot
from trial_api.oneshot._options import Settings


def test_its_scripts_run(tmp_path: Path) -> None:
    save_blocks("docs/tutorials/trial_script.md", tmp_path, "digits.py")
    torch.save((torch.rand(1400, 1, 8, 8), torch.randint(10, (1400,))), tmp_path / "images.pt")
    run_page("docs/one_shot.md", tmp_path)
    assert "'first': [" in (tmp_path / "costs.py.out").read_text()


def test_every_option_and_trainer_is_told() -> None:
    page = read_page("docs/one_shot.md")
    table = page.split("## Shared options")[1].split("\n\n**")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= {f.name for f in dataclasses.fields(Settings)}
    missing = [name for name in oneshot.__all__ if name.endswith("Trainer") and name not in page]
    assert missing == []
