"""The page as a file: what is in it, and what is left out."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas_tuners.contract.errors import ConfigError, ExportError
from nas_tuners.viewer import _export, export_page
from nas_tuners.viewer.trials import source
from tests.experiment_kit import Project
from tests.viewer.kit import append, record, recorded


def data_in(file: Path) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', file.read_text()
    )
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_a_recorded_search(tmp_path: Path) -> None:
    search = recorded(tmp_path / "search")
    assert export_page(search, tmp_path / "page.html") == []
    data = data_in(tmp_path / "page.html")
    [run] = data["runs"]["runs"]
    assert run["has"] == {"graph": True, "log": True, "trials": False}
    assert run["live"] is False
    assert data["graph"]["0"]["graph"]["model"] == "Net"
    assert data["log"]["0"]["step"] == [1, 2, 3, 4, 5]
    assert data["trials"] == {}


def test_an_experiment(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("report(value, 'intermediate'); report(value)")
    assert project.run().returncode == 0
    left_out = export_page(project.experiment, tmp_path / "page.html")
    assert left_out == ["experiment: what trials have printed is left out"]
    data = data_in(tmp_path / "page.html")
    assert data["trials"]["0"]["number"] == [0, 1, 2]
    assert set(data["trial"]["0"]) == {"0", "1", "2"}
    assert data["trial"]["0"]["1"]["logs"] == []
    assert set(data["intermediate"]["0"]["curves"]) == {"0", "1", "2"}
    assert data["importance"]["0"]["metric"] == "default"


def test_a_study(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="mine", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    export_page(study, tmp_path / "page.html")
    data = data_in(tmp_path / "page.html")
    assert data["runs"]["runs"][0]["title"] == "mine"
    assert data["trials"]["0"]["state"] == ["complete"] * 3


def test_several_searches(tmp_path: Path) -> None:
    for name in ("one", "two"):
        recorded(tmp_path / "logs" / name)
    export_page(tmp_path / "logs", tmp_path / "page.html")
    data = data_in(tmp_path / "page.html")
    assert {run["title"] for run in data["runs"]["runs"]} == {"one", "two"}
    assert set(data["graph"]) == set(data["log"]) == {"0", "1"}


def test_a_long_log_is_thinned(tmp_path: Path) -> None:
    append(tmp_path, range(5000))
    assert export_page(tmp_path, tmp_path / "page.html") == [
        f"{tmp_path.name}: of the log's 5000 records, 1000 are in the page"
    ]
    log = data_in(tmp_path / "page.html")["log"]["0"]
    assert (log["count"], len(log["index"])) == (5000, 1000)
    assert log["index"][-1] == 4999


@pytest.mark.extended
def test_a_wide_log_is_thinned_more(tmp_path: Path) -> None:
    status = {f"key_{i}": [0.1234] * 8 for i in range(200)}
    lines = [json.dumps({**record(step), "status": status}) + "\n" for step in range(1, 1200)]
    (tmp_path / "log").write_text("".join(lines))
    [note] = export_page(tmp_path, tmp_path / "page.html")
    assert "of the log's 1199 records" in note
    assert (tmp_path / "page.html").stat().st_size < 5 * 2**20


def test_older_searches_are_left_out_where_there_are_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_export, "_LARGEST", 3000)
    for name in ("one", "two", "three"):
        recorded(tmp_path / "logs" / name)
    left_out = export_page(tmp_path / "logs", tmp_path / "page.html")
    data = data_in(tmp_path / "page.html")
    shown = [run["id"] for run in data["runs"]["runs"]]
    assert set(data["graph"]) == {*shown}
    assert left_out == [f"of 3 searches, the {3 - len(shown)} oldest are left out"]
    assert 1 <= len(shown) < 3


def test_many_trials_are_the_best_and_the_latest() -> None:
    values = [float(i % 1000) for i in range(5000)]
    columns = {
        "revision": 1,
        "metrics": ["default"],
        "directions": ["maximize"],
        "number": list(range(5000)),
        "state": ["complete"] * 5000,
        "values": {"default": values},
        "start": [None] * 5000,
        "seconds": [None] * 5000,
        "architecture": {"k": [i % 2 for i in range(5000)]},
        "labels": {"k": ["a", "b"]},
        "reason": {"0": "gone", "4999": "kept"},
        "feasible": None,
        "problems": [],
    }
    fewer = _export._latest(columns, 100)
    assert len(fewer["number"]) == 100
    assert {999, 1999, 2999, 3999, 4999} <= set(fewer["number"])
    assert fewer["number"][-50:] == list(range(4950, 5000))
    assert fewer["number"] == sorted(set(fewer["number"]))
    assert fewer["values"]["default"] == [float(n % 1000) for n in fewer["number"]]
    assert fewer["architecture"]["k"] == [n % 2 for n in fewer["number"]]
    assert fewer["labels"] == columns["labels"]
    assert fewer["reason"] == {"4999": "kept"}


def test_the_importance_is_waited_for(tmp_path: Path) -> None:
    study = optuna.create_study(study_name="mine", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=25)
    export_page(study, tmp_path / "page.html")
    importance = data_in(tmp_path / "page.html")["importance"]["0"]
    assert importance == {"metric": "default", "importance": {"x": 1.0}, "problem": ""}


def test_an_importance_that_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, compute = threading.Event(), source.importance_of

    def late(*arguments: Any, **options: Any) -> Any:
        goes_on.wait(30)
        return compute(*arguments, **options)

    monkeypatch.setattr(source, "importance_of", late)
    monkeypatch.setattr(_export, "_IMPORTANCE", 0.0)
    study = optuna.create_study(study_name="mine", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=30)
    export_page(study, tmp_path / "page.html")
    goes_on.set()
    importance = data_in(tmp_path / "page.html")["importance"]["0"]
    assert importance["problem"] == "it took too long when this page was written"


def test_trials_that_cannot_be_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("report(value)")
    assert project.run().returncode == 0
    (storage,) = project.experiment.glob("*.db")
    storage.write_text("no database")
    export_page(project.experiment, tmp_path / "page.html")
    data = data_in(tmp_path / "page.html")
    assert data["trials"]["0"]["problems"] == [data["importance"]["0"]["problem"]]
    assert data["intermediate"]["0"] == {"curves": {}}


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing is recorded there yet"):
        export_page(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    search = recorded(tmp_path / "search")
    with pytest.raises(ExportError, match=r"page.html cannot be written"):
        export_page(search, search / "log" / "page.html")
    with pytest.raises(ExportError, match=r"cannot be written"):
        export_page(search, search)


def test_what_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"got int"):
        export_page(3, tmp_path / "page.html")
    with pytest.raises(ConfigError, match=r"no such folder"):
        export_page(tmp_path / "nothing", tmp_path / "page.html")
