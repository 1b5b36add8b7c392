from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from nas_tuners.experiment.events.events import (
    EVENTS,
    SUBSCRIPTIONS,
    BestChanged,
    TrialFinished,
    TrialReported,
    without_passwords,
)
from nas_tuners.experiment.events.file import EventFile, read_events


def best(trial: int) -> BestChanged:
    return BestChanged(time=5.0, experiment="e-1", trial=trial, value=0.5)


def test_a_record_says_when_what_and_whose() -> None:
    event = TrialReported(
        time=5.0, experiment="e-1", trial=3, sequence=0, value=0.5, metrics={"size": 2}
    )
    assert list(event.record().items()) == [
        ("time", 5.0),
        ("event", "trial_reported"),
        ("experiment", "e-1"),
        ("trial", 3),
        ("sequence", 0),
        ("value", 0.5),
        ("metrics", {"size": 2}),
    ]


def test_every_event_has_a_name_of_its_own_and_says_what_its_fields_are() -> None:
    for name, event in EVENTS.items():
        assert event.name == name
        doc = event.__doc__ or ""
        own = {f.name for f in dataclasses.fields(event)} - {"time", "experiment"}
        assert [field for field in sorted(own) if f"        {field}: " not in doc] == []
    assert len(EVENTS) == 9


def test_the_end_of_a_trial_has_a_narrower_name_too() -> None:
    event = TrialFinished(
        time=0.0, experiment="e", trial=0, state="pruned", value=0.1, seconds=1.0
    )
    assert event.names == ("trial_finished", "trial_pruned")
    assert set(event.names) <= set(SUBSCRIPTIONS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ann:s3cret@db/nas: down", "postgresql://ann:***@db/nas: down"),
        ("mysql+pymysql://ann:s3c@ret/x@db/nas", "mysql+pymysql://ann:***@db/nas"),
        ("host=db password=s3cret dbname=nas", "host=db password=*** dbname=nas"),
        ("postgresql://db/nas?password=s3cret&x=1", "postgresql://db/nas?password=***&x=1"),
        ("password='s3c ret' dbname=nas", "password=*** dbname=nas"),
        ("password='it\\'s' dbname=nas", "password=*** dbname=nas"),
        ('passwd = "s3cret" host=db', "passwd = *** host=db"),
        ("mysql://ann:a@db/nas: a base is gone", "mysql://ann:***@db/nas: a base is gone"),
        ("mysql://ann:nas@db/nas: no nas", "mysql://ann:***@db/nas: no nas"),
        ("sqlite:////tmp/a@b/study.db", "sqlite:////tmp/a@b/study.db"),
        ("http://host:8080/path: refused", "http://host:8080/path: refused"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_events_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventFile(path).write(best(1))
    EventFile(path).write(best(2))
    assert [record["trial"] for record in read_events(path)] == [1, 2]


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    file = EventFile(path)
    file.write(best(1))
    with path.open("ab") as raw:
        raw.write(b'{"time": 5.0, "event": "best_ch')
    file.write(best(2))
    assert [record["trial"] for record in read_events(path)] == [1, 2]
    assert path.read_bytes().count(b"\n") == 3


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventFile(path).write(best(1))
    with path.open("ab") as raw:
        raw.write(json.dumps(best(2).record()).encode())
    assert [record["trial"] for record in read_events(path)] == [1]


def test_what_is_no_event_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\xff\xfe\n[1]\n"text"\n{"no": "event"}\n' + b"[" * 100_000 + b"\n")
    EventFile(path).write(best(1))
    assert [record["trial"] for record in read_events(path)] == [1]


def test_no_file_is_no_events(tmp_path: Path) -> None:
    assert read_events(tmp_path / "events.jsonl") == []


def test_a_link_is_never_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = tmp_path / "theirs"
    target.write_text("keep\n")
    path = tmp_path / "events.jsonl"
    path.symlink_to(target)
    EventFile(path).write(best(1))
    assert target.read_text() == "keep\n"
    assert f"Events are missing in {path}" in caplog.text
    with pytest.raises(OSError, match="symbolic link"):
        read_events(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_costs_lines_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    file = EventFile(Path("/dev/full"))
    with caplog.at_level(logging.WARNING):
        file.write(best(1))
        file.write(best(2))
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.text


def test_processes_that_write_at_the_same_time_tear_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    code = """
import sys
from pathlib import Path
from nas_tuners.experiment.events.file import EventFile
from nas_tuners.experiment.events.events import TrialStarted
file = EventFile(Path(sys.argv[1]))
for trial in range(200):
    file.write(TrialStarted(time=0.0, experiment=sys.argv[2], trial=trial, attempt=1,
                            architecture={"key": "x" * 500}, folder=""))
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    for name in ("a", "b"):
        trials = [r["trial"] for r in read_events(path) if r["experiment"] == name]
        assert trials == list(range(200))
