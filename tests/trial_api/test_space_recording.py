from __future__ import annotations

import copy
import json
import logging
import os
import pickle
import random

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.trial_io import TRIAL_DIR, Assignment, read_metrics, write_assignment
from trial_api import (
    LayerChoice,
    Repeat,
    ValueChoice,
    get_and_apply_next_architecture,
    model_space,
    report_final_result,
    report_intermediate_result,
    search_space,
)
from trial_api.nn import space_recording


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.layer = LayerChoice({"linear": nn.Linear(4, 4), "relu": nn.ReLU()}, key="layer")
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.layer(self.stem(x)))


@model_space
class Values(nn.Module):
    def __init__(self, inputs=4):
        super().__init__()
        width = ValueChoice([2, 3], key="width")
        depth = 1 if ValueChoice([True, False], key="shallow") else 2
        self.first = nn.Linear(inputs, width)
        self.more = nn.Sequential(*[nn.Linear(width, width) for _ in range(depth)])
        self.blocks = Repeat(lambda _: LayerChoice([nn.Tanh, nn.ReLU]), (1, 2), key="blocks")

    def forward(self, x):
        return self.blocks(self.more(self.first(x)))


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """Starts trials of an experiment, one after the other in this process."""
    (tmp_path / "runner.json").write_text("{}")
    monkeypatch.delenv("RANK", raising=False)

    def begin(model, number=0):
        folder = tmp_path / "trials" / f"{number:04d}"
        folder.mkdir(parents=True)
        space = search_space(model)
        vector = space.sample(random.Random(number))
        parameters = to_parameters(space, vector)
        given = Assignment("e", f"t{number}", number, parameters, space.to_dict())
        write_assignment(folder, given)
        monkeypatch.setenv(TRIAL_DIR, str(folder))
        return folder

    begin.folder = tmp_path
    return begin


def graph_in(folder):
    return json.loads((folder / "graph.json").read_text())


X = torch.ones(8, 4)


@pytest.mark.parametrize("report", [report_intermediate_result, report_final_result])
def test_the_first_report_is_followed_by_the_graph(experiment, report):
    folder = experiment(Net())
    network = get_and_apply_next_architecture(Net())
    network(X)
    assert not (experiment.folder / "graph.json").exists()
    report(0.5)
    graph = graph_in(experiment.folder)
    assert graph["tier"] == "meta"
    assert graph["inputs"] == [{"shape": [2, 4], "dtype": "float32"}]
    assert graph["search_space"] == search_space(Net()).to_dict()
    assert [slot["params"] for slot in graph["choices"]["layer"]["places"][0]["slots"]] == [20, 0]
    assert [metric.default for metric in read_metrics(folder).metrics] == [0.5]
    assert [file.name for file in experiment.folder.iterdir() if "graph" in file.name] == [
        "graph.json"
    ]


def test_it_is_recorded_once(experiment, monkeypatch):
    for number in range(3):
        experiment(Net(), number)
        get_and_apply_next_architecture(Net())(X)
        report_intermediate_result(0.5)
        report_final_result(0.5)
        if number == 0:
            before = (experiment.folder / "graph.json").stat()
            copies = []
            monkeypatch.setattr(space_recording, "FirstCall", copies.append)
    after = (experiment.folder / "graph.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert copies == []


def test_trials_that_fail_before_leave_it_to_the_next(experiment):
    for number in range(5):
        experiment(Net(), number)
        get_and_apply_next_architecture(Net())
    experiment(Net(), 5)
    get_and_apply_next_architecture(Net())(X)
    report_final_result(1.0)
    assert graph_in(experiment.folder)["tier"] == "meta"


@pytest.mark.parametrize("model", [Values, lambda: Values(), Values()], ids=["class", "fn", "it"])
def test_spaces_with_values(experiment, model):
    experiment(Values)
    get_and_apply_next_architecture(model)(X)
    report_final_result(1.0)
    graph = graph_in(experiment.folder)
    assert graph["search_space"] == search_space(Values).to_dict()
    assert list(graph["choices"]) == list(graph["search_space"])
    assert graph["choices"]["width"]["names"] == ["2", "3"]
    assert graph["tier"] == "meta"


def test_random_states_stay(experiment):
    results = []
    for number in range(2):  # the second one records nothing
        torch.manual_seed(3)
        random.seed(3)
        experiment(Net())
        torch.manual_seed(3)
        network = get_and_apply_next_architecture(Net())
        output = network(X)
        report_intermediate_result(1.0)
        results.append((output, torch.rand(3), random.random()))
        if number == 0:
            os.rename(experiment.folder / "trials", experiment.folder / "old")
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]


def test_the_network_is_as_any_other_before_its_first_call(experiment):
    experiment(Net())
    network = get_and_apply_next_architecture(Net())
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert not other._forward_hooks
        assert not other._forward_hooks_with_kwargs
        other(X)
    assert b"first_call" not in pickle.dumps(network)


def test_compiled_before_the_first_call(experiment):
    torch._dynamo.reset()
    experiment(Net())
    network = get_and_apply_next_architecture(Net())
    torch.compile(network, backend="eager", fullgraph=True)(X)
    report_final_result(1.0)
    graph = graph_in(experiment.folder)
    assert (graph["tier"], graph["inputs"]) == ("modules", [])
    assert graph["note"] == "no call of the network was seen: its inputs are not known"
    torch._dynamo.reset()


class Open(Net):
    def forward(self, x=None, **others):
        return super().forward(x + sum(others.values()))


def test_inputs_by_place_and_by_name(experiment):
    experiment(Open())
    get_and_apply_next_architecture(Open())(X, bias=torch.ones(8, 1), scale=2)
    report_final_result(1.0)
    graph = graph_in(experiment.folder)
    assert graph["tier"] == "meta"
    assert [one["shape"] for one in graph["inputs"]] == [[2, 4], [2, 1]]
    assert [n["name"] for n in graph["nodes"] if n["kind"] == "input"] == ["x", "bias"]


def test_a_report_before_the_first_call(experiment):
    experiment(Open())
    network = get_and_apply_next_architecture(Open())
    report_intermediate_result(0.0)
    assert not network._forward_hooks
    graph = graph_in(experiment.folder)
    assert (graph["tier"], graph["inputs"], graph["nodes"]) == ("modules", [], [])
    assert list(graph["choices"]) == ["layer"]


def test_in_distributed_data_parallel(experiment, tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        experiment(Net())
        network = DistributedDataParallel(get_and_apply_next_architecture(Net()))
        network(X).sum().backward()
        report_final_result(1.0)
    finally:
        torch.distributed.destroy_process_group()
    assert graph_in(experiment.folder)["inputs"] == [{"shape": [2, 4], "dtype": "float32"}]


def test_other_processes_of_a_trial_do_not_record(experiment, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    experiment(Net())
    get_and_apply_next_architecture(Net())(X)
    report_final_result(1.0)
    assert not (experiment.folder / "graph.json").exists()


def test_one_trial_at_a_time(experiment):
    (experiment.folder / ".graph.json.0").write_text("")
    experiment(Net())
    get_and_apply_next_architecture(Net())(X)
    report_final_result(1.0)
    assert not (experiment.folder / "graph.json").exists()


def test_an_attempt_that_was_lost(experiment):
    claim = experiment.folder / ".graph.json.0"
    claim.write_text("")
    os.utime(claim, (1, 1))
    experiment(Net())
    get_and_apply_next_architecture(Net())(X)
    report_final_result(1.0)
    assert graph_in(experiment.folder)["tier"] == "meta"
    assert list(experiment.folder.glob(".graph*")) == []


def test_a_machine_that_does_not_see_the_experiment(experiment):
    (experiment.folder / "runner.json").unlink()
    for number in (3, 1):
        folder = experiment(Net(), number)
        get_and_apply_next_architecture(Net())(X)
        report_final_result(1.0)
        assert (folder / "graph.json").exists() is (number == 1)


def test_whatever_goes_wrong_is_nothing_to_the_trial(experiment, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no graph")

    monkeypatch.setattr("trial_api.graph.record_graph", fail)
    folder = experiment(Net())
    get_and_apply_next_architecture(Net())(X)
    with caplog.at_level(logging.INFO):
        report_final_result(1.0)
    assert caplog.text == ""
    assert len(read_metrics(folder).metrics) == 1
    assert not (experiment.folder / "graph.json").exists()


class _Uncopied(Net):
    def __deepcopy__(self, memo):
        raise RuntimeError("no copies")


def test_a_model_that_cannot_be_copied(experiment, caplog):
    experiment(Net())
    with caplog.at_level(logging.INFO):
        get_and_apply_next_architecture(_Uncopied())(X)
        report_final_result(1.0)
    assert caplog.text == ""
    assert not (experiment.folder / "graph.json").exists()


def test_a_model_that_is_too_large(experiment, monkeypatch):
    monkeypatch.setattr(space_recording, "_MOST_MODULES", 3)
    monkeypatch.setattr("trial_api.nn._subject.copy_on_meta", None)  # not even copied
    experiment(Net())
    get_and_apply_next_architecture(Net())(X)
    report_final_result(1.0)
    assert not (experiment.folder / "graph.json").exists()


def test_a_script_that_runs_alone_records_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv(TRIAL_DIR, raising=False)
    monkeypatch.chdir(tmp_path)
    network = get_and_apply_next_architecture(Net())
    assert not network._forward_hooks
    assert list(tmp_path.iterdir()) == []
