from __future__ import annotations

import json

import pytest
import torch

from nas_tuners.contract.errors import ConfigError
from tests.trial_api.oneshot.small import SmallNet, same_state, trainer
from trial_api import apply_fixed_architecture
from trial_api.oneshot import (
    ArchitectureCheckpoint,
    Callback,
    LRSchedulerCallback,
    ModelCheckpoint,
)
from trial_api.oneshot._callbacks import CallbackList

STEPS = 4  # batches of 4 of each half of 32 samples


class Record(Callback):
    def __init__(self, name: str, events: list) -> None:
        self.name, self.events = name, events

    def on_epoch_begin(self, epoch):
        self.events.append((self.name, "epoch begins", epoch))

    def on_epoch_end(self, epoch):
        self.events.append((self.name, "epoch ends", epoch))

    def on_batch_begin(self, epoch, batch):
        self.events.append((self.name, "batch begins", epoch, batch))

    def on_batch_end(self, epoch, batch):
        self.events.append((self.name, "batch ends", epoch, batch))


class Stop(Callback):
    """Ends the search before a batch."""

    def __init__(self, epoch: int, batch: int) -> None:
        self.at = (epoch, batch)

    def on_batch_begin(self, epoch, batch):
        if (epoch, batch) == self.at:
            raise KeyboardInterrupt


def trainer_with(made, *callbacks):
    """The same trainer with other callbacks, which need its optimizer."""
    made._loop.callbacks = CallbackList(list(callbacks))
    made._loop.callbacks.build(made.model, made.mutator, made)
    return made


def test_all_events_in_order():
    events = []
    trainer(callbacks=[Record("a", events), Record("b", events)], epochs=2).train()
    expected = []
    for epoch in range(2):
        times = [("epoch begins", epoch)]
        for batch in range(STEPS):
            times += [("batch begins", epoch, batch), ("batch ends", epoch, batch)]
        times.append(("epoch ends", epoch))
        expected += [(name, *time) for time in times for name in "ab"]
    assert events == expected


def test_callbacks_know_their_trainer():
    callback = Callback()
    made = trainer(callbacks=[callback])
    assert callback.trainer is made
    assert callback.model is made.model
    assert callback.mutator is made.mutator


def test_what_is_no_callback():
    with pytest.raises(ConfigError, match="callbacks: expected objects of a subclass of Callback"):
        trainer(callbacks=[print])


class Rates(Callback):
    """Notes the learning rate of each batch."""

    def __init__(self) -> None:
        self.seen = []

    def on_batch_begin(self, epoch, batch):
        self.seen.append(self.trainer._weights.optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("epoch", [0.1] * STEPS + [0.05] * STEPS),
        ("batch", [0.1 * 0.5**step for step in range(2 * STEPS)]),
    ],
)
def test_schedulers_step_per_epoch_or_batch(mode, expected):
    rates = Rates()

    def halving(optimizer):
        return torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    made = trainer()
    scheduler = LRSchedulerCallback(halving(made._weights.optimizer), mode)
    trainer_with(made, scheduler, rates).train()
    assert rates.seen == pytest.approx(expected)


def test_an_unknown_mode():
    with pytest.raises(ConfigError, match="`mode` must be 'epoch' or 'batch', but got 'step'"):
        LRSchedulerCallback(None, "step")


@pytest.mark.parametrize("mode", ["epoch", "batch"])
@pytest.mark.parametrize("stop", [(1, 0), (1, 2)])
def test_schedulers_go_on_where_they_were(mode, stop, tmp_path):
    def make(*callbacks):
        made = trainer(epochs=3)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(made._weights.optimizer, 20)
        return trainer_with(made, *callbacks, LRSchedulerCallback(cosine, mode))

    whole = make()
    whole.train()
    stopped = make(ModelCheckpoint(tmp_path, every_batches=1), Stop(*stop))
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    resumed = make(ModelCheckpoint(tmp_path / "more"), Callback())
    file = "latest.pt" if stop[1] else "epoch_0.pt"
    resumed.resume(tmp_path / file)
    resumed.train()
    assert same_state(whole, resumed)


def test_several_callbacks_of_a_class(tmp_path):
    def make(*epochs):
        made = trainer(epochs=1)
        optimizer = made._weights.optimizer
        schedulers = [torch.optim.lr_scheduler.StepLR(optimizer, n) for n in epochs]
        return trainer_with(made, *map(LRSchedulerCallback, schedulers)), schedulers

    first, _ = make(3, 5)
    first.checkpoint(tmp_path / "file.pt")
    resumed, schedulers = make(4, 4)
    resumed.resume(tmp_path / "file.pt")
    assert [one.step_size for one in schedulers] == [3, 5]


def test_checkpoints_are_written_when_the_others_have_acted():
    events = []

    class Late(ModelCheckpoint):
        def on_epoch_end(self, epoch):
            events.append("checkpoint")

    trainer(epochs=1, callbacks=[Late("unused"), Record("other", events)]).train()
    assert events[-2:] == [("other", "epoch ends", 0), "checkpoint"]


def test_architectures_of_each_epoch(tmp_path):
    made = trainer(callbacks=[ArchitectureCheckpoint(tmp_path / "new" / "folder")])
    made.train()
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [file.name for file in files] == ["epoch_0.json", "epoch_1.json"]
    assert json.loads(files[1].read_text()) == made.export()
    apply_fixed_architecture(SmallNet(), files[0])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["epoch_0.pt", "epoch_1.pt", "epoch_2.pt"]),
        ({"every": 2}, ["epoch_1.pt"]),
        ({"every": 2, "every_batches": 3}, ["epoch_1.pt", "latest.pt"]),
        ({"every_batches": STEPS + 1}, ["epoch_0.pt", "epoch_1.pt", "epoch_2.pt"]),
    ],
)
def test_files_of_model_checkpoints(arguments, expected, tmp_path):
    trainer(epochs=3, callbacks=[ModelCheckpoint(tmp_path, **arguments)]).train()
    assert sorted(file.name for file in tmp_path.iterdir()) == expected


def test_a_checkpoint_of_an_epoch_goes_on_with_the_next(tmp_path):
    whole = trainer(epochs=3, callbacks=[ModelCheckpoint(tmp_path)])
    whole.train()
    events = []
    resumed = trainer(epochs=3, callbacks=[Record("r", events)])
    resumed.resume(tmp_path / "epoch_0.pt")
    resumed.train()
    assert events[0] == ("r", "epoch begins", 1)
    assert same_state(whole, resumed)


def test_a_resumed_epoch_does_not_begin_twice(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trainer(callbacks=[ModelCheckpoint(tmp_path, every_batches=1), Stop(0, 3)]).train()
    events = []
    resumed = trainer(callbacks=[Record("r", events)])
    resumed.resume(tmp_path / "latest.pt")
    resumed.train()
    assert events[0] == ("r", "batch begins", 0, 3)
    assert next(event for event in events if len(event) == 3) == ("r", "epoch ends", 0)


def test_own_callbacks_keep_their_state(tmp_path):
    class Counts(Callback):
        count = 0

        def on_batch_end(self, epoch, batch):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    first = trainer(epochs=1, callbacks=[Callback(), Counts()])
    first.train()
    first.checkpoint(tmp_path / "file.pt")
    counts = Counts()
    trainer(callbacks=[Callback(), counts]).resume(tmp_path / "file.pt")
    assert counts.count == STEPS


def test_other_callbacks_than_those_of_the_checkpoint_are_told(tmp_path, caplog):
    first = trainer(epochs=1)
    schedule = torch.optim.lr_scheduler.StepLR(first._weights.optimizer, 1)
    trainer_with(first, LRSchedulerCallback(schedule))
    first.checkpoint(tmp_path / "file.pt")
    trainer().resume(tmp_path / "file.pt")
    assert "were ['LRSchedulerCallback 0'] and are [] now" in caplog.text
