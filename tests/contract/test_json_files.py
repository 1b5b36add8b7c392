"""JSON without surprises, and files that are whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.contract.json_files import line_of, parse_json, read_text, write_text
from tests.strategies import json_values

# The kernel ends the process at the thousandth byte, in the middle of the write.
KILLED_WRITER = """
import resource, signal, sys
from pathlib import Path
from nas_tuners.contract.json_files import write_text

signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_text(Path(sys.argv[1]), "x" * 100_000)
"""


@given(json_values)
def test_what_was_printed_is_read(value: object) -> None:
    assert parse_json(json.dumps(value), "") == value


@given(st.text() | st.text(alphabet='{}[]",:0123456789eE+-.truefalsn\\u \n'))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SearchSpaceError):
        parse_json(text, "a.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.json: line 1, column 1: broken JSON: Expecting value"),
        ('{\n  "a": 1,\n  "b": \n}', "a.json: line 4, column 1: broken JSON: Expecting value"),
        ("{} x", "a.json: line 1, column 4: broken JSON: Extra data"),
        ("\ufeff{}", "a.json: line 1, column 1: broken JSON: Unexpected UTF-8 BOM"),
        ('{"a": 1, "b": 2, "a": 3}', "the same key stands twice in one object: 'a'"),
        ('[{"a": {"b": 1, "b": 1}}]', "the same key stands twice in one object: 'b'"),
        ("[NaN]", "NaN is not a number of JSON"),
        ("[-Infinity]", "-Infinity is not a number of JSON"),
        ("1" * 5000, "not usable as JSON: Exceeds the limit"),
        ("[" * 200_000, "a.json: nested too deeply"),
    ],
)
def test_broken_text_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        parse_json(text, "a.json")
    assert message in str(caught.value)


def test_reading_says_which_file_and_why(tmp_path: Path) -> None:
    (tmp_path / "latin.json").write_bytes(b'"\xe9"')
    with pytest.raises(SearchSpaceError, match=r"none\.json: no such file"):
        read_text(tmp_path / "none.json")
    with pytest.raises(SearchSpaceError, match=r"cannot be read: .*Is a directory"):
        read_text(tmp_path)
    with pytest.raises(SearchSpaceError, match=r"latin\.json: cannot be read: .*utf-8"):
        read_text(tmp_path / "latin.json")
    with pytest.raises(SearchSpaceError, match=r"cannot be read: .*null"):
        read_text(Path("a\0b"))


def test_writing_makes_missing_folders_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "a.json"
    write_text(target, "old")
    write_text(target, "新")
    assert target.read_text(encoding="utf-8") == "新"
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]


def test_a_written_file_obeys_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.json", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_text(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "new \ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_text(target, "old")
    done = subprocess.run([sys.executable, "-c", KILLED_WRITER, str(target)], check=False)
    assert done.returncode == -signal.SIGXFSZ
    assert [path.stat().st_size for path in tmp_path.glob(".*.tmp")] == [1000]
    assert target.read_text() == "old"


def test_a_reader_never_meets_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    texts = {letter * 200_000 for letter in "ab"}
    write_text(target, "a" * 200_000)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for text in texts:
                write_text(target, text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {target.read_text() for _ in range(200)}
    finally:
        stop.set()
        writer.join()
    assert seen <= texts


@pytest.mark.parametrize(
    ("key", "line"), [("a", 2), ('q"uote', 3), ("卷", 4), ("absent", None), ("b", None)]
)
def test_the_line_of_a_key(key: str, line: int | None) -> None:
    text = '{\n"a": "x",\n"q\\"uote": 1,\n"卷": 2}'
    assert line_of(text, key) == line


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.json").symlink_to(tmp_path / "real.json")
    write_text(tmp_path / "a.json", "new")
    assert (tmp_path / "a.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "new")
    assert os.read(reader, 10) == b"new"
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_file(name: str) -> None:
    with pytest.raises(IsADirectoryError):
        write_text(Path(name), "new")
