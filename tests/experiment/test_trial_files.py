from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas_tuners.contract.trial_io import (
    Assignment,
    Metric,
    append_metric,
    read_assignment,
)
from nas_tuners.experiment.trial_files import (
    kill_process_of,
    last_words,
    prepare,
    read_record,
    record,
    record_process,
    replaced,
    reported,
    tail,
)

ASSIGNMENT = Assignment("e", "e-0", 0, {"a": 1})


def test_a_new_folder_has_what_the_protocol_promises(tmp_path: Path) -> None:
    prepare(tmp_path / "0000", ASSIGNMENT)
    assert read_assignment(tmp_path / "0000") == ASSIGNMENT
    assert (tmp_path / "0000" / "output").is_dir()


def test_preparing_again_before_anything_ran_archives_nothing(tmp_path: Path) -> None:
    prepare(tmp_path, ASSIGNMENT)
    prepare(tmp_path, ASSIGNMENT)
    assert not list(tmp_path.glob("attempt-*"))


def test_whatever_stands_in_the_place_of_the_results_is_archived(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    assert reported(tmp_path) == []
    prepare(tmp_path, ASSIGNMENT)
    assert (tmp_path / "attempt-1" / "metrics.jsonl").is_dir()
    append_metric(tmp_path, Metric("final", 0, 1.0))
    assert [metric.value for metric in reported(tmp_path)] == [1.0]


def test_a_record_collects_fields(tmp_path: Path) -> None:
    record(tmp_path, state="running", pid=1)
    record(tmp_path, state="complete")
    assert read_record(tmp_path) == {"state": "complete", "pid": 1}


def test_a_damaged_record_is_as_good_as_none(tmp_path: Path) -> None:
    for text in ("", "{", "[]", "[" * 100_000):
        (tmp_path / "trial.json").write_text(text)
        assert read_record(tmp_path) == {}


@pytest.mark.parametrize("text", ['{"process_started": "x"}', '{"pid": {}, "process_started": 1}'])
def test_a_record_that_the_trial_wrote_over_names_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "trial.json").write_text(text)
    kill_process_of(tmp_path)


def test_archives_have_names_of_their_own(tmp_path: Path) -> None:
    prepare(tmp_path, ASSIGNMENT)
    (tmp_path / "attempt-2").write_text("of the trial")
    for value in (1.0, 2.0):
        append_metric(tmp_path, Metric("final", 0, value))
        prepare(tmp_path, ASSIGNMENT)
    assert (
        sorted(path.name for path in tmp_path.glob("attempt-*/metrics.jsonl"))
        == ["metrics.jsonl"] * 2
    )
    assert (tmp_path / "attempt-2").read_text() == "of the trial"


def test_the_tail_of_a_long_file(tmp_path: Path) -> None:
    file = tmp_path / "stderr.txt"
    file.write_text("\n".join(f"line {n}" for n in range(10_000)) + "\n\n")
    assert tail(file, lines=2) == "line 9998\nline 9999"
    file.write_bytes(b"\xff" + os.linesep.encode())
    assert tail(file) == "\ufffd"
    assert tail(tmp_path / "nothing") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Traceback:\n  File 'x', line 3, in f\n    g()\n    ~^^\nValueError: no\nand why", None),
        ("Killed", "Killed"),
        ("RuntimeError: loading\n\tsize mismatch", "RuntimeError: loading\n\tsize mismatch"),
        ("  indented to its end", "indented to its end"),
        ("", ""),
    ],
)
def test_last_words_are_those_after_the_frames(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "stderr.txt"
    file.write_text(text + "\n")
    assert last_words(file) == ("ValueError: no\nand why" if said is None else said)


# ---- links --------------------------------------------------------------------------------------


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "0000").symlink_to("elsewhere")
    assert replaced(tmp_path / "0000") == ["the trial has replaced its folder by a symbolic link"]
    prepare(tmp_path / "0000", ASSIGNMENT)
    assert read_assignment(tmp_path / "0000") == ASSIGNMENT
    assert os.readlink(tmp_path / "0000.aside-1") == "elsewhere"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_record_is_kept_where_the_trial_has_replaced_its_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "0000").write_text("mine")
    assert replaced(tmp_path / "0000") == ["the trial has replaced its folder by a file"]
    record(tmp_path / "0000", state="complete")
    assert read_record(tmp_path / "0000") == {"state": "complete"}
    assert (tmp_path / "0000.aside-1").read_text() == "mine"
    assert f"{tmp_path / '0000'} is a file, and is now 0000.aside-1" in caplog.text


def test_a_process_cannot_be_noted_while_the_trial_replaces_its_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "trials").touch()  # where no folder can be made, as for a moment there
    record_process(tmp_path / "trials" / "0000", os.getpid())
    assert "The process of the trial in" in caplog.text
    assert "cannot be noted" in caplog.text


def test_a_record_takes_the_place_of_folders(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "trial.json").unlink(missing_ok=True)
        (tmp_path / "trial.json").mkdir()
        record(tmp_path, state="complete", number=number)
    assert read_record(tmp_path) == {"state": "complete", "number": 2}
    assert all((tmp_path / f"trial.json.aside-{number}").is_dir() for number in (1, 2))


def test_output_may_be_a_link_to_a_folder_for_checkpoints(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "0000").mkdir()
    (tmp_path / "0000" / "output").symlink_to("../scratch")
    assert replaced(tmp_path / "0000") == []
    prepare(tmp_path / "0000", ASSIGNMENT)
    assert os.readlink(tmp_path / "0000" / "output") == "../scratch"
    assert not list((tmp_path / "0000").glob("attempt-*"))


@pytest.mark.parametrize("name", ["output", "parameters.json"])
def test_what_cannot_be_written_over_is_put_away_with_an_earlier_attempt(
    tmp_path: Path, name: str
) -> None:
    prepare(tmp_path, ASSIGNMENT)
    if name == "output":
        (tmp_path / name).rmdir()
        (tmp_path / name).write_text("mine")
    else:
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
    prepare(tmp_path, ASSIGNMENT)
    assert (tmp_path / "attempt-1" / name).is_file() == (name == "output")
    assert (tmp_path / "output").is_dir()
    assert read_assignment(tmp_path) == ASSIGNMENT


@pytest.mark.parametrize("name", ["metrics.jsonl", "stdout.txt", "stderr.txt", "trial.json"])
@pytest.mark.parametrize("target", ["../elsewhere", "../nothing"])
def test_links_are_put_away_with_an_earlier_attempt(
    tmp_path: Path, name: str, target: str
) -> None:
    (tmp_path / "elsewhere").write_text('{"pid": 1}')
    folder = tmp_path / "0000"
    folder.mkdir()
    (folder / name).symlink_to(target)
    prepare(folder, ASSIGNMENT)
    assert not os.path.lexists(folder / name)
    assert os.readlink(folder / "attempt-1" / name) == target


def test_a_record_takes_the_place_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text('{"pid": 1}')
    (tmp_path / "trial.json").symlink_to("elsewhere")
    assert read_record(tmp_path) == {}
    record(tmp_path, state="complete")
    assert read_record(tmp_path) == {"state": "complete"}
    assert (tmp_path / "elsewhere").read_text() == '{"pid": 1}'


def test_last_words_are_not_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "stderr.txt").symlink_to("secret")
    assert last_words(tmp_path / "stderr.txt") == ""


def test_more_reports_than_one_call_reads(tmp_path: Path) -> None:
    for sequence in range(50):
        value = {"default": 1.0, "text": "x" * 100_000}
        append_metric(tmp_path, Metric("intermediate", sequence, value))
    assert [metric.sequence for metric in reported(tmp_path)] == list(range(50))
