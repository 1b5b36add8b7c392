"""Server-sent events of the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import optuna
import pytest

from nas_tuners.viewer._runs import runs_of_storage
from nas_tuners.viewer.serving.changes import Place
from nas_tuners.viewer.serving.events import Hub
from tests.experiment_kit import eventually
from tests.viewer.kit import GRAPH, Served, append, record, recorded, served

Event = tuple[str, Any, str | None]


class Stream:
    """An open stream of events."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()

    def block(self) -> list[str]:
        """The lines up to the next empty one."""
        lines = []
        while line := next(self.lines):
            lines.append(line)
        return lines

    def event(self) -> Event:
        """Name, data and id of the next event."""
        fields = dict(line.split(": ", 1) for line in self.block())
        return fields["event"], json.loads(fields["data"]), fields.get("id")


@contextmanager
def following(it: Served, run: int = 0, **headers: str) -> Iterator[Stream]:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    with (
        httpx.Client(base_url=it.url, timeout=20) as client,
        client.stream("GET", f"api/runs/{run}/events", headers=given) as response,
    ):
        stream = Stream(response)
        if response.status_code == 200:
            assert stream.block() == ["retry: 2000"]
        yield stream


@pytest.fixture
def search(tmp_path: Path) -> Path:
    return recorded(tmp_path / "search")


@pytest.fixture
def it(search: Path) -> Iterator[Served]:
    with served(search) as it:
        yield it


def open_page(it: Served) -> None:
    """What the page asks for before it follows."""
    for part in ("graph", "log"):
        assert it.get(f"api/runs/0/{part}").status_code == 200


def test_the_kind_of_answer(it: Served) -> None:
    with following(it) as stream:
        headers = stream.response.headers
        assert headers["content-type"].startswith("text/event-stream")
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert "default-src 'none'" in headers["content-security-policy"]


def test_new_records_come(it: Served, search: Path) -> None:
    open_page(it)
    with following(it) as stream:
        assert stream.event()[:2] == ("here", {})
        append(search, [6, 7])
        name, data, _ = stream.event()
        assert name == "log"
        while data["count"] < 7:  # the file was looked at between the two
            more = stream.event()[1]
            data = {**more, "index": data["index"] + more["index"]}
        assert data["index"] == [5, 6]


def test_half_a_line_is_no_record(it: Served, search: Path) -> None:
    open_page(it)
    line = json.dumps(record(6))
    with following(it) as stream, (search / "log").open("a", buffering=1) as file:
        assert stream.event()[0] == "here"
        file.write(line[:20])
        file.flush()
        new = json.dumps({**GRAPH, "model": "Other"})
        (search / "graph.json").write_text(new)
        assert stream.event()[0] == "graph", "there was a look, and it found no record"
        file.write(line[20:] + "\n")
        file.flush()
        name, data, _ = stream.event()
        assert (name, data["index"], data["step"]) == ("log", [5], [6])


def test_what_was_written_between_opening_and_following_is_not_lost(
    it: Served, search: Path
) -> None:
    open_page(it)
    append(search, [6])
    with following(it) as stream:
        name, data, _ = stream.event()
        assert (name, data["index"]) == ("log", [5])


def test_a_page_that_was_away_gets_what_it_missed(it: Served, search: Path) -> None:
    open_page(it)
    with following(it) as stream:
        place = stream.event()[2]
    assert place is not None
    append(search, range(6, 9))
    open_page(it)  # another tab, which has more
    with following(it, Last_Event_ID=place) as stream:
        name, data, later = stream.event()
        assert (name, data["index"]) == ("log", [5, 6, 7])
    assert later is not None
    with following(it, Last_Event_ID=later) as stream:
        assert stream.event()[0] == "here"


def test_a_page_of_another_server_reads_all_again(it: Served, search: Path) -> None:
    with following(it, Last_Event_ID=str(Place("other", "g", 5, "1-0", 3))) as stream:
        assert stream.event() == ("graph", {}, None)
        name, data, place = stream.event()
        assert (name, data) == ("log", {"reset": True, "count": 5})
        assert place is not None


@pytest.mark.parametrize("place", ["", "x", "a_b_c_d_e", "a_b_-1_d_1", "_" * 4, "é", "1" * 9999])
def test_a_strange_place_is_none(it: Served, place: str) -> None:
    answer = it.client.stream(
        "GET", "api/runs/0/events", headers={"Last-Event-ID": place.encode()}
    )
    with answer as response:
        assert response.status_code in (200, 431)


def test_a_log_that_is_begun_anew_is_read_again(it: Served, search: Path) -> None:
    open_page(it)
    with following(it) as stream:
        assert stream.event()[0] == "here"
        (search / "new").write_text(json.dumps(record(1)) + "\n")
        (search / "new").rename(search / "log")
        assert stream.event()[:2] == ("log", {"reset": True, "count": 1})


def test_a_search_that_goes_back_to_a_checkpoint(it: Served, search: Path) -> None:
    open_page(it)
    with following(it) as stream:
        assert stream.event()[0] == "here"
        append(search, [4])
        assert stream.event()[:2] == ("log", {"reset": True, "count": 4})


def test_files_that_appear_are_told(tmp_path: Path) -> None:
    append(tmp_path, [1])
    with served(tmp_path) as it:
        open_page(it)
        with following(it) as stream:
            assert stream.event()[0] == "here"
            (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
            assert stream.event()[0] == "graph"
            (tmp_path / "log").unlink()
            assert stream.event()[:2] == ("log", {"reset": True, "count": 0})


def test_many_records_are_better_read_anew(it: Served, search: Path) -> None:
    open_page(it)
    append(search, range(6, 3000))
    with following(it) as stream:
        assert stream.event()[:2] == ("log", {"reset": True, "count": 2999})
        assert len(it.get("api/runs/0/log").json()["index"]) == 1000


def test_many_records_of_a_long_log_come_as_some(tmp_path: Path) -> None:
    append(tmp_path, range(5000))
    with served(tmp_path) as it:
        open_page(it)
        append(tmp_path, range(5000, 5400))
        with following(it) as stream:
            _, data, _ = stream.event()
            assert data["count"] == 5400
            assert len(data["index"]) == 200
            assert data["index"][-1] == 5399


def test_what_is_wrong_is_told_once(it: Served, search: Path) -> None:
    open_page(it)
    with following(it) as stream:
        assert stream.event()[0] == "here"
        (search / "log").unlink()
        (search / "log").symlink_to(search.parent)
        name, data, _ = stream.event()
        assert name == "problem"
        assert "leads out" in data["problem"]
        (search / "log").unlink()
        append(search, [1])
        assert stream.event()[0] == "log"


def test_one_watcher_serves_all_pages(it: Served, search: Path) -> None:
    hub = it.viewer.hub
    open_page(it)
    with following(it) as first, following(it) as second:
        assert first.event()[0] == second.event()[0] == "here"
        assert hub.watched == 1
        append(search, [6])
        assert first.event() == second.event()
    assert eventually(lambda: hub.watched == 0), "nobody looks when nobody follows"


def test_there_is_a_sign_of_life(search: Path) -> None:
    with served(search, hub=Hub(heartbeat=0.05)) as it:
        open_page(it)
        with following(it) as stream:
            assert stream.event()[0] == "here"
            assert stream.block() == [": still here"]


def test_there_are_only_so_many_streams(search: Path) -> None:
    with served(search, hub=Hub(streams=2)) as it:
        with following(it) as one, following(it) as two:
            assert one.event()
            assert two.event()
            answer = it.get("api/runs/0/events")
            assert answer.status_code == 503
            assert "2 pages are followed already" in answer.json()["problem"]
        assert eventually(lambda: _can_follow(it))


def test_the_server_ends_with_streams_open(search: Path) -> None:
    with served(search) as it:
        open_page(it)
        with following(it) as stream:
            assert stream.event()[0] == "here"
            it.viewer.stop()
            assert list(stream.lines) == []


def test_trials_that_end_are_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url, study_name="mine")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    with served(runs_of_storage(url)) as it:
        assert it.get("api/runs/0/trials").json()["number"] == [0, 1]
        with following(it) as stream:
            stream.event()
            study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
            rows = {"number": [], "state": []}
            while (rows["number"], rows["state"]) != ([2], ["complete"]):
                name, data, _ = stream.event()
                assert name == "trials"
                rows = data["rows"]
    study._storage.remove_session()
    study._storage._backend.engine.dispose()  # type: ignore[attr-defined]


def _can_follow(it: Served) -> bool:
    with following(it) as stream:
        return stream.response.status_code == 200
