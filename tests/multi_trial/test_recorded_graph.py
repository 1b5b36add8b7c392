"""What an experiment keeps of its model space for the viewer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nas_tuners import Experiment, FunctionalEvaluator
from nas_tuners.cli import main
from tests.multi_trial.kit import Net
from trial_api import report_intermediate_result, search_space
from trial_api.nn import LayerChoice

RUNS = Path(__file__).parents[2]


def judge(model_cls: Callable[[], nn.Module]) -> float:
    """Fails in the first three trials, whatever they are."""
    model = model_cls()
    output = model(torch.ones(8, 3))
    tried = Path.cwd() / "tried"
    tried.mkdir(exist_ok=True)
    count = len(list(tried.iterdir()))
    (tried / str(count)).touch()
    if count < 3:
        raise RuntimeError("out of luck")
    report_intermediate_result(0.0)
    return float(output.shape[0])


def judge_without_running(model_cls: Callable[[], nn.Module]) -> float:
    return float(sum(parameter.numel() for parameter in model_cls().parameters()))


def graph_in(folder: Path) -> dict:
    return json.loads((folder / "graph.json").read_text())


def test_an_experiment_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    evaluator = FunctionalEvaluator(judge)
    experiment = Experiment(Net, evaluator, "random", max_trials=6, concurrency=2)
    experiment.run(folder=tmp_path / "it")
    graph = graph_in(tmp_path / "it")
    assert (graph["tier"], graph["model"]) == ("meta", "Net")
    assert graph["inputs"] == [{"shape": [2, 3], "dtype": "float32"}]
    assert graph["search_space"] == search_space(Net).to_dict()
    assert list(graph["choices"]) == ["width", "act"]
    assert [*tmp_path.glob("it/**/*graph*")] == [tmp_path / "it" / "graph.json"]


def test_models_that_are_not_run(tmp_path: Path) -> None:
    evaluator = FunctionalEvaluator(judge_without_running)
    Experiment(Net, evaluator, "random", max_trials=1).run(folder=tmp_path / "it")
    graph = graph_in(tmp_path / "it")
    assert (graph["tier"], graph["inputs"]) == ("modules", [])
    assert graph["search_space"] == search_space(Net).to_dict()


SCRIPT = """
import torch
from tests.multi_trial.test_recorded_graph import Plain
from trial_api import get_and_apply_next_architecture, report_final_result
network = get_and_apply_next_architecture(Plain())
report_final_result(float(network(torch.ones(8, 3)).shape[0]))
"""


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerChoice({"linear": nn.Linear(3, 3), "none": nn.Identity()}, key="layer")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layer(x)
        return output


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_script_under_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    search_space(Plain())
    (tmp_path / "space.json").write_text(search_space(Plain()).dumps())
    (tmp_path / "config.yml").write_text(
        "command: python script.py\n"
        "search_space: space.json\n"
        "tuner: random\n"
        "max_trials: 2\n"
        f"environment: {{PYTHONPATH: {RUNS}}}\n" + ("warm: true\n" if warm else "")
    )
    assert main(["run", "--folder", str(tmp_path / "it"), "config.yml"]) == 0
    graph = graph_in(tmp_path / "it")
    assert (graph["tier"], graph["model"]) == ("meta", "Plain")
