"""The page on configurations: its examples are read, and every field is explained."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from nas_tuners.experiment.configuration.config import ExperimentConfig
from tests.docs.kit import read_page, run_page, save_blocks

TUNER = "from nas_tuners import RandomTuner as MyTuner\n"
RECORDS = [{"parameter": {"a": 1}, "value": 0.5}]


def test_its_examples_are_read(tmp_path: Path) -> None:
    project, tuners = tmp_path / "project", tmp_path / "tuners"
    for folder in (project, tuners):
        folder.mkdir()
        (folder / "my_tuner.py").write_text(TUNER)
    for file in ("scores.json", "results.jsonl"):
        (project / file).write_text(json.dumps(RECORDS if file == "scores.json" else RECORDS[0]))
    for file in ("train.py", "evaluate.py"):
        (project / file).write_text("def evaluate(parameters):\n    return 1.0\n")
    space = {"a": {"_type": "choice", "_value": [1, 2]}}
    (project / "search_space.json").write_text(json.dumps(space))
    save_blocks("README.md", project, "net.py")
    run_page("docs/configuration.md", project)


def test_every_field_is_explained() -> None:
    page = read_page("docs/configuration.md").partition("\n## The tuner")[0]
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert described == {field.name for field in dataclasses.fields(ExperimentConfig)}
