"""The wheel holds the three packages, their data, and nothing else."""

from __future__ import annotations

import posixpath
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import nas_tuners
from nas_tuners.viewer._linked import MAIN, WORKER, linked_script, linked_styles

ROOT = Path(__file__).parents[1]
PACKAGES = ("nas_tuners", "trial_api", "search_spaces")
DATA = (".py", ".json", ".js", ".css", ".html", ".svg", ".txt")
PAGE = "nas_tuners/viewer/page/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(built)


def test_every_source_and_data_file_is_in(wheel: zipfile.ZipFile) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in DATA or path.name == "py.typed"
    }
    assert {"nas_tuners/py.typed", "trial_api/py.typed"} <= wanted
    assert wanted - set(wheel.namelist()) == set()


def test_nothing_else_is_in(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}
    assert top == {*PACKAGES, f"nas_tuners-{nas_tuners.__version__}.dist-info"}
    assert [name for name in wheel.namelist() if name.endswith((".pyc", ".db"))] == []


def test_the_command_and_the_version_are_declared(wheel: zipfile.ZipFile) -> None:
    info = f"nas_tuners-{nas_tuners.__version__}.dist-info"
    scripts = wheel.read(f"{info}/entry_points.txt").decode()
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "nas-tuners = nas_tuners.cli:main" in scripts
    assert f"Version: {nas_tuners.__version__}\n" in metadata
    assert "Requires-Python: >=3.10\n" in metadata


# ---- the viewer's page ------------------------------------------------------------------------


def test_the_page_is_in_with_every_file_that_it_names(wheel: zipfile.ZipFile) -> None:
    names = named_by_page(wheel)
    assert {"app.js", "style.css", "vendor/preact.js", "views/cells.js", "icon.svg"} <= names
    there = {name.removeprefix(PAGE) for name in wheel.namelist() if name.startswith(PAGE)}
    assert {name for name in there if name.endswith((".js", ".css", ".svg"))} == names


@pytest.mark.slow
def test_an_installed_wheel_shows_the_page(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """In an environment of its own, without network: what it needs is taken from ours."""
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    python = environment / "bin" / "python"
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(packages) / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    requirement = f"nas-tuners[view] @ {Path(str(wheel.filename)).as_uri()}"
    run(
        sys.executable, "-m", "pip", "--python", python,
        "install", "--no-index", "--force-reinstall", "--no-deps", requirement,
    )  # fmt: skip
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-index", requirement)
    where = run(python, "-c", "import nas_tuners; print(nas_tuners.__file__)", cwd=tmp_path)
    assert where.startswith(packages)
    with subprocess.Popen(
        [environment / "bin" / "nas-tuners", "view", "--port", "0"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            said = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
            (url,) = re.findall(r"http://\S+", said)
            named = re.findall(r'(?:src|href)="([^"]+)"', fetch(url).decode())
            assert {*named} == {"app.js", "page.css", "icon.svg"}
            for name in [*named, WORKER]:
                assert fetch(url + name).decode() == served_from(wheel, name), name
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0


def named_by_page(wheel: zipfile.ZipFile) -> set[str]:
    """The files that the page is made of: what each of them names is read, too."""
    index = wheel.read(f"{PAGE}index.html").decode()
    found, left = set[str](), {WORKER, *re.findall(r'(?:src|href)="([^"]+)"', index)}
    while left:
        name = left.pop()
        found.add(name)
        text = wheel.read(PAGE + name).decode()
        if name.endswith(".js"):
            named = re.findall(r'(?:from|import|import\()\s*"(\.[^"\n]+)"', text)
            folder = posixpath.dirname(name)
            left |= {posixpath.normpath(posixpath.join(folder, other)) for other in named} - found
    return found


def served_from(wheel: zipfile.ZipFile, name: str) -> str:
    def read(name: str) -> str:
        return wheel.read(PAGE + name).decode()

    if name == "page.css":
        return linked_styles(read("index.html"), read, "")[1]
    return linked_script(name, read) if name in (MAIN, WORKER) else read(name)


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as response:
        content: bytes = response.read()
        return content


def run(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
