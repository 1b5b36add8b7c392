"""The modules of the page that need no browser: their own tests, run by node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import playwright
import pytest

NODE = Path(playwright.__file__).parent / "driver" / "node"  # the browser's driver brings one
TESTS = sorted((Path(__file__).parent / "page").glob("*.test.js"))


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.name.partition(".")[0])
def test_module(file: Path) -> None:
    command = [str(NODE), "--test", "--test-reporter=tap", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0" not in done.stdout, "a file without tests"
