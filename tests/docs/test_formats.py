"""The page on formats shows what is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.choices_log import ChoicesLog
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import read_metrics
from tests.docs.kit import ROOT, read_blocks, read_page


def test_the_formats_are_read_as_shown(tmp_path: Path) -> None:
    texts = [block.text for block in read_blocks("docs/formats.md") if block.language == "json"]
    space_text, parameters, architecture, metrics, record = texts
    space = SearchSpace.loads(space_text)
    vector = to_vector(space, json.loads(parameters))
    assert to_vector(space, json.loads(architecture)) == vector
    assert to_parameters(space, vector) == json.loads(parameters)
    (tmp_path / "metrics.jsonl").write_text(metrics)
    read = read_metrics(tmp_path)
    assert [metric.default for metric in read.metrics] == [0.81, 0.93]
    assert read.problems == []
    (tmp_path / "log").write_text(record)
    assert ChoicesLog(tmp_path / "log").last_step == 780


def test_every_type_is_explained() -> None:
    page = read_page("docs/formats.md")
    source = (ROOT / "nas_tuners" / "contract" / "space_json.py").read_text()
    types = re.findall(r'^    "(\w+)": \(', source, re.MULTILINE)
    assert len(types) == 9
    for name in (*types, "layer_choice", "input_choice", "choice"):
        assert f"`{name}`" in page, name
