"""Logs that are cut in their middle while a process appends to them."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from nas_tuners.experiment.local.trial_logs import BoundedLog, open_log

LEFT_OUT = re.compile(rb"\n\[nas-tuners left out +(\d+) bytes here\]\n")


def append(file: Path, content: bytes) -> None:
    with os.fdopen(open_log(file), "ab") as handle:
        handle.write(content)


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "stdout.txt"
    log = BoundedLog(file, 100)
    log.check()
    append(file, b"x" * 100)
    log.check()
    assert file.read_bytes() == b"x" * 100


def test_the_beginning_and_the_latest_part_stay(tmp_path: Path) -> None:
    file = tmp_path / "stdout.txt"
    log = BoundedLog(file, 1000)
    written = b"".join(b"line %06d\n" % number for number in range(1000))
    for start in range(0, len(written), 700):
        append(file, written[start : start + 700])
        log.check()
        assert file.stat().st_size <= 1000
    content = file.read_bytes()
    (note,) = LEFT_OUT.finditer(content)
    head, tail = content[: note.start()], content[note.end() :]
    assert written.startswith(head)
    assert written.endswith(tail)
    assert len(head) == 500
    assert len(tail) >= 250
    assert int(note[1]) == len(written) - len(head) - len(tail)


def test_a_process_that_goes_on_writing(tmp_path: Path) -> None:
    file = tmp_path / "stdout.txt"
    program = (
        "import sys\nfor n in range(200_000): print(n)\n"
        "print('written', file=sys.stderr)\nsys.stdin.read()\nprint('the end')"
    )
    with subprocess.Popen(
        [sys.executable, "-u", "-c", program],
        stdin=subprocess.PIPE,
        stdout=open_log(file),
        stderr=subprocess.PIPE,
    ) as process:
        log = BoundedLog(file, 10_000)
        # What is printed while the log is cut may be lost, so no line of it tells the end.
        while not select.select([process.stderr], [], [], 0)[0]:
            log.check()
        log.check()
        assert process.communicate() == (None, b"written\n")
    content = file.read_bytes()
    assert content.startswith(b"0\n1\n2\n")
    assert content.endswith(b"\nthe end\n")
    assert b"\0" not in content
    assert len(content) < 20_000
    assert len(LEFT_OUT.findall(content)) == 1


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_left_alone(tmp_path: Path, make: object) -> None:
    make(tmp_path / "stdout.txt")  # type: ignore[operator]
    BoundedLog(tmp_path / "stdout.txt", 0).check()


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("x" * 100)
    (tmp_path / "stdout.txt").symlink_to("elsewhere")
    BoundedLog(tmp_path / "stdout.txt", 10).check()
    with pytest.raises(OSError, match="symbolic links"):
        open_log(tmp_path / "stdout.txt")
    assert (tmp_path / "elsewhere").read_text() == "x" * 100
