"""The page on what a network costs."""

from __future__ import annotations

from pathlib import Path

from nas_tuners.contract.trial_io import read_metrics
from nas_tuners.experiment.configuration.config import load_config
from tests.docs.kit import run_page


def test_the_trials_keep_to_the_bound(tmp_path: Path) -> None:
    run_page("docs/profiling.md", tmp_path)
    trials = (tmp_path / "nas-experiments" / "latest" / "trials").iterdir()
    values = [read_metrics(trial).metrics[-1].value for trial in trials]
    assert len(values) == 2
    assert all(value["flops"] <= 4e6 for value in values)
    assert load_config(tmp_path / "objectives.yml").optimize_mode["latency"] == "minimize"
