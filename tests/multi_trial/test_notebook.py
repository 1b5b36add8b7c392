"""A notebook defines a model space in a cell and searches it with two workers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

DEFINES = """
import torch
from torch import nn
from nas_tuners import Experiment, FunctionalEvaluator
from trial_api import LayerChoice, ValueChoice, model_space, report_intermediate_result

@model_space
class Net(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        width = ValueChoice([2, 4, 8], key="width")
        self.hidden = nn.Linear(inputs, width)
        self.act = LayerChoice([nn.ReLU(), nn.Tanh()], key="act")

factor = 10

def judge(model_cls):
    size = sum(parameter.numel() for parameter in model_cls().parameters())
    report_intermediate_result(size)
    return factor * size
"""
SEARCHES = """
experiment = Experiment(Net(3), FunctionalEvaluator(judge), "random", max_trials=4, concurrency=2)
experiment.run()
"""
EXPORTS = "experiment.export_top_models(formatter='instance')[0].hidden.out_features, {}".format(
    "experiment.export_top_models()"
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_search_from_a_cell(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (DEFINES, SEARCHES, EXPORTS)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(
        notebook, timeout=200, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    said = text_of(notebook.cells[1])
    assert "Experiment in " in said
    assert said.count("\ntrial ") == 5, "four, and the head of the table"
    width, [best] = ast.literal_eval(notebook.cells[2].outputs[-1]["data"]["text/plain"])
    assert best["width"] == width
    assert (tmp_path / "nas-experiments" / "latest" / "payload.pkl").exists()


def text_of(cell: object) -> str:
    """What it printed; the bar is no part of it."""
    printed = (it for it in cell.outputs if it.get("name") == "stdout")  # type: ignore[attr-defined]
    return "".join(it["text"] for it in printed)
