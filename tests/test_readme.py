"""Every block of the README runs, in order, as a reader would run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

README = Path(__file__).parent.parent / "README.md"
NOT_RUN = "<!-- not run here"


class Block(NamedTuple):
    """A fenced block: its language, its text, and whether it is marked as not to be run."""

    language: str
    text: str
    runs: bool


def read_blocks(page: str) -> list[Block]:
    found = re.finditer(r"(<!--[^>]*-->\n)?```(\w+)\n(.*?)```", page, re.DOTALL)
    return [Block(match[2], match[3], not (match[1] or "").startswith(NOT_RUN)) for match in found]


def run_block(block: Block, folder: Path) -> None:
    """Python and YAML blocks are saved under the name in their first line; Python runs."""
    name = re.match(r"# (\S+)\n", block.text)
    command = ["bash", "-euo", "pipefail", "-c", block.text]
    if block.language in ("python", "yaml"):
        assert name, f"a block without a file name:\n{block.text}"
        (folder / name[1]).write_text(block.text)
        if block.language == "yaml":
            return
        command = [sys.executable, name[1]]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert result.returncode == 0, f"{block.text}\n{result.stdout}\n{result.stderr}"


def test_every_block_runs(tmp_path: Path) -> None:
    blocks = read_blocks(README.read_text())
    assert {block.language for block in blocks} == {"bash", "python", "yaml"}
    for block in blocks:
        if block.runs:
            run_block(block, tmp_path)
    space = json.loads((tmp_path / "search_space.json").read_text())
    assert list(space) == ["act", "middle", "skip"]
    assert json.loads((tmp_path / "best.json").read_text()).keys() == space.keys()
    assert len(list((tmp_path / "nas-experiments" / "latest" / "trials").iterdir())) == 6


def test_only_installation_is_not_run() -> None:
    skipped = [block.text for block in read_blocks(README.read_text()) if not block.runs]
    assert all(text.startswith(("make ", "pip install")) for text in skipped)
    assert len(skipped) == 2


def test_every_link_leads_somewhere() -> None:
    page = README.read_text()
    for target in re.findall(r"\]\((?!http)([^)#]+)", page):
        assert (README.parent / target).exists(), target
