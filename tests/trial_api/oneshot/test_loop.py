from __future__ import annotations

import logging

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from nas_tuners.contract.errors import CheckpointError, ConfigError, TrainingError
from tests.trial_api.oneshot.small import SmallNet, data, same_state, trainer
from trial_api.oneshot import Callback, DartsTrainer, Phase
from trial_api.oneshot._callbacks import CallbackList
from trial_api.oneshot._data import Stream
from trial_api.oneshot._loop import Loop
from trial_api.oneshot._options import Settings


def loop(callbacks=(), **settings) -> Loop:
    """Two streams of three and two batches of two samples."""
    settings = {"device": "cpu", "progress": False, **settings}
    batches = {"train": _batches(3), "search": _batches(2)}
    streams = {name: Stream(name, given, seed=0) for name, given in batches.items()}
    return Loop(Settings(**settings), streams, CallbackList(list(callbacks)))


def _batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.full((2, 1), float(number)), torch.zeros(2)) for number in range(count)]


class Steps:
    """Phases that note what they are given."""

    def __init__(self) -> None:
        self.seen = []

    def both(self, train, search):
        self.seen.append(("both", int(train.args[0][0]), int(search.args[0][0])))
        return {"loss": float(len(self.seen))}

    def one(self, search):
        self.seen.append(("one", int(search.args[0][0])))
        return {"reward": 1.0}

    def none(self):
        self.seen.append(("none",))
        return {}

    def phases(self) -> list[Phase]:
        return [
            Phase("weights", self.both, ("train", "search"), 2),
            Phase("controller", self.one, ("search",), 3),
            Phase("rest", self.none, (), 1),
        ]


def test_phases_in_order_with_streams_that_never_end():
    steps = Steps()
    averages = loop().run_epoch(steps.phases())
    expected = [("both", 0, 0), ("both", 1, 1), ("one", 0), ("one", 1), ("one", 0), ("none",)]
    assert steps.seen == expected
    assert averages == {"loss": 1.5, "reward": 1.0}


def test_each_epoch_has_its_own_averages():
    made, steps = loop(), Steps()
    made.run_epoch(steps.phases())
    made.end_epoch()
    assert made.run_epoch(steps.phases()[:1]) == {"loss": 7.5}


def test_batches_are_counted_in_each_phase():
    class Record(Callback):
        events = ()

        def on_batch_end(self, epoch, batch):
            self.events += ((epoch, batch),)

    record, steps = Record(), Steps()
    loop([record]).run_epoch(steps.phases())
    assert record.events == ((0, 0), (0, 1), (0, 0), (0, 1), (0, 2), (0, 0))


@pytest.mark.parametrize("stop_after", range(1, 7))
def test_an_epoch_goes_on_where_it_was_left(stop_after):
    class Stop(Callback):
        count = 0

        def on_batch_end(self, epoch, batch):
            self.count += 1
            if self.count == stop_after:
                raise KeyboardInterrupt

    whole = Steps()
    expected = loop().run_epoch(whole.phases())
    steps, stopped = Steps(), loop([Stop()])
    with pytest.raises(KeyboardInterrupt):
        stopped.run_epoch(steps.phases())
    resumed = loop([Callback()])
    resumed.load_state_dict(stopped.state_dict())
    for name, stream in stopped.streams.items():
        resumed.streams[name].load_state_dict(stream.state_dict())
    assert resumed.run_epoch(steps.phases()) == expected
    assert steps.seen == whole.seen


def test_losses_are_located():
    made = loop()

    def step(train):
        made.guard.watch(torch.tensor(torch.nan), made.where)

    with pytest.raises(TrainingError, match="not finite in epoch 0, batch 0 of weights"):
        made.run_epoch([Phase("weights", step, ("train",), 1)])


@pytest.mark.parametrize(("every", "lines"), [(None, 0), (1, 3), (2, 1), (4, 0)])
def test_log_frequency(every, lines, caplog):
    made = loop(log_frequency=every)
    with caplog.at_level(logging.INFO, "trial_api"):
        made.run_epoch([Phase("controller", Steps().one, ("search",), 3)])
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == lines
    if lines:
        assert found[-1].startswith("epoch 0, controller ")
        assert "reward 1.0000 (1.0000)" in found[-1]


@pytest.mark.parametrize("progress", [True, False])
def test_the_bar(progress, capsys):
    loop(progress=progress).run_epoch(Steps().phases())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("epoch 0" in captured.err) == progress


def test_a_trainer_logs_each_epoch(caplog):
    with caplog.at_level(logging.INFO, "trial_api"):
        trainer(dataset_valid=data(16, seed=1)).train()
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in lines] == ["epoch 0", "epoch 1"]
    assert "loss: " in lines[0]
    assert "valid_accuracy: " in lines[0]


def test_validation_can_be_left_out_and_changes_nothing():
    one = trainer(dataset_valid=data(16, seed=1))
    one.train()
    other = trainer(dataset_valid=data(16, seed=1))
    other.train(validate=False)
    assert same_state(one, other)


@pytest.mark.parametrize(
    "options", [{"amp": "fp16"}, {"amp": "bf16"}, {"amp": "fp16", "accumulate": 2}]
)
def test_mixed_precision_trains(options):
    made = trainer(**options)
    before = made.model.head.weight.detach().clone()
    made.train()
    assert made.model.head.weight.dtype == torch.float32
    assert not torch.equal(made.model.head.weight, before)
    assert bool(torch.isfinite(made.model.head.weight).all())


def test_mixed_precision_resumes(tmp_path):
    whole = trainer(amp="fp16", accumulate=3)
    whole.train()
    first = trainer(amp="fp16", accumulate=3, epochs=1)
    first.train()
    first.checkpoint(tmp_path / "file.pt")
    resumed = trainer(amp="fp16", accumulate=3)
    resumed.resume(tmp_path / "file.pt")
    resumed.train()
    assert same_state(whole, resumed)


def test_data_of_another_size_cannot_finish_an_epoch(tmp_path):
    class Stop(Callback):
        def on_batch_end(self, epoch, batch):
            if batch == 1:
                self.trainer.checkpoint(tmp_path / "file.pt")

    trainer(epochs=1, callbacks=[Stop()]).train()
    with pytest.raises(CheckpointError, match=r"file.pt: a pass of the train data had 4 batches"):
        trainer(epochs=1, batch_size=2).resume(tmp_path / "file.pt")


def test_an_architecture_before_training_is_told_of(caplog):
    made = trainer(epochs=1)
    made.export()
    assert "nothing was trained yet" in caplog.text
    caplog.clear()
    made.train()
    made.export()
    assert "nothing was trained" not in caplog.text


def test_what_is_no_argument_is_described_in_a_word():
    model = SmallNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ConfigError, match="metrics: must be callable or None, but got an obj"):
        DartsTrainer(model, F.cross_entropy, optimizer, optimizer, 1, data())
