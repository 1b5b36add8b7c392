"""`nas-tuners view`, as people type it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tests.experiment_kit import Project, eventually, is_alive
from tests.viewer.kit import recorded


class Viewing:
    """The command, running."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line.rstrip("\n"))
            if "Ctrl-C" in line:
                break
        found = re.search(r"The page: (\S+)", "\n".join(self.said))
        assert found is not None, process.communicate()
        self.url = found[1]

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit code, and what was said on standard error."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors


def view(project: Project, *arguments: object, port: str = "0") -> Viewing:
    return Viewing(project.start("view", "--port", port, *map(str, arguments)))


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    project = Project(tmp_path_factory.mktemp("experiment"))
    project.write()
    assert project.run().returncode == 0
    yield project.experiment
    project.close()


def runs_at(url: str) -> list[str]:
    return [run["title"] for run in httpx.get(f"{url}api/runs", timeout=20).json()["runs"]]


# ---- what is shown ----------------------------------------------------------------------------


def test_the_working_directory(project: Project) -> None:
    recorded(project.path / "logs" / "search")
    viewing = view(project)
    assert runs_at(viewing.url) == ["logs/search"]
    assert viewing.end() == (0, "")


@pytest.mark.parametrize("option", [(), ("--logdir",)])
def test_a_folder(project: Project, option: tuple[str, ...]) -> None:
    recorded(project.path / "search")
    viewing = view(project, *option, "search")
    assert runs_at(viewing.url) == ["search"]
    assert viewing.end()[0] == 0


def test_the_latest_experiment(project: Project, experiment: Path) -> None:
    (project.path / "nas-experiments").mkdir()
    (project.path / "nas-experiments" / "latest").symlink_to(experiment)
    viewing = view(project, "--experiment")
    assert runs_at(viewing.url) == ["experiment"]
    assert viewing.end()[0] == 0


def test_a_storage(project: Project, experiment: Path) -> None:
    viewing = view(project, "--storage", f"sqlite:///{experiment}/study.db")
    assert len(runs_at(viewing.url)) == 1
    assert viewing.end()[0] == 0


def test_a_search_that_begins_later(project: Project) -> None:
    viewing = view(project)
    assert "Nothing is recorded there yet" in viewing.said[0]
    assert runs_at(viewing.url) == []
    recorded(project.path / "logs" / "search")
    assert runs_at(viewing.url) == ["logs/search"]
    assert viewing.end()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no such folder: nothing"),
        (["--logdir", "nothing"], 2, "--logdir: no such folder: nothing"),
        (["--logdir", "config.yml"], 2, "config.yml is a file; name the folder"),
        (["--experiment", "nothing"], 5, "no such folder: nothing"),
        (["--experiment"], 5, "no experiment yet in nas-experiments"),
        (["--storage", "sqlite:///nothing.db"], 5, "there is no file"),
        (["--study", "x"], 2, "--study: goes with --storage URL"),
        (["a", "--logdir", "b"], 2, "not allowed with"),
        (["--experiment", "a", "--storage", "b"], 2, "not allowed with"),
        (["--port", "x"], 2, "must be a number from 0 to 65535, got 'x'"),
        (["--port", "65536"], 2, "must be a number from 0 to 65535"),
        (["--host", "192.0.2.1", "--port", "0"], 2, "no address of this computer"),
        (["--root-path", "a b"], 2, "must be a path like"),
        (["--export", "page.html"], 2, "nothing is recorded there yet"),
        (["--dashboard"], 2, "nothing that is shown has a study"),
    ],
)
def test_wrong_arguments(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(project.path)
    (project.path / "config.yml").write_text("")
    done = project.command("view", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


# ---- where it is shown ------------------------------------------------------------------------


def test_a_port_that_is_taken_by_another_program(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = project.command("view", project.path, "--port", str(port))
    assert done.returncode == 2
    assert f"--port: port {port} is taken by another program; choose another" in done.stderr


def test_two_at_once_take_two_ports(project: Project) -> None:
    one, two = (Viewing(project.start("view", "--logdir", ".")) for _ in range(2))
    assert one.url != two.url
    assert runs_at(one.url) == runs_at(two.url) == []
    assert (one.end(), two.end()) == ((0, ""), (0, ""))


def test_for_other_computers_the_address_has_a_token(project: Project) -> None:
    viewing = view(project, "--host", "0.0.0.0")
    found = re.fullmatch(r"http://[^:/]+:(\d+)/\?token=(\S{32,})", viewing.url)
    assert found is not None
    here = f"http://127.0.0.1:{found[1]}/"
    with httpx.Client(timeout=20, follow_redirects=True) as client:
        assert client.get(f"{here}api/runs").status_code == 403
        assert "nas-tuners" in client.get(f"{here}?token={found[2]}").text
        assert client.get(f"{here}api/runs").status_code == 200
    assert viewing.end() == (0, "")


def test_behind_a_proxy(project: Project) -> None:
    viewing = view(project, "--root-path", "/hub/nas", "--allow-host", "hub.example")
    assert viewing.url.endswith("/hub/nas/")
    asked = httpx.get(f"{viewing.url}api/runs", headers={"Host": "hub.example"}, timeout=20)
    assert asked.status_code == 200
    assert viewing.end()[0] == 0


# ---- the end ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_with_pages_open(project: Project, number: int) -> None:
    recorded(project.path / "search")
    viewing = view(project, "search")
    with (
        httpx.Client(timeout=20) as client,
        client.stream("GET", f"{viewing.url}api/runs/0/events") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        began = time.monotonic()
        assert viewing.end(number) == (0, "")
        assert time.monotonic() - began < 20, "it waits for no page that stays open"
        list(lines)


def test_the_port_is_free_again(project: Project) -> None:
    viewing = view(project)
    port = viewing.url.rsplit(":", 1)[1].strip("/")
    assert viewing.end()[0] == 0
    assert view(project, port=port).end()[0] == 0


# ---- files ------------------------------------------------------------------------------------


def test_export(project: Project, experiment: Path) -> None:
    search = recorded(project.path / "search")
    done = project.command("view", search, "--export", project.path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {project.path}/page.html\n"
    assert "Net" in (project.path / "page.html").read_text()
    done = project.command("view", "--experiment", experiment, "--export", project.path / "e.html")
    assert done.returncode == 0
    assert "experiment: what trials have printed is left out" in done.stderr


# ---- what is installed ------------------------------------------------------------------------


def without(*packages: str) -> str:
    """A program that is the command where some packages are not installed."""
    return (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {packages!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from nas_tuners.cli import main\n"
        "sys.exit(main())\n"
    )


def test_without_the_extra(project: Project) -> None:
    recorded(project.path / "search")
    program = [sys.executable, "-c", without("starlette", "uvicorn", "anyio"), "view", "search"]
    done = subprocess.run(program, cwd=project.path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'nas-tuners[view]'" in done.stderr
    program += ["--export", "page.html"]
    done = subprocess.run(program, cwd=project.path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(find_spec("optuna_dashboard") is not None, reason="it is installed")
def test_the_dashboard_is_not_installed(project: Project, experiment: Path) -> None:
    done = project.command("view", experiment, "--dashboard", "--port", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--dashboard: needs a package: pip install optuna-dashboard" in done.stderr


DASHBOARD = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

def run_server(storage, host, port):
    names = [study.study_name for study in storage.get_all_studies()]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{os.getpid()} {names} {sys.argv}".encode())

        def log_message(self, *arguments):
            pass

    HTTPServer((host, port), Handler).serve_forever()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_dashboard_ends_with_the_page(
    project: Project, experiment: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a small program in the place of Optuna's dashboard, which has its interface."""
    (project.path / "optuna_dashboard.py").write_text(DASHBOARD)
    paths = [str(project.path), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    viewing = view(project, experiment, "--dashboard")
    (run,) = httpx.get(f"{viewing.url}api/runs", timeout=20).json()["runs"]
    assert f"Optuna's dashboard: {run['dashboard']}" in viewing.said
    answers: list[str] = []

    def answered() -> bool:
        try:
            answers.append(httpx.get(run["dashboard"], timeout=20).text)
        except httpx.TransportError:
            return False
        return True

    assert eventually(answered)
    pid, _, rest = answers[0].partition(" ")
    assert "['config']" in rest, "the studies of the storage"
    assert "sqlite" not in rest, "a storage's password is for no list of processes"
    viewing.end(number)
    assert eventually(lambda: not is_alive(int(pid)))
