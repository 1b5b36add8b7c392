from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import trial_api
from nas_tuners.contract.errors import MetricError, TrialError
from nas_tuners.contract.trial_io import (
    METRICS_FILE,
    TRIAL_DIR,
    Assignment,
    read_metrics,
    write_assignment,
)
from trial_api._trial import Trial

PARAMETERS = {"lr": 0.1, "conv": {"_value": "conv5x5", "_idx": 1}}


@pytest.fixture
def trial_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a trial that an experiment launched."""
    write_assignment(tmp_path, Assignment("exp", "t7", 7, PARAMETERS))
    monkeypatch.setenv(TRIAL_DIR, str(tmp_path))
    return tmp_path


def reports(trial_dir: Path) -> list[tuple[str, int, object]]:
    read = read_metrics(trial_dir)
    assert not read.problems
    return [(metric.kind, metric.sequence, metric.value) for metric in read.metrics]


def test_parameters_are_the_same_at_each_call(trial_dir):
    parameters = trial_api.get_next_parameter()
    assert parameters == PARAMETERS
    parameters["conv"]["_idx"] = 7  # what the caller does with them stays with the caller
    parameters.pop("lr")
    assert trial_api.get_next_parameter() == PARAMETERS


def test_ids(trial_dir):
    assert trial_api.get_experiment_id() == "exp"
    assert trial_api.get_trial_id() == "t7"
    assert trial_api.get_sequence_id() == 7


def test_the_output_folder_is_made(trial_dir):
    assert trial_api.get_output_dir() == trial_dir / "output"
    assert trial_api.get_output_dir().is_dir()


def test_the_budget_is_a_parameter(tmp_path, monkeypatch):
    assert trial_api.get_trial_budget() is None  # alone
    for number, (parameters, budget) in enumerate([({}, None), ({"TRIAL_BUDGET": 9}, 9)]):
        folder = tmp_path / str(number)
        write_assignment(folder, Assignment("exp", "t", number, parameters))
        monkeypatch.setenv(TRIAL_DIR, str(folder))
        assert trial_api.get_trial_budget() == budget
        assert trial_api.get_next_parameter() == parameters


def test_a_result_may_be_under_the_name_that_the_search_is_about(tmp_path, monkeypatch):
    write_assignment(tmp_path, Assignment("exp", "t", 0, {}, metric="accuracy"))
    monkeypatch.setenv(TRIAL_DIR, str(tmp_path))
    with pytest.raises(MetricError, match="needs the key 'accuracy' or 'default'"):
        trial_api.report_final_result({"loss": 0.1})
    trial_api.report_final_result({"accuracy": 0.5})
    (metric,) = read_metrics(tmp_path, metric="accuracy").metrics
    assert metric.number("accuracy") == 0.5


def test_reports_are_numbered_and_appended(trial_dir):
    trial_api.report_intermediate_result(0.1)
    trial_api.report_intermediate_result(torch.tensor(0.5))
    trial_api.report_intermediate_result({"default": np.float32(0.25), "curve": [1, 2]})
    trial_api.report_final_result(3)
    assert reports(trial_dir) == [
        ("intermediate", 0, 0.1),
        ("intermediate", 1, 0.5),
        ("intermediate", 2, {"default": 0.25, "curve": [1, 2]}),
        ("final", 0, 3.0),
    ]


def test_the_last_of_two_final_results_counts(trial_dir, caplog):
    trial_api.report_final_result(0.1)
    assert not caplog.messages
    trial_api.report_final_result(0.2)
    assert caplog.messages == ["a final result was reported before; the last one counts"]
    assert reports(trial_dir) == [("final", 0, 0.1), ("final", 1, 0.2)]


@pytest.mark.parametrize("value", [math.nan, math.inf, "0.9", None, True, {"acc": 1}, [0.9]])
def test_a_wrong_result_is_refused_where_it_is_reported(trial_dir, value):
    with pytest.raises(MetricError):
        trial_api.report_intermediate_result(value)
    with pytest.raises(MetricError):
        trial_api.report_final_result(value)
    assert not (trial_dir / METRICS_FILE).exists()


def test_a_wrong_result_is_refused_alone_too():
    with pytest.raises(MetricError, match="needs the key 'default'"):
        trial_api.report_final_result({"accuracy": 0.9})


def test_a_refused_result_takes_no_number(trial_dir):
    with pytest.raises(MetricError):
        trial_api.report_intermediate_result(math.nan)
    trial_api.report_intermediate_result(1.0)
    assert reports(trial_dir) == [("intermediate", 0, 1.0)]


def test_a_folder_without_parameters(tmp_path, monkeypatch):
    monkeypatch.setenv(TRIAL_DIR, str(tmp_path))
    with pytest.raises(TrialError, match=r"no usable parameters.json in .*unset it"):
        trial_api.get_next_parameter()


def test_a_folder_that_is_gone(tmp_path):
    trial = Trial(tmp_path / "gone")
    with pytest.raises(TrialError, match=r"no usable parameters.json in .*gone"):
        trial.report_final_result(0.5)
    with pytest.raises(TrialError, match=r"the output folder .*gone/output cannot be made"):
        trial.output_dir  # noqa: B018


def test_alone_there_are_no_parameters_and_one_warning(caplog):
    assert trial_api.get_next_parameter() == {}
    assert trial_api.get_next_parameter() == {}
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("trial_api", logging.WARNING)
    assert record.getMessage() == (
        "this script runs alone, not under an experiment: there are no parameters, and results "
        "only go to the log (INFO). To search, launch it with `nas-tuners run config.yml`."
    )


def test_alone_results_go_to_the_log(caplog):
    caplog.set_level(logging.INFO, logger="trial_api")
    trial_api.report_intermediate_result(0.5)
    trial_api.report_intermediate_result(torch.tensor(0.75))
    trial_api.report_final_result({"default": 1})
    assert caplog.messages == [
        "intermediate result 0: 0.5",
        "intermediate result 1: 0.75",
        "final result 0: {'default': 1.0}",
    ]


def test_alone_ids_and_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert trial_api.get_experiment_id() == trial_api.get_trial_id() == "STANDALONE"
    assert trial_api.get_sequence_id() == 0
    assert trial_api.get_output_dir() == tmp_path
    assert not list(tmp_path.iterdir())


def test_trials_are_independent_objects(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_assignment(tmp_path / name, Assignment("exp", name, 0, {"from": name}))
    a, b = Trial(tmp_path / "a"), Trial(tmp_path / "b")
    a.report_intermediate_result(1)
    b.report_intermediate_result(2)
    assert (a.parameters(), b.parameters()) == ({"from": "a"}, {"from": "b"})
    assert json.loads((tmp_path / "b" / METRICS_FILE).read_text())["sequence"] == 0
