"""Hyper-parameters searched together with the architecture, as the documentation shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from nas_tuners.experiment.folder import ExperimentFolder
from tests.experiment_kit import Project

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

TRIAL = """
from torch import nn
from trial_api import (
    LayerChoice, get_and_apply_next_architecture, get_next_parameter, report_final_result
)

model = get_and_apply_next_architecture(
    nn.Sequential(LayerChoice([nn.ReLU(), nn.Tanh()], key="act"))
)
{line}
report_final_result({{"default": lr, "tanh": isinstance(model[0], nn.Tanh)}})
"""


def test_the_script_reads_what_the_model_does_not_hold(project: Project) -> None:
    section = PAGE.read_text().partition("## Hyper-parameters beside")[2]
    added = re.findall(r"```json\n(.*?)```", section, re.DOTALL)[0]
    line = re.findall(r"```python\n(.*?)```", section, re.DOTALL)[0]
    space = {"act": {"_type": "layer_choice", "_value": ["0", "1"]}} | json.loads(added)
    project.write(search_space=space, max_trials=4, warm=True)
    (project.path / "trial.py").write_text(TRIAL.format(line=line))
    done = project.run()
    assert done.returncode == 0, done.stderr
    trials = sorted(ExperimentFolder(project.experiment).trials.iterdir())
    assert len(trials) == 4
    for trial in trials:
        parameters = json.loads((trial / "parameters.json").read_text())["parameters"]
        reported = json.loads((trial / "metrics.jsonl").read_text())["value"]
        assert reported["default"] == parameters["lr"]
        assert reported["tanh"] == (parameters["act"]["_idx"] == 1)
