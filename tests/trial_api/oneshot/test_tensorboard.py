from __future__ import annotations

import sys

import pytest

from nas_tuners.contract.errors import ConfigError
from tests.trial_api.oneshot.small import data, trainer
from trial_api.oneshot import Callback, ModelCheckpoint


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: name -> (epoch, value)."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    ).EventAccumulator(str(folder))
    accumulator.Reload()
    return {
        name: [(event.step, event.value) for event in accumulator.Scalars(name)]
        for name in accumulator.Tags()["scalars"]
    }


def test_averages_of_each_epoch(tmp_path):
    pytest.importorskip("tensorboard")
    made = trainer(logdir=str(tmp_path), dataset_valid=data(16, seed=1), epochs=2)
    made.train()
    found = scalars(tmp_path)
    assert {"loss", "accuracy", "valid_loss", "valid_accuracy"} <= found.keys()
    assert [epoch for epoch, _ in found["loss"]] == [0, 1]
    judged = made.validate()
    assert found["valid_loss"][-1][1] == pytest.approx(judged["loss"])


def test_a_resumed_search_replaces_what_it_repeats(tmp_path):
    pytest.importorskip("tensorboard")

    class Stop(Callback):
        def on_epoch_begin(self, epoch):
            if epoch == 2:
                raise KeyboardInterrupt

    options = {"logdir": str(tmp_path / "logs"), "epochs": 3}
    with pytest.raises(KeyboardInterrupt):
        trainer(callbacks=[ModelCheckpoint(tmp_path), Stop()], **options).train()
    resumed = trainer(**options)
    resumed.resume(tmp_path / "epoch_0.pt")
    resumed.train()
    assert [epoch for epoch, _ in scalars(tmp_path / "logs")["loss"]] == [0, 1, 2]


def test_without_the_package_the_trainer_says_so_at_once(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r"pip install tensorboard"):
        trainer(logdir=str(tmp_path))
    trainer()


def test_nothing_is_written_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer(epochs=1).train()
    assert list(tmp_path.iterdir()) == []
