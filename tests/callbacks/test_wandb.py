from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.callbacks import WandbCallback
from tests.callbacks.story import (
    ID,
    finished,
    reported,
    retried,
    run_ended,
    run_started,
    started,
    story,
    tell,
)
from tests.experiment_kit import eventually

pytest.importorskip("wandb")

_BLOCK = 32768


def offline_runs(folder: Path) -> dict[str, dict[str, Any]]:
    """What lies in the files of offline runs, by the run's id, once all of it does."""
    folders = sorted(folder.glob("wandb/offline-run-*"))
    assert eventually(lambda: all("exit" in _read(run) for run in folders))
    return {run["id"]: run for run in map(_read, folders)}


def _read(folder: Path) -> dict[str, Any]:
    from wandb.proto import wandb_internal_pb2

    (file,) = folder.glob("*.wandb")
    run: dict[str, Any] = {"history": [], "summary": {}, "config": {}}
    for data in _records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        _take(record, run)
    return run


def _records(content: bytes) -> Iterator[bytes]:
    """The records of a log of LevelDB, which begins with 7 bytes of the tool's own."""
    place, parts = 7, b""
    while place + 7 <= len(content):
        left = _BLOCK - place % _BLOCK
        if left < 7:  # too short for a header
            place += left
            continue
        _crc, length, kind = struct.unpack_from("<IHB", content, place)
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def _take(record: Any, run: dict[str, Any]) -> None:
    if record.HasField("run"):
        run |= {"id": record.run.run_id, "group": record.run.run_group}
        run |= {"name": record.run.display_name, "project": record.run.project}
        run["config"] |= _items(record.run.config.update)
    elif record.HasField("history"):
        run["history"].append(_items(record.history.item))
    elif record.HasField("summary"):
        run["summary"] |= _items(record.summary.update)
    elif record.HasField("exit"):
        run["exit"] = record.exit.exit_code


def _items(items: Any) -> dict[str, Any]:
    return {
        item.key or item.nested_key[0]: json.loads(item.value_json)
        for item in items
        if not (item.key or item.nested_key[0]).startswith("_")
    }


def test_a_run_a_trial_in_one_group_though_they_overlap(tmp_path: Path) -> None:
    tell(WandbCallback(mode="offline"), story(tmp_path))
    runs = offline_runs(tmp_path)
    assert list(runs) == [f"{ID}-{n:04d}" for n in range(3)]
    assert {run["group"] for run in runs.values()} == {ID}
    assert {run["project"] for run in runs.values()} == {"cells"}
    first, pruned, failed = runs.values()
    assert first["name"] == "trial 0"
    assert first["config"] == {"conv": "conv3x3", "skip": ["in1"], "dropout": 0.0}
    assert first["history"] == [{"value": 0.5, "loss": 1.5}, {"value": 0.7, "loss": 1.0}]
    assert first["summary"]["final/value"] == 0.9
    assert first["summary"]["final/latency"] == 4.0
    assert pruned["history"] == [{"value": 0.1}]
    assert [run["summary"]["state"] for run in runs.values()] == ["complete", "pruned", "failed"]
    assert [run["exit"] for run in runs.values()] == [0, 0, 1]
    assert failed["summary"]["reason"] == "because"


def test_resuming_and_retrying_stay_in_the_group(tmp_path: Path) -> None:
    events = [run_started(tmp_path), started(0), reported(0, 0, 0.1), retried(0)]
    tell(WandbCallback("mine", mode="offline"), [*events, run_ended()])
    events = [run_started(tmp_path, trials=1), started(0, attempt=2), reported(0, 0, 0.3)]
    events += [finished(0, "complete", 0.4), run_ended()]
    tell(WandbCallback("mine", mode="offline"), events)
    runs = offline_runs(tmp_path)
    assert list(runs) == [f"{ID}-0000", f"{ID}-0000-2"]
    assert {(run["group"], run["project"]) for run in runs.values()} == {(ID, "mine")}
    lost, again = runs.values()
    assert lost["summary"]["state"] == "lost"
    assert again["history"] == [{"value": 0.3}]


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="`mode` must be online, offline or disabled, got 'off'"):
        WandbCallback(mode="off")  # type: ignore[arg-type]
