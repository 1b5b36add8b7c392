"""What the server answers to the page."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import nas_tuners
from tests.experiment_kit import Project
from tests.viewer.kit import GRAPH, Served, append, record, recorded, served


@pytest.fixture
def search(tmp_path: Path) -> Path:
    return recorded(tmp_path / "logs" / "search")


@pytest.fixture
def it(search: Path) -> Iterator[Served]:
    with served(search) as it:
        yield it


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = Project(tmp_path_factory.mktemp("project"))
    project.write("print('hello'); report(value, 'intermediate'); report(value)")
    assert project.run().returncode == 0
    return project.experiment


@pytest.fixture(scope="module")
def trials(experiment: Path) -> Iterator[Served]:
    with served(experiment) as it:
        yield it


def test_a_recording_is_one_run(it: Served) -> None:
    assert it.get("api/runs").json() == {
        "version": nas_tuners.__version__,
        "runs": [
            {
                "id": "0",
                "title": "search",
                "has": {"graph": True, "log": True, "trials": False},
                "live": True,
                "dashboard": None,
            }
        ],
    }


def test_its_graph(it: Served) -> None:
    content = it.get("api/runs/0/graph").json()
    assert content["problems"] == []
    assert content["graph"]["modules"] == GRAPH["modules"]
    assert content["graph"]["edges"] == GRAPH["edges"]


def test_a_graph_is_read_again_when_it_changes(it: Served, search: Path) -> None:
    assert it.get("api/runs/0/graph").json()["graph"]["model"] == "Net"
    (search / "new").write_text(json.dumps({**GRAPH, "model": "Other"}))
    (search / "new").rename(search / "graph.json")
    assert it.get("api/runs/0/graph").json()["graph"]["model"] == "Other"


def test_its_log(it: Served, search: Path) -> None:
    overview = it.get("api/runs/0/log").json()
    assert overview["count"] == 5
    assert overview["index"] == [0, 1, 2, 3, 4]
    assert overview["step"] == [1, 2, 3, 4, 5]
    assert overview["kind"] == ["probability"] * 5
    assert overview["values"]["k"][1] == [0.3333, 0.6667]
    append(search, [6])
    assert it.get("api/runs/0/log").json()["count"] == 6


def test_a_log_of_many_keys_is_given_by_fewer_records(tmp_path: Path) -> None:
    status = {f"key_{i}": [0.5] * 10 for i in range(50)}
    lines = [json.dumps({**record(step), "status": status}) + "\n" for step in range(1, 600)]
    (tmp_path / "log").write_text("".join(lines))
    with served(tmp_path) as it:
        overview = it.get("api/runs/0/log").json()
        assert overview["count"] == 599
        assert len(overview["index"]) == 240


def test_a_record_in_full(it: Served) -> None:
    assert it.get("api/runs/0/log/1").json() == {"index": 1, **record(2)}
    gone = it.get("api/runs/0/log/5")
    assert gone.status_code == 404
    assert gone.json() == {"problem": "search: the log has no record 5"}


def test_bad_files_are_said_to_be_bad(it: Served, search: Path) -> None:
    (search / "graph.json").write_text('{"schema": ')
    (search / "log").write_text('nothing\n{"step": 1, "status": {"k": [NaN, 1]}}\n')
    graph = it.get("api/runs/0/graph").json()
    assert graph["graph"] is None
    assert "broken or incomplete JSON" in graph["problems"][0]
    log = it.get("api/runs/0/log")
    assert "line 1" in log.json()["problems"][0]
    json.loads(log.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_search_that_has_written_nothing_yet(tmp_path: Path) -> None:
    with served(tmp_path) as it:
        assert it.get("api/runs").json()["runs"] == []
        assert it.get("api/runs/0/graph").status_code == 404
        recorded(tmp_path / "logs" / "first")
        [run] = it.get("api/runs").json()["runs"]
        assert (run["id"], run["title"]) == ("0", "logs/first")


def test_a_search_that_has_only_a_log(tmp_path: Path) -> None:
    append(tmp_path, [1])
    with served(tmp_path) as it:
        assert it.get("api/runs").json()["runs"][0]["has"] == {
            "graph": False,
            "log": True,
            "trials": False,
        }
        assert it.get("api/runs/0/graph").json() == {"graph": None, "problems": []}


def test_runs_keep_their_numbers(tmp_path: Path) -> None:
    for age, name in enumerate(["new", "old"]):
        folder = recorded(tmp_path / name)
        for file in folder.iterdir():
            os.utime(file, (1_700_000_000 - age,) * 2)
    with served(tmp_path) as it:
        runs = it.get("api/runs").json()["runs"]
        assert [(run["id"], run["title"]) for run in runs] == [("0", "new"), ("1", "old")]
        assert [run["live"] for run in runs] == [False, False]
        recorded(tmp_path / "newest")
        runs = it.get("api/runs").json()["runs"]
        assert [(run["id"], run["title"]) for run in runs] == [
            ("2", "newest"),
            ("0", "new"),
            ("1", "old"),
        ]


# ---- trials -----------------------------------------------------------------------------------


def test_an_experiment_has_trials(trials: Served) -> None:
    [run] = trials.get("api/runs").json()["runs"]
    assert run["has"] == {"graph": False, "log": False, "trials": True}
    assert run["live"] is False
    columns = trials.get("api/runs/0/trials").json()
    assert columns["number"] == [0, 1, 2]
    assert columns["state"] == ["complete"] * 3
    assert columns["metrics"][0] == "default"


def test_a_trial_in_full(trials: Served) -> None:
    trial = trials.get("api/runs/0/trials/1").json()
    assert trial["number"] == 1
    assert set(trial["parameters"]) == {"a", "b"}
    assert trials.get("api/runs/0/trials/3").status_code == 404


def test_logs_of_a_trial(trials: Served) -> None:
    names = trials.get("api/runs/0/trials/1").json()["logs"]
    logs = [trials.get(f"api/runs/0/trials/1/log/{name}") for name in names]
    assert any("hello" in log.text for log in logs)
    assert {log.headers["content-type"] for log in logs} == {"text/plain; charset=utf-8"}


@pytest.mark.parametrize("name", ["trial.json", "..%2ftrial.json", "%2e%2e", "metrics", "x"])
def test_other_files_of_a_trial_are_no_logs(trials: Served, name: str) -> None:
    status, answer = trials.raw_get(f"/api/runs/0/trials/1/log/{name}")
    assert status == 404
    assert b"parameters" not in answer


def test_curves_and_importance(trials: Served) -> None:
    assert set(trials.get("api/runs/0/intermediate").json()["curves"]) == {"0", "1", "2"}
    importance = trials.get("api/runs/0/importance").json()
    assert importance["metric"] == "default"


def test_an_experiment_whose_storage_is_gone(experiment: Path, tmp_path: Path) -> None:
    for name in ("config.json", "search_space.json", "runner.json"):
        (tmp_path / name).write_bytes((experiment / name).read_bytes())
    with served(tmp_path) as it:
        assert "no file" in it.get("api/runs/0/trials").json()["problems"][0]
        answer = it.get("api/runs/0/trials/0")
        assert answer.status_code == 404
        assert "no file" in answer.json()["problem"]


# ---- the page ---------------------------------------------------------------------------------


def test_the_page_and_what_it_names(it: Served) -> None:
    index = it.get("")
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    assert it.get("index.html").content == index.content
    named = re.findall(r'(?:src|href)="([^"]+)"', index.text)
    assert "app.js" in named
    for name in named:
        assert it.get(name).status_code == 200, name
        assert not name.startswith("/"), "a proxy may put a path before it"


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("page.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_types(it: Served, name: str, type_: str) -> None:
    assert it.get(name).headers["content-type"] == type_


def test_files_are_sent_again_only_when_they_have_changed(it: Served) -> None:
    first = it.get("app.js")
    assert first.headers["cache-control"] == "no-cache"
    again = it.get("app.js", If_None_Match=first.headers["etag"])
    assert again.status_code == 304
    assert again.content == b""
    assert it.get("app.js", If_None_Match='"other"').status_code == 200


def test_heads(it: Served) -> None:
    for path in ("", "api/runs", "api/runs/0/log", "api/runs/0/events"):
        answer = it.client.head(path)
        assert answer.status_code == 200
        assert answer.content == b""


def test_two_at_once_read_the_same(it: Served, search: Path) -> None:
    """Readers take turns, and nobody gets a half of something."""
    from concurrent.futures import ThreadPoolExecutor

    append(search, range(6, 400))
    paths = ["api/runs/0/log", "api/runs/0/graph", "api/runs/0/log/7", "api/runs"] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda path: (path, it.get(path)), paths))
    assert {answer.status_code for _, answer in answers} == {200}
    for path in set(paths):
        assert len({answer.text for asked, answer in answers if asked == path}) == 1
