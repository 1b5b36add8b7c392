"""The pages under docs/ say what is so."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import read_metrics
from nas_tuners.experiment.configuration.config import ExperimentConfig, load_config
from tests.test_readme import README, read_blocks, run_block
from trial_api import oneshot
from trial_api.oneshot._options import Settings

DOCS = Path(__file__).parent.parent / "docs"


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def test_the_formats_are_read_as_shown(tmp_path: Path) -> None:
    space_text, parameters, architecture, metrics = _blocks("formats.md", "json")
    space = SearchSpace.loads(space_text)
    vector = to_vector(space, json.loads(parameters))
    assert to_vector(space, json.loads(architecture)) == vector
    assert to_parameters(space, vector) == json.loads(parameters)
    (tmp_path / "metrics.jsonl").write_text(metrics)
    read = read_metrics(tmp_path)
    assert [metric.default for metric in read.metrics] == [0.81, 0.93]
    assert read.problems == []


def test_every_type_is_explained() -> None:
    page = (DOCS / "formats.md").read_text()
    source = (DOCS.parent / "nas_tuners" / "contract" / "space_json.py").read_text()
    types = re.findall(r'^    "(\w+)": \(', source, re.MULTILINE)
    assert len(types) == 9
    for name in (*types, "layer_choice", "input_choice", "choice"):
        assert f"`{name}`" in page, name


def test_every_field_of_the_configuration_is_explained() -> None:
    page = (DOCS / "configuration.md").read_text().partition("\n## The tuner")[0]
    described = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert described == {field.name for field in dataclasses.fields(ExperimentConfig)}
    example = yaml.safe_load(_blocks("configuration.md", "yaml")[0])
    assert set(example) <= described


def test_every_recipe_works(tmp_path: Path) -> None:
    model = next(block for block in read_blocks(README.read_text()) if "# net.py" in block.text)
    (tmp_path / "net.py").write_text(model.text)
    shutil.copy(DOCS.parent / "examples" / "custom_tuner.py", tmp_path)
    for block in read_blocks((DOCS / "recipes.md").read_text()):
        run_block(block, tmp_path)
    suite = [sys.executable, "-m", "pytest", "-q", "test_climber.py", "-k", "random or replay"]
    done = subprocess.run(suite, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert json.loads((tmp_path / "joint_best.json").read_text())["epochs"] in (5, 10, 20)
    assert len(list((tmp_path / "nas-experiments" / "latest" / "trials").iterdir())) == 3


def test_the_page_on_one_shot_search_works(tmp_path: Path) -> None:
    page = (DOCS / "one_shot.md").read_text()
    for block in read_blocks(page):
        run_block(block, tmp_path)
    assert json.loads((tmp_path / "best.json").read_text())["conv"].startswith("conv")
    table = page.split("## Shared options")[1].split("\n\n**")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= {f.name for f in dataclasses.fields(Settings)}
    missing = [name for name in oneshot.__all__ if name.endswith("Trainer") and name not in page]
    assert missing == []


def test_the_page_on_profiling_works(tmp_path: Path) -> None:
    for block in read_blocks((DOCS / "profiling.md").read_text()):
        run_block(block, tmp_path)
    trials = (tmp_path / "nas-experiments" / "latest" / "trials").iterdir()
    values = [read_metrics(trial).metrics[-1].value for trial in trials]
    assert len(values) == 2
    assert all(value["flops"] <= 4e6 for value in values)
    assert load_config(tmp_path / "objectives.yml").optimize_mode["latency"] == "minimize"


def test_links_lead_somewhere() -> None:
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
