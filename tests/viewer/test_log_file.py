from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.viewer.recorded import log_file
from nas_tuners.viewer.recorded.log_file import LogFile, sample
from nas_tuners.viewer.recorded.log_index import MAX_LINE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


def line(step: Any, status: Any = None, **fields: Any) -> str:
    status = {"a": [0.25, 0.75]} if status is None else status
    head = {"step": step, "epoch": 1, "time": 1763795000.5, "kind": "probability", **fields}
    return json.dumps({**head, "status": status}) + "\n"


def read(path: Path) -> LogFile:
    log = LogFile(path)
    assert log.refresh() is False
    return log


def steps(log: LogFile) -> list[int]:
    return list(log.overview()["step"])


def test_an_overview_of_few_records_has_all(path: Path) -> None:
    path.write_text(line(1) + line(2, {"a": [0.123456, 1], "b": [True, False]}, kind="sample"))
    assert read(path).overview() == {
        "count": 2,
        "index": [0, 1],
        "step": [1, 2],
        "epoch": [1, 1],
        "time": [1763795000.5, 1763795000.5],
        "kind": ["probability", "sample"],
        "values": {"a": [[0.25, 0.75], [0.1235, 1.0]], "b": [None, [1.0, 0.0]]},
        "problems": [],
    }


def test_one_record_is_given_in_full(path: Path) -> None:
    path.write_text(line(1) + line(7, {"a": [0.123456789, 0]}, kind="final", epoch=None))
    log = read(path)
    assert log.record(1) == {
        "index": 1,
        "step": 7,
        "epoch": None,
        "time": 1763795000.5,
        "kind": "final",
        "status": {"a": [0.123456789, 0.0]},
    }
    for i in (-1, 2):
        with pytest.raises(IndexError, match=f"there is no record {i}: the log has 2"):
            log.record(i)


def test_of_many_records_the_ends_the_finals_and_even_steps_are_given(path: Path) -> None:
    path.write_text(
        "".join(line(i, kind="final" if i in (777, 5_000) else "sample") for i in range(10_000))
    )
    overview = read(path).overview(100)
    assert overview["count"] == 10_000
    index = overview["index"]
    assert len(index) <= 100
    assert {0, 777, 5_000, 9_999} <= set(index)
    assert index == overview["step"]
    assert max(b - a for a, b in pairwise(index)) <= 104
    assert overview["kind"][index.index(777)] == "final"


def test_an_overview_may_begin_later(path: Path) -> None:
    path.write_text("".join(map(line, range(50))))
    assert read(path).overview(start=47)["index"] == [47, 48, 49]
    assert read(path).overview(start=50)["index"] == []


@given(st.integers(0, 50), st.integers(0, 300), st.integers(3, 40), st.sets(st.integers(0, 299)))
def test_samples_have_both_ends(start: int, size: int, limit: int, always: set[int]) -> None:
    stop = start + size
    finals = sorted(start + i for i in always if i < size)
    chosen = sample(start, stop, limit, finals)
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= max(limit, 3)
    assert set(chosen) <= set(range(start, stop))
    assert {start, stop - 1, *finals[-1:]} <= set(chosen) or size == 0
    if len(finals) <= limit // 2:
        assert set(finals) <= set(chosen)


def test_only_what_was_appended_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(line(1) + line(2, {"a": [0.5] * 10_000}))
    log = read(path)
    before, asked = log.generation, []
    real = os.pread

    def pread(handle: int, size: int, offset: int) -> bytes:
        asked.append(offset)
        return real(handle, size, offset)

    size = path.stat().st_size
    with path.open("a") as file:
        file.write(line(3))
    monkeypatch.setattr(log_file.os, "pread", pread)
    log.refresh()
    assert (log.count, log.generation) == (3, before)
    assert min(asked) >= size - 4096


def test_a_torn_last_line_waits_until_it_is_whole(path: Path) -> None:
    text = line(2)
    path.write_text(line(1) + text[:30])
    log = read(path)
    assert (log.count, log.problems) == (1, [])
    with path.open("a") as file:
        file.write(text[30:-1])
    log.refresh()
    assert log.count == 1
    with path.open("a") as file:
        file.write("\n")
    log.refresh()
    assert steps(log) == [1, 2]


def test_what_follows_a_torn_record_on_its_line_is_read(path: Path) -> None:
    path.write_text(line(1) + line(2)[:30] + line(3) + line(4))
    log = read(path)
    assert steps(log) == [1, 3, 4]
    assert log.problems == ["log, line 2: what a torn record left before it is left out"]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_nni_s_lines_have_the_step_of_their_line(path: Path, ending: str, mark: str) -> None:
    records = [{"LayerChoice1": [0.1, 0.2], "InputChoice2": [1.0]}, {"LayerChoice1": [0.3, 0.4]}]
    path.write_bytes((mark + "".join(json.dumps(r) + ending for r in records)).encode())
    log = read(path)
    assert log.problems == []
    assert steps(log) == [1, 2]
    assert log.overview()["values"] == {
        "LayerChoice1": [[0.1, 0.2], [0.3, 0.4]],
        "InputChoice2": [[1.0], None],
    }
    assert log.record(0)["kind"] == "probability"


@pytest.mark.parametrize(
    ("given_steps", "left"),
    [
        ([1, 2, 3, 2, 3, 4], [1, 2, 3, 4]),
        ([10, 20, 30, 15], [10, 15]),
        ([1, 2, 3, 1], [1]),
        ([5, 5, 5], [5]),
        ([1, 2, 3, 4, 3, 4, 2, 6], [1, 2, 6]),
        ([3, -1], [-1]),
    ],
)
def test_a_resumed_search_supersedes(path: Path, given_steps: list[int], left: list[int]) -> None:
    path.write_text("".join(line(s, {"a": [i]}) for i, s in enumerate(given_steps)))
    log = read(path)
    assert steps(log) == left
    last = len(given_steps) - 1 - given_steps[::-1].index(left[-1])
    assert log.record(log.count - 1)["status"] == {"a": [last]}


def test_superseding_is_told_by_the_generation(path: Path) -> None:
    path.write_text(line(1) + line(2) + line(3))
    log = read(path)
    before = log.generation
    with path.open("a") as file:
        file.write(line(4))
    log.refresh()
    assert log.generation == before
    with path.open("a") as file:
        file.write(line(2))
    log.refresh()
    assert log.generation != before
    assert steps(log) == [1, 2]


def test_a_file_that_was_cut_replaced_or_deleted_is_read_anew(path: Path) -> None:
    path.write_text(line(1) + line(2) + line(3))
    log = read(path)
    seen = {log.generation}

    path.write_text(line(7))
    log.refresh()
    assert steps(log) == [7]
    seen.add(log.generation)

    other = path.with_name("other")
    other.write_text(line(8) + line(9))
    other.replace(path)
    log.refresh()
    assert steps(log) == [8, 9]
    seen.add(log.generation)

    path.write_text(line(1) + line(2) + line(3))  # longer, and the same file
    log.refresh()
    assert steps(log) == [1, 2, 3]
    seen.add(log.generation)

    path.unlink()
    assert log.refresh() is False
    assert log.count == 0
    assert log.problems == ["log: there is no such file"]
    seen.add(log.generation)

    path.write_text(line(4))
    log.refresh()
    assert steps(log) == [4]
    assert log.problems == []
    assert len(seen) == 5


def test_records_of_a_file_that_was_replaced_meanwhile_are_empty(path: Path) -> None:
    path.write_text(line(1) + line(2))
    log = read(path)
    path.write_text("x" * 500)
    overview = log.overview()
    assert overview["values"] == {}
    assert overview["problems"] == ["log, line 1: not JSON; shown as empty (and 1 more like it)"]
    path.unlink()
    assert log.record(0)["status"] == {}


def test_a_budget_lets_the_first_overview_appear_early(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_CHUNK", 2**16)

    def ticks() -> Iterator[float]:
        yield from range(1_000)  # type: ignore[misc]

    ticking = ticks()
    with path.open("w") as file:
        for i in range(3_000):
            file.write(line(i))
    log = LogFile(path, clock=lambda: next(ticking))
    counts = []
    while log.refresh(1.0):
        counts.append(log.count)
    assert len(counts) >= 2
    assert counts == sorted(set(counts))
    assert log.count == 3_000
    assert steps(log)[-1] == 2_999


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("garbage", "not JSON; left out"),
        ('{"step": 3, "status": {"a": [0.1, }}}', ""),
        ("\x00\x01\x02", "not JSON; left out"),
        ("[1, 2]", "not an object; left out"),
        ("[" * 100_000, "not JSON; left out"),
        ('{"step": 3}', "without a `status` of numbers by key; left out"),
        ('{"step": 3, "status": [1]}', "without a `status` of numbers by key; left out"),
        ("", ""),
        ("   ", ""),
    ],
)
def test_a_wrong_line_is_left_out_and_the_rest_is_read(
    path: Path, text: str, problem: str
) -> None:
    path.write_text(line(1) + text + "\n" + line(5))
    log = read(path)
    assert {1, 5} <= set(steps(log))
    assert log.problems == ([f"log, line 2: {problem}"] if problem else [])


def test_bytes_that_are_no_text(path: Path) -> None:
    path.write_bytes(line(1).encode() + bytes(range(256)) * 100 + b"\n" + line(2).encode())
    log = read(path)
    assert steps(log) == [1, 2]
    assert len(log.problems) == 1


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ([0.5, 1], [0.5, 1.0]),
        (["0.5", " 1e-1 "], [0.5, 0.1]),
        ([[0.5, 0.5]], [0.5, 0.5]),
        ([[0.5], [0.25]], [0.5, 0.25]),
        (0.5, [0.5]),
        (True, [1.0]),
        ([], []),
        ([float("nan"), 1.0], "NaN or infinity"),
        ([float("inf"), -float("inf")], "NaN or infinity"),
        (["a"], "what is no number"),
        ([None], "what is no number"),
        ({"b": 1}, "what is no number"),
        ([[[0.5]]], "what is no number"),
        ([0.5] * 10_001, "more than 10,000 numbers"),
        ([10**400], "what is no number"),
        (["9" * 5000], "what is no number"),
    ],
)
def test_values_are_lists_of_finite_numbers(path: Path, value: Any, taken: Any) -> None:
    path.write_text(line(1, {"key": value, "other": [1.0]}))
    overview = read(path).overview()
    if isinstance(taken, str):
        assert overview["values"] == {"other": [[1.0]]}
        assert overview["problems"] == [f"log, line 1: 'key' has {taken}; left out"]
    else:
        assert overview["values"]["key"] == [taken]
        assert overview["problems"] == []


@pytest.mark.parametrize(
    ("step", "taken"), [("12", 12), (12.0, 12), (None, 2), ("x", 2), (1e300, 2), ([], 2)]
)
def test_steps_that_are_not_numbers(path: Path, step: Any, taken: int) -> None:
    path.write_text(line(1) + line(step))
    assert steps(read(path)) == [1, taken]


def test_fields_stand_in_any_order(path: Path) -> None:
    status = {"a": [1.0]}
    path.write_text(
        json.dumps({"time": 1.5, "kind": "final", "epoch": 3, "step": 4, "status": status}) + "\n"
        + json.dumps({"status": status, "step": 5, "kind": "sample"}) + "\n"
        + json.dumps({"step": 6, "status": status, "epoch": 2}) + "\n"
        + json.dumps({"step": 7, "extra": {"x": 1}, "status": {"status": [1.0]}}) + "\n"
    )  # fmt: skip
    overview = read(path).overview()
    assert overview["step"] == [4, 5, 6, 7]
    assert overview["kind"] == ["final", "sample", "probability", "probability"]
    assert overview["epoch"] == [3, None, 2, None]
    assert overview["time"] == [1.5, None, None, None]


def test_a_line_too_long_is_skipped(path: Path) -> None:
    with path.open("w") as file:
        file.write(line(1) + "x" * (MAX_LINE + 10) + "\n" + line(2))
        file.write("y" * (9 * MAX_LINE))
    log = read(path)
    assert steps(log) == [1, 2]
    with path.open("a") as file:
        file.write("\n" + line(3))
    log.refresh()
    assert steps(log) == [1, 2, 3]
    assert len(log.problems) == 1
    assert "line 2: 4,194,314 bytes or more" in log.problems[0]
    assert "(and 1 more like it)" in log.problems[0]


def test_problems_are_counted_not_listed(path: Path) -> None:
    path.write_text("".join(f"garbage {i}\n" for i in range(1_235)))
    assert read(path).problems == ["log, line 1: not JSON; left out (and 1,234 more like it)"]


def test_an_empty_file_is_an_empty_log(path: Path) -> None:
    path.touch()
    log = read(path)
    assert (log.count, log.problems, log.overview()["index"]) == (0, [], [])


def test_what_is_no_file_is_not_opened(path: Path) -> None:
    os.mkfifo(path)
    assert read(path).problems == ["log: cannot be read: it is not a regular file"]
    path.unlink()
    path.symlink_to("elsewhere")
    assert "symbolic link" in read(path).problems[0]
    path.unlink()
    path.mkdir()
    assert "not a regular file" in read(path).problems[0]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_is_read_in_parts_is_what_is_read_at_once(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("logs") / "log"
    lines = data.draw(
        st.lists(
            st.integers(0, 9).map(lambda step: line(step).encode())
            | st.binary(max_size=12)
            | st.just(b'{"a": [0.5]}\n'),
            max_size=12,
        )
    )
    content = b"".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    parts = LogFile(path)
    for cut in [*cuts, len(content)]:
        path.write_bytes(content[:cut])
        parts.refresh()
    at_once = read(path)
    assert parts.overview() == at_once.overview()
    assert all(b > a for a, b in pairwise(steps(parts)))
