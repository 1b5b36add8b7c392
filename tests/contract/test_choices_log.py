from __future__ import annotations

import itertools
import json
import os

import pytest

from nas_tuners.contract.choices_log import ChoicesLog


class Clock:
    """Goes on when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def sample(value=1):
    return lambda: ("sample", {"conv": [0, value]})


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def steps_of(path):
    return [record["step"] for record in lines_of(path)]


def fill(log, steps, **options):
    for step in steps:
        log.record(step, sample(step % 7), epoch=step // 1000, always=True, **options)


def test_a_record(tmp_path):
    log = ChoicesLog(tmp_path / "log", now=lambda: 12.34567)
    status = {'a"\u00e9': [True, False], "b": [0.123456789, 1.0, 2e-9, 12345678.0]}
    assert log.record(3, lambda: ("probability", status), epoch=1)
    assert lines_of(tmp_path / "log") == [
        {
            "step": 3,
            "epoch": 1,
            "time": 12.346,
            "kind": "probability",
            "status": {'a"\u00e9': [1, 0], "b": [0.12346, 1, 2e-9, 12346000]},
        }
    ]


def test_the_file_is_there_from_the_start(tmp_path):
    ChoicesLog(tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b""


def test_what_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "log").mkdir()
    with pytest.raises(OSError, match="log"):
        ChoicesLog(tmp_path / "log")


def test_numbers_that_json_lacks_are_refused(tmp_path):
    log = ChoicesLog(tmp_path / "log")
    with pytest.raises(ValueError, match="not finite"):
        log.record(0, lambda: ("sample", {"k": [float("nan")]}), epoch=0)
    assert (tmp_path / "log").read_bytes() == b""


def test_recording_takes_its_share_of_the_time(tmp_path):
    clock, reads = Clock(), []

    def read():
        reads.append(clock.now)
        clock.now += 0.01
        return "sample", {"k": [1]}

    log = ChoicesLog(tmp_path / "log", clock=clock, share=0.005)
    for step in range(1000):
        log.record(step, read, epoch=0)
        clock.now += 0.1
    assert len(reads) == len(lines_of(tmp_path / "log"))
    assert 0.004 < 0.01 * len(reads) / (clock.now - 100) <= 0.0051
    assert reads[0] == 100.0


def test_what_costs_nothing_may_still_have_to_wait(tmp_path):
    clock = Clock()
    log = ChoicesLog(tmp_path / "log", clock=clock, pause=1.0)
    for step in range(100):
        log.record(step, sample(), epoch=0)
        clock.now += 0.3
    assert steps_of(tmp_path / "log")[:4] == [0, 4, 8, 12]


def test_some_records_do_not_wait(tmp_path):
    log = ChoicesLog(tmp_path / "log", clock=Clock(), pause=1.0)
    assert log.record(0, sample(), epoch=0)
    assert not log.record(1, sample(), epoch=0)
    assert log.record(2, sample(), epoch=0, always=True)
    assert not log.record(3, sample(), epoch=0)
    assert steps_of(tmp_path / "log") == [0, 2]


def test_a_failure_is_not_tried_again_in_each_step(tmp_path):
    clock = Clock()
    log = ChoicesLog(tmp_path / "log", clock=clock, pause=1.0)

    def fail():
        raise RuntimeError("no status")

    with pytest.raises(RuntimeError, match="no status"):
        log.record(0, fail, epoch=0, always=True)
    log.record(0, sample(), epoch=0)
    assert not log.record(1, fail, epoch=0)


def test_a_first_record_that_fails_is_not_tried_again_in_each_step(tmp_path):
    clock = Clock()
    log = ChoicesLog(tmp_path / "log", clock=clock, pause=1.0)

    def fail():
        raise RuntimeError("no status")

    with pytest.raises(RuntimeError, match="no status"):
        log.record(0, fail, epoch=0)
    assert not log.record(1, fail, epoch=0)
    clock.now += 1.0
    assert log.record(2, sample(), epoch=0)


def test_a_damaged_first_record_does_not_keep_the_file_from_thinning(tmp_path):
    path = tmp_path / "log"
    damaged = b'{"step":0,"epoch":0,"time":1.0,"kind":"sample","status":{\x00\x00}}\n'
    path.write_bytes(damaged)
    fill(ChoicesLog(path, most_records=10), range(1, 100))
    lines = path.read_bytes().splitlines(keepends=True)
    assert lines[0] == damaged
    assert len(lines) <= 10
    assert json.loads(lines[-1])["step"] == 99


@pytest.mark.parametrize("torn", [b'{"step":5,"ep', b"\x00\xff", b'{"step":5,"status":{}}'])
def test_a_torn_line_is_left_behind(tmp_path, torn):
    path = tmp_path / "log"
    fill(ChoicesLog(path), [0, 1])
    with path.open("ab") as file:
        file.write(torn)
    fill(ChoicesLog(path), [1, 2])
    *whole, last = path.read_bytes().split(b"\n")
    assert last == b""
    assert [json.loads(whole[i])["step"] for i in (0, 1, 3, 4)] == [0, 1, 1, 2]
    assert whole[2] == torn


def test_a_write_that_fails_half_way_leaves_a_torn_line(tmp_path, monkeypatch):
    path = tmp_path / "log"
    log = ChoicesLog(path)
    write = os.write
    calls = itertools.count()

    def full(handle, content):
        if next(calls) == 1:
            raise OSError(28, "No space left on device")
        return write(handle, content[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        log.record(0, sample(), epoch=0)
    monkeypatch.setattr(os, "write", write)
    fill(log, [1])
    assert path.read_bytes().split(b"\n")[0] == b'{"step":0,'
    assert json.loads(path.read_bytes().split(b"\n")[1])["step"] == 1


def test_a_write_that_fails_at_once_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "log"
    log = ChoicesLog(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            log.record(0, sample(), epoch=0, always=True)
    log.record(1, sample(), epoch=0, always=True)
    assert [json.loads(line)["step"] for line in path.read_bytes().splitlines()] == [1]


def test_it_stays_small(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_records=40)
    largest = 0
    for step in range(5000):
        fill(log, [step])
        largest = max(largest, path.read_bytes().count(b"\n"))
    steps = steps_of(path)
    assert largest == 40
    assert (steps[0], steps[-1]) == (0, 4999)
    every = lines_of(path)[0]["every"]
    old = [step for step in steps if step < 4000]
    assert every >= 128
    assert old == [*range(0, 4000, every)]


def test_bytes_are_bounded_too(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_bytes=20_000)
    for step in range(300):
        log.record(step, lambda: ("sample", {"k": [0.12345] * 100}), epoch=0, always=True)
        assert path.stat().st_size <= 20_000
    assert len(steps_of(path)) >= 10


def test_records_too_large_for_the_bound_still_leave_the_first_and_the_last(tmp_path):
    log = ChoicesLog(tmp_path / "log", most_bytes=100)
    for step in range(5):
        log.record(step, lambda: ("sample", {"k": [0.12345] * 100}), epoch=0, always=True)
    assert steps_of(tmp_path / "log") == [0, 4]


def test_thinning_depends_on_the_steps_alone(tmp_path):
    paths = [tmp_path / "one", tmp_path / "two"]
    fill(ChoicesLog(paths[0], most_records=40), range(1000))
    for start in range(0, 1000, 10):  # opened again and again
        fill(ChoicesLog(paths[1], most_records=40), range(start, start + 10))
    assert steps_of(paths[0]) == steps_of(paths[1])


def test_new_records_keep_the_distance(tmp_path):
    clock, path = Clock(), tmp_path / "log"
    fill(ChoicesLog(path, most_records=40), range(1000))
    every = lines_of(path)[0]["every"]
    again = ChoicesLog(path, clock=clock, most_records=4000, share=1.0)
    for step in range(1000, 2000):
        again.record(step, sample(), epoch=0)
        clock.now += 1
    new = [step for step in steps_of(path) if step > 1000 + every]
    assert new == [*range(new[0], 2000, every)]


def test_uneven_steps_are_thinned_evenly(tmp_path):
    path = tmp_path / "log"
    fill(ChoicesLog(path, most_records=40), range(0, 7000, 7))
    every = lines_of(path)[0]["every"]
    parts = [step // every for step in steps_of(path)[:-1]]
    assert set(range(6000 // every)) <= set(parts)


def test_final_records_stay(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_records=40)
    for step in range(1000):
        kind = "final" if step in (123, 457) else "sample"
        log.record(step, lambda k=kind: (k, {"c": [1]}), epoch=0, always=True)
    assert [r["step"] for r in lines_of(path) if r["kind"] == "final"] == [123, 457]
    assert len(lines_of(path)) <= 40


def test_nothing_but_final_records_is_bounded_too(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_records=400)
    for step in range(2000):
        log.record(step, lambda: ("final", {"c": [1]}), epoch=0, always=True)
    assert len(lines_of(path)) <= 400
    assert steps_of(path)[-1] == 1999


def test_a_search_that_was_taken_up_again(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_records=40)
    fill(log, range(30))
    fill(log, range(10, 40))
    assert len(lines_of(path)) == 60
    fill(log, range(40, 100))
    steps = steps_of(path)
    assert steps == sorted(set(steps))


def test_resumed_in_another_process(tmp_path):
    path = tmp_path / "log"
    fill(ChoicesLog(path), range(20))
    log = ChoicesLog(path)
    assert log.is_due(5)
    fill(log, [5, 6])
    fill(log, range(7, 9))
    assert steps_of(path)[-4:] == [5, 6, 7, 8]


def test_lines_of_others_get_their_steps(tmp_path):
    path = tmp_path / "log"
    path.write_text("".join(json.dumps({"conv": [n, 0.0]}) + "\n" for n in range(30)))
    fill(ChoicesLog(path, most_records=20), range(31, 60))
    records = lines_of(path)
    assert all(record.keys() >= {"step", "status"} for record in records)
    assert len(records) <= 20
    assert records[0]["step"] == 1
    assert records[0]["status"] == {"conv": [0, 0.0]}


def test_a_file_that_was_put_in_its_place(tmp_path):
    path = tmp_path / "log"
    log = ChoicesLog(path, most_records=20)
    fill(log, range(15))
    path.unlink()
    fill(log, range(15, 60))
    steps = steps_of(path)
    assert (steps[0], steps[-1]) == (15, 59)
    assert len(steps) <= 20


def test_an_unread_status_costs_nothing(tmp_path):
    log = ChoicesLog(tmp_path / "log", clock=Clock(), pause=1.0)
    log.record(0, sample(), epoch=0)

    def never():
        raise AssertionError

    assert not any(log.record(step, never, epoch=0) for step in range(1, 100))
