"""Scripts for NNI, migrated by the command, and run."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import torch

from nas_tuners.contract.trial_io import TRIAL_DIR, Assignment, read_metrics, write_assignment
from nas_tuners.migrate import migrate
from tests.experiment_kit import Project
from tests.fork_host import run_script
from tests.migrate import documents
from trial_api import apply_fixed_architecture, search_space


def _migrated(tmp_path: Path, text: str) -> Path:
    script = tmp_path / "script.py"
    script.write_text(text)
    project = Project(tmp_path)
    done = project.command("migrate", "--in-place", script)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "import nni" not in script.read_text()
    return script


def _run(script: Path, **environment: str) -> str:
    done = run_script(script, cwd=script.parent, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in lines if line.startswith("+ ")]


def test_the_classic_example_runs_as_a_trial(tmp_path: Path) -> None:
    script = _migrated(tmp_path, documents.CLASSIC)
    assert _changed(documents.CLASSIC, script.read_text()) == [
        "import trial_api",
        "from trial_api import get_and_apply_next_architecture",
        "class Cell(trial_api.MutableScope):",
        '        self.layer1 = trial_api.LayerChoice([nn.Identity(), nn.ReLU()], key="layer1")',
        '        self.layer2 = trial_api.LayerChoice([nn.Tanh(), nn.Sigmoid()], key="layer2")',
        "        self.one_layer = trial_api.LayerChoice([",
        "        self.input_switch = trial_api.InputChoice(",
        "    trial_api.report_intermediate_result(test(model))",
        "trial_api.report_final_result(acc)",
    ]
    (tmp_path / "trial").mkdir()
    chosen = {"layer_name": 4, "layer1": 1, "layer2": 0, "switch_name": [2]}
    parameters = {key: {"_idx": index} for key, index in chosen.items()}
    write_assignment(tmp_path / "trial", Assignment("exp", "t0", 0, parameters))
    assert _run(script, **{TRIAL_DIR: str(tmp_path / "trial")}) == "Conv2d (2, 2)\n"
    first, last = read_metrics(tmp_path / "trial").metrics
    assert (first.kind, last.kind) == ("intermediate", "final")
    assert 0 <= first.default == last.default <= 1


def test_the_trainer_example_runs(tmp_path: Path) -> None:
    script = _migrated(tmp_path, documents.ENAS)
    assert _changed(documents.ENAS, script.read_text()) == [
        "from trial_api import InputChoice, LayerChoice",
        '        self.layer1 = LayerChoice(candidates=[conv(3), conv(5)], key="layer1")',
        "import trial_api.oneshot",
        "trainer = trial_api.oneshot.EnasTrainer(model,",
        "from trial_api import apply_fixed_architecture",
    ]
    text = script.read_text()
    for old, new in documents.QUICK_ENAS.items():
        text = text.replace(old, new)
    script.write_text(text)
    assert _run(script).endswith("torch.Size([5, 2])\n")
    exported = json.loads((tmp_path / "model_dir" / "final_architecture.json").read_text())
    assert exported.keys() == {"layer1", "skip"}


def test_a_search_with_darts_and_callbacks_runs(tmp_path: Path) -> None:
    script = _migrated(tmp_path, documents.DARTS)
    assert _run(script).startswith("acc1: ")
    files = {path.name for path in (tmp_path / "all").iterdir()}
    assert files == {"epoch_0.json", "epoch_1.json"}


def test_a_model_space_of_version_3_has_the_same_choices() -> None:
    migrated = migrate(documents.VERSION_3)
    assert migrated.left == ()
    script: dict[str, Any] = {"__name__": "script"}
    exec(migrated.text, script)
    space = search_space(script["model_space"])
    assert list(space.specs) == ["width", "act", "depth"]
    chosen = {"width": 8, "act": 1, "depth": 2}
    plain = apply_fixed_architecture(script["Net"], chosen)
    assert plain(torch.zeros(5, 3)).shape == (5, 2)
    assert len(list(plain.blocks)) == 2
    assert isinstance(plain.act, torch.nn.Tanh)


def test_the_tutorial_changes_in_its_imports_and_reports() -> None:
    migrated = migrate(documents.TUTORIAL)
    assert migrated.left == ()
    assert _changed(documents.TUTORIAL, migrated.text) == [
        "from nas_tuners.retiarii import nn",
        "from nas_tuners.retiarii import model_wrapper",
        "from nas_tuners.retiarii import strategy",
        "import trial_api",
        "    trial_api.report_intermediate_result(accuracy)",
        "    trial_api.report_final_result(accuracy)",
        "from nas_tuners.retiarii import FunctionalEvaluator",
        "from nas_tuners.retiarii import RetiariiExperiment, RetiariiExeConfig",
    ]
