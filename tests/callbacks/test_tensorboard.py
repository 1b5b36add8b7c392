from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas_tuners.callbacks import TensorBoardCallback
from tests.callbacks.story import (
    finished,
    reported,
    retried,
    run_ended,
    run_started,
    started,
    story,
    tell,
)

pytest.importorskip("tensorboard")

# Of tensorboard's own modules, when they are imported and read what was written.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(e.step, pytest.approx(e.value)) for e in read(folder).Scalars(tag)]


def test_a_folder_a_trial_with_its_curves(tmp_path: Path) -> None:
    tell(TensorBoardCallback(), story(tmp_path))
    folder = tmp_path / "tensorboard"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["trial-0000", "trial-0001", "trial-0002"]
    assert curve(folder / "trial-0000", "value") == [(0, 0.5), (1, 0.7)]
    assert curve(folder / "trial-0000", "loss") == [(0, 1.5), (1, 1.0)]
    assert curve(folder / "trial-0001", "value") == [(0, 0.1)]
    assert read(folder / "trial-0002").Tags()["scalars"] == []


def test_architectures_stand_beside_their_results(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    tell(TensorBoardCallback(str(tmp_path / "runs")), story(tmp_path))
    accumulator = read(tmp_path / "runs" / "trial-0000")
    assert curve(tmp_path / "runs" / "trial-0000", "final/value") == [(0, 0.9)]
    assert curve(tmp_path / "runs" / "trial-0000", "final/latency") == [(0, 4.0)]
    content = accumulator.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hparams = HParamsPluginData.FromString(content).session_start_info.hparams
    assert hparams["conv"].string_value == "conv3x3"
    assert hparams["skip"].string_value == '["in1"]'
    assert hparams["dropout"].number_value == 0.0


def test_another_attempt_replaces_what_the_first_reported(tmp_path: Path) -> None:
    callback = TensorBoardCallback()
    events = [run_started(tmp_path), started(0), reported(0, 0, 0.1), reported(0, 1, 0.2)]
    tell(callback, [*events, retried(0), started(0, attempt=2), reported(0, 0, 0.3)])
    tell(callback, [finished(0, "complete", 0.4), run_ended()])
    assert curve(tmp_path / "tensorboard" / "trial-0000", "value") == [(0, 0.3)]
