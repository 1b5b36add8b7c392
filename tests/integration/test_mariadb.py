"""Studies on MariaDB, whose columns hold less than those of other databases."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator

import optuna
import pytest
from sqlalchemy import create_engine, text

from tests.experiment_kit import SPACE, Project, eventually
from tests.networks import free_port

_NAMES = [f"option_{number:03d}_of_a_decision" for number in range(8)]
LARGE = {f"decision_{n:04d}": {"_type": "choice", "_value": _NAMES} for n in range(400)} | SPACE


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server, to which the name of a database is added."""
    program, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if program is None or install is None:
        pytest.skip("MariaDB is not installed")
    pytest.importorskip("pymysql")
    folder, port = tmp_path_factory.mktemp("mariadb"), free_port()
    places = [f"--datadir={folder / 'data'}", *(["--user=root"] if os.getuid() == 0 else [])]
    subprocess.run([install, "--no-defaults", *places], check=True, capture_output=True)
    listening = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--no-defaults", *places, *listening, "--skip-grant-tables"],
            stdout=log,
            stderr=log,
        )
    url = f"mysql+pymysql://tuner@127.0.0.1:{port}/"
    try:
        assert eventually(lambda: _answers(url)), (folder / "server.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(url: str) -> bool:
    engine = create_engine(url)
    try:
        engine.connect().close()
    except Exception:  # the driver's own
        return False
    finally:
        engine.dispose()
    return True


@pytest.fixture
def storage(server: str) -> str:
    """The URL of a database of its own."""
    name = f"nas_{uuid.uuid4().hex}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}{name}"


def _let_columns_hold_more(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in ("study_user", "study_system", "trial_user", "trial_system"):
            statement = f"ALTER TABLE {table}_attributes MODIFY value_json MEDIUMTEXT"
            connection.execute(text(statement))
    engine.dispose()


def test_a_search_space_that_is_too_large_is_refused(project: Project, storage: str) -> None:
    project.write("report(value)", search_space=LARGE, storage=storage, max_trials=1, name="large")
    done = project.run()
    assert done.returncode == 5
    assert "the search space has 109,723 bytes as JSON" in done.stderr
    assert "this database takes 65,535 at most" in done.stderr
    assert "Use PostgreSQL" in done.stderr
    assert "journal:///" in done.stderr
    assert optuna.get_all_study_summaries(storage) == []
    assert not list((project.experiment / "trials").iterdir())

    _let_columns_hold_more(storage)
    done = project.resume()
    assert done.returncode == 0, done.stderr


def test_a_result_is_recorded_as_far_as_it_fits(project: Project, storage: str) -> None:
    result = "{'default': 1.0, 'loss': 0.5, 'curve': [0.25] * 20_000}"
    goals = {"default": "maximize", "loss": "<= 1"}
    project.write(
        f"report({result})", max_trials=1, storage=storage, optimize_mode=goals, name="long"
    )
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "takes 65535; all of it is in the trial's metrics.jsonl" in done.stderr
    (trial,) = optuna.load_study(study_name="long", storage=storage).trials
    assert trial.user_attrs["result"] == {"default": 1.0, "loss": 0.5}
    assert "0.25, 0.25" in (project.trial_folder(0) / "metrics.jsonl").read_text()
