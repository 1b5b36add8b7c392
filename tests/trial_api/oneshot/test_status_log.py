from __future__ import annotations

import json
import re

import pytest

from trial_api.oneshot._status_log import StatusLog


def test_lines(tmp_path):
    log = StatusLog(tmp_path / "new" / "logs")
    log.append({"conv": [0.5, 0.5], "skip": [True, False]}, epoch=1, step=2, kind="probability")
    log.append({"conv": [0.25, 0.75]}, epoch=1, step=3, kind="sample")
    lines = (tmp_path / "new" / "logs" / "log").read_text().splitlines()
    first, second = map(json.loads, lines)
    assert first["time"] <= second["time"]
    assert {key: first[key] for key in ("epoch", "step", "kind", "status")} == {
        "epoch": 1,
        "step": 2,
        "kind": "probability",
        "status": {"conv": [0.5, 0.5], "skip": [True, False]},
    }
    assert second["status"] == {"conv": [0.25, 0.75]}


def test_a_second_log_appends(tmp_path):
    for number in range(2):
        StatusLog(tmp_path).append({"k": [True]}, epoch=number, step=0, kind="sample")
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_the_graph(tmp_path):
    StatusLog(tmp_path).write_graph({"search_space": {"k": 1}})
    assert json.loads((tmp_path / "graph.json").read_text()) == {"search_space": {"k": 1}}


def test_the_folder_is_named_by_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = StatusLog(None)
    assert re.fullmatch(r"logs/\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", log.folder.as_posix())
    assert (tmp_path / log.folder).is_dir()


def test_numbers_that_json_lacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        StatusLog(tmp_path).append({"k": [float("nan")]}, epoch=0, step=0, kind="sample")
