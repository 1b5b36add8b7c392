"""The page on evaluators: its scripts run, and it leaves no option out."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
import torch

from nas_tuners.multi_trial import Training
from nas_tuners.multi_trial._scores import CLASSES, NUMBERS
from tests.docs.kit import read_page, run_page

PAGE = "docs/evaluators.md"


@pytest.mark.slow
def test_its_scripts_run(tmp_path: Path) -> None:
    torch.save((torch.rand(1500, 1, 8, 8), torch.randint(10, (1500,))), tmp_path / "images.pt")
    run_page("docs/evaluators.md", tmp_path)
    assert "tensor(0." in (tmp_path / "search.py.out").read_text()


def test_every_option_and_metric_is_told() -> None:
    page = read_page(PAGE)
    firsts = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    told = {name for cell in firsts for name in re.findall(r"`(\w+)`", cell)}
    options = {field.name for field in dataclasses.fields(Training)}
    assert told == options | {"Classification", "Regression"}
    for metric in (*CLASSES.directions, *NUMBERS.directions):
        assert f'`"{metric}"`' in page
