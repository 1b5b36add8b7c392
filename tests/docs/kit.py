"""The pages of the documentation, and their blocks of code, which run as a reader runs them.

All blocks of a page run in order, in one folder:

- Python and YAML are saved under the name in their first line, ``# train.py``;
- Python runs: by the command or the experiment on the page that names it, or else by itself;
- YAML is a configuration. Without a name it is a part of one, or several ways to write it;
- Bash runs, and ``python script.py`` in its first line as other Python does;
- JSON is read, a whole text or one a line;
- a block without a language shows what is printed, or how files lie.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

from nas_tuners.experiment.configuration.config import load_config
from tests.docs.not_run import NOT_RUN
from tests.fork_host import run_script

ROOT = Path(__file__).parents[2]
PLAIN = {"command": "true", "search_space": {"a": {"_type": "choice", "_value": [1]}}}


class Block(NamedTuple):
    """A fenced block: its language ("" for none), its text, and the line where it stands."""

    language: str
    text: str
    line: int

    @property
    def first_line(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def file(self) -> str:
        """The name in its first line, or ""."""
        named = re.fullmatch(r"# ([\w-]+\.\w+)", self.first_line)
        return named[1] if named else ""


def pages() -> list[str]:
    """Every page of the site, as a path from the root."""
    folders = (ROOT / name for name in ("docs", "examples", "benchmarks"))
    found = [*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))]
    return sorted(str(page.relative_to(ROOT)) for page in found if "templates" not in page.parts)


def read_page(page: str) -> str:
    return (ROOT / page).read_text()


def read_blocks(page: str) -> list[Block]:
    text = read_page(page)
    found = re.finditer(r"^```([^`\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(it[1], it[2], text.count("\n", 0, it.start()) + 1) for it in found]


def run_page(page: str, folder: Path) -> None:
    """Run every block of a page, but those that cannot run here."""
    blocks = [it for it in read_blocks(page) if (page, it.first_line) not in NOT_RUN]
    for block in blocks:
        try:
            _run_block(block, folder, alone=not _is_run_by_others(block, blocks))
        except Exception as error:
            raise AssertionError(f"{page}:{block.line}: {error}") from error


def save_blocks(page: str, folder: Path, *files: str) -> None:
    """Save files that another page shows."""
    texts = {block.file: block.text for block in read_blocks(page)}
    for file in files:
        (folder / file).write_text(texts[file])


def run_python(file: str, folder: Path) -> None:
    """Run a script in its folder, where what it prints is kept as ``script.py.out``.

    Raises:
        AssertionError: with all that it said, where it fails.
    """
    done = run_script(folder / file, cwd=folder)
    (folder / f"{file}.out").write_text(done.stdout)
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, f"{file} ends with {done.returncode}\n{said}"


def _is_run_by_others(block: Block, blocks: list[Block]) -> bool:
    """Whether a command names this file, or a configuration that a command names."""
    commands = "".join(it.text for it in blocks if it.language == "bash")
    run = [it.text for it in blocks if it.language == "yaml" and it.file and it.file in commands]
    return bool(block.file) and any(block.file in text for text in (commands, *run))


def _run_block(block: Block, folder: Path, *, alone: bool) -> None:
    file = block.file or f"block_{block.line}.py"
    if block.file or block.language == "python":
        (folder / file).write_text(block.text)
    match block.language:
        case "python" if alone:
            run_python(file, folder)
        case "yaml" if block.file:
            _forget_modules(folder)
            load_config(folder / block.file)
        case "yaml":
            _read_parts(block.text, folder)
        case "bash":
            _bash(block.text, folder)
        case "json":
            _read_json(block.text)


def _forget_modules(folder: Path) -> None:
    """Modules of the same names that this process has imported from other folders."""
    for file in folder.glob("*.py"):
        sys.modules.pop(file.stem, None)


def _read_parts(text: str, folder: Path) -> None:
    """A key that comes again begins another way to write the same."""
    ways: list[list[str]] = [[]]
    for entry in re.findall(r"^\w.*\n(?:[ #].*\n)*", text, re.MULTILINE):
        key = entry.partition(":")[0]
        if any(line.startswith(f"{key}:") for line in ways[-1]):
            ways.append([])
        ways[-1].append(entry)
    for way in ways:
        part = yaml.safe_load("".join(way))
        plain = {key: value for key, value in PLAIN.items() if key not in part}
        if "function" in part:
            del plain["command"]
        file = folder / "part.yml"
        file.write_text(yaml.safe_dump(plain | part))
        load_config(file)


def _bash(text: str, folder: Path) -> None:
    if script := re.match(r"python (\w+\.py)\n", text):
        run_python(script[1], folder)
        text = text[script.end() :]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def _read_json(text: str) -> None:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        for line in text.splitlines():
            json.loads(line)
