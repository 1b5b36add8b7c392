from __future__ import annotations

import json
import logging
import re
import time

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from nas_tuners.contract.errors import ConfigError
from trial_api.mutators import (
    BinaryGateMutator,
    GumbelSoftmaxMutator,
    HardGumbelMutator,
    RandomMutator,
    SoftmaxMutator,
)
from trial_api.oneshot import Callback, ModelCheckpoint, Phase
from trial_api.oneshot._base import BaseTrainer
from trial_api.oneshot._data import TRAIN
from trial_api.oneshot._recording import graph_inputs, present_status
from trial_api.randomness import random_state
from trial_api.training.batches import Batch

from .small import SmallNet, accuracy, data, same_state, trainer


def records_of(folder):
    """Those that no later one supersedes."""
    records = []
    for line in (folder / "log").read_text().splitlines():
        record = json.loads(line)
        records = [one for one in records if one["step"] < record["step"]] + [record]
    return records


def test_a_record_of_a_search(tmp_path):
    search = trainer(epochs=3)
    search.enable_visualization(tmp_path / "new" / "folder")
    assert search.visualization_folder == tmp_path / "new" / "folder"
    search.train()
    records = records_of(tmp_path / "new" / "folder")
    steps = len(search._loop.streams[TRAIN])
    assert records[0]["step"] == 0
    ends = [r for r in records if (r["step"] + 1) % steps == 0 and r["kind"] == "probability"]
    assert [r["epoch"] for r in ends] == [0, 1, 2]
    last = search.mutator.preferences()["layer"]
    assert ends[-1]["status"]["layer"] == pytest.approx(last, rel=1e-4)
    final = records[-1]
    assert (final["kind"], final["step"], final["epoch"]) == ("final", 3 * steps, 2)
    assert ["linear", "relu"][final["status"]["layer"].index(1)] == search.export()["layer"]
    times = [record["time"] for record in records]
    assert times == sorted(times)


def test_both_files_are_there_before_training(tmp_path, caplog):
    search = trainer()
    with caplog.at_level(logging.INFO):
        search.enable_visualization(tmp_path)
    assert str(tmp_path) in caplog.text
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert graph["schema"] == "nas-graph/1"
    assert graph["inputs"] == [{"shape": [2, 4], "dtype": "float32"}]
    assert graph["search_space"] == search.mutator.search_space.to_dict()
    assert (tmp_path / "log").read_text() == ""


def test_the_folder_is_named_by_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = trainer()
    search.enable_visualization()
    folder = search.visualization_folder
    assert re.fullmatch(r"logs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", folder.as_posix())
    assert (tmp_path / folder / "graph.json").exists()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be(tmp_path, place):
    (tmp_path / "file").write_text("something")
    search = trainer()
    with pytest.raises(ConfigError, match="logdir: what is recorded cannot be written"):
        search.enable_visualization(tmp_path / place)


def test_logs_that_are_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").write_text("something")
    with pytest.raises(ConfigError, match="logdir"):
        trainer().enable_visualization()


def test_a_graph_that_cannot_be_written(tmp_path):
    (tmp_path / "graph.json").mkdir()
    with pytest.raises(ConfigError, match=r"graph\.json"):
        trainer().enable_visualization(tmp_path)


def test_a_disk_that_fails_later_costs_one_warning(tmp_path, caplog):
    folder = tmp_path / "logs"
    failing = _Break(folder)
    search = trainer(callbacks=[failing])
    search.enable_visualization(folder)
    with caplog.at_level(logging.WARNING):
        search.train()
    other = trainer()
    other.train()
    assert len(caplog.records) == 1
    assert "choices are not recorded" in caplog.text
    assert same_state(search, other)


class _Break(Callback):
    def __init__(self, folder):
        self.folder = folder

    def on_batch_end(self, epoch, batch):
        if epoch == batch == 0:
            (self.folder / "log").unlink()
            (self.folder / "log").mkdir()


def test_a_model_that_does_not_run_without_numbers(tmp_path):
    search = trainer(_Counting())
    search.enable_visualization(tmp_path)
    search.train()
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert graph["tier"] in ("cpu", "modules")
    assert records_of(tmp_path)[-1]["kind"] == "final"


class _Counting(SmallNet):
    def forward(self, x):
        return super().forward(x) if x.sum().item() < 1e9 else x


def test_data_that_cannot_be_read_is_for_training_to_tell(tmp_path):
    search = trainer(train_loader=[], search_loader=[])
    search.enable_visualization(tmp_path)
    graph = json.loads((tmp_path / "graph.json").read_text())
    assert graph["tier"] == "modules"
    assert graph["note"].startswith("TrainingError: ")
    assert len(graph["modules"]) > 3


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("own", [False, True], ids=["data set", "own loaders"])
def test_to_record_takes_nothing_from_the_search(tmp_path, own, workers):
    results = []
    for visualize in (False, True):
        given = {"workers": workers}
        if own:
            torch.manual_seed(5)
            loaders = [DataLoader(data(), 4, shuffle=True, num_workers=workers) for _ in "ab"]
            given = dict(zip(("train_loader", "search_loader"), loaders, strict=True))
        search = trainer(epochs=1, **given)
        if visualize:
            search.enable_visualization(tmp_path)
        search.train()
        results.append((search, random_state()))
    (one, before), (other, after) = results
    assert same_state(one, other)
    assert torch.equal(before["torch"], after["torch"])
    assert before["python"] == after["python"]


def test_a_resumed_search_goes_on_with_its_log(tmp_path):
    whole = trainer(epochs=3)
    whole.enable_visualization(tmp_path / "whole")
    whole.train()
    stopped = trainer(epochs=3, callbacks=[ModelCheckpoint(tmp_path, every_batches=1), _Stop()])
    stopped.enable_visualization(tmp_path / "logs")
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    resumed = trainer(epochs=3, callbacks=[ModelCheckpoint(tmp_path / "more")])
    resumed.enable_visualization(tmp_path / "logs")
    resumed.resume(tmp_path / "latest.pt")
    assert resumed._loop.position.total == 6
    resumed.train()
    last, other = records_of(tmp_path / "logs")[-1], records_of(tmp_path / "whole")[-1]
    assert {**last, "time": 0} == {**other, "time": 0}


class _Stop(Callback):
    def on_batch_begin(self, epoch, batch):
        if (epoch, batch) == (1, 2):
            raise KeyboardInterrupt


def test_a_finished_search_that_is_resumed(tmp_path):
    search = trainer()
    search.train()
    search.checkpoint(tmp_path / "end.pt")
    again = trainer()
    again.resume(tmp_path / "end.pt")
    again.enable_visualization(tmp_path / "logs")
    again.train()
    (final,) = records_of(tmp_path / "logs")
    assert (final["kind"], final["step"], final["epoch"]) == ("final", 8, 1)


def test_checkpoints_from_before_steps_were_counted(tmp_path):
    search = trainer()
    state = search._loop.state_dict()
    del state["position"]["total"]
    search._loop.load_state_dict(state)
    assert search._loop.position.total == 0


@pytest.mark.parametrize(
    ("kind", "recorded"),
    [
        (SoftmaxMutator, "probability"),
        (GumbelSoftmaxMutator, "probability"),
        (HardGumbelMutator, "probability"),
        (BinaryGateMutator, "probability"),
        (RandomMutator, "sample"),
    ],
)
def test_what_mutators_tell(kind, recorded):
    mutator = kind(SmallNet(), seed=0)
    with torch.no_grad():
        mutator.reset()
    random = mutator.state_dict()
    got, status = present_status(mutator)
    assert got == recorded
    assert status.keys() == {"layer"}
    assert sum(status["layer"]) == pytest.approx(1)
    if recorded == "probability":
        assert max(status["layer"]) < 0.6  # what is drawn would be a one
    again = mutator.state_dict()
    assert str(random) == str(again)


def test_one_transfer_a_record(monkeypatch):
    transfers = []
    original = torch.Tensor.tolist

    def tolist(tensor):
        transfers.append(tuple(tensor.shape))
        return original(tensor)

    mutator = SoftmaxMutator(_Several())
    mutator.reset()
    monkeypatch.setattr(torch.Tensor, "tolist", tolist)
    mutator.status()
    mutator.preferences()
    assert transfers == [(12,), (12,)]


class _Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.nets = nn.ModuleList(SmallNet() for _ in range(6))
        for number, net in enumerate(self.nets):
            net.layer.key = f"layer{number}"


def test_the_samples_of_a_batch():
    x = torch.arange(8).reshape(4, 2)
    batch = Batch((x, [x, 3], {"mask": x, "table": torch.ones(7)}, torch.tensor(1)), {}, None, 4)
    first, (second, number), by_name, scalar = graph_inputs(batch)
    assert first.shape == second.shape == by_name["mask"].shape == (2, 2)
    assert (number, by_name["table"].shape, scalar) == (3, (7,), 1)
    assert graph_inputs(Batch((), {"x": x}, None, 4))["x"].shape == (2, 2)


def test_a_trainer_with_a_loop_of_its_own(tmp_path):
    model = SmallNet()
    search = _ByHand(
        model,
        nn.CrossEntropyLoss(),
        accuracy,
        torch.optim.SGD(model.parameters(), 0.1),
        1,
        data(),
        None,
        mutator=RandomMutator(model, seed=1),
        search_fraction=0.0,
        options={"seed": 1, "progress": False},
    )
    search.enable_visualization(tmp_path)
    search.train()
    records = records_of(tmp_path)
    assert [record["step"] for record in records] == [0, 1, 2]
    assert {record["kind"] for record in records} == {"sample"}


class _ByHand(BaseTrainer):
    def _phases(self, epoch):
        return [Phase("none", dict, (), 0)]

    def train(self, validate=True):
        for _ in range(3):
            self.mutator.reset()
            self._write_graph_status()
            while not self._recording.log.is_time():
                time.sleep(0.01)
