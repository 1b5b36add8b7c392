"""The page on many machines, and the scripts that it goes through, do what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nas_tuners.experiment.configuration.config import load_config
from nas_tuners.experiment.folder import ExperimentFolder
from tests.docs.kit import ROOT, read_page, run_page
from tests.experiment_kit import eventually
from tests.integration.worker_kit import check_whole, trials_of
from tests.servers import _binary, free_port

EXAMPLE = ROOT / "examples" / "many_machines"
TRIALS = 8


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example with few trials, whose study is a journal file in it."""
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder)
    for name in ("config.yml", "slurm.yml"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("max_trials: 40", f"max_trials: {TRIALS}"))
    monkeypatch.setenv("NAS_TUNERS_STORAGE", f"journal:///{folder / 'study.log'}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return folder


def program(folder: Path, name: str, text: str) -> None:
    """A program that is found before others of its name."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def bash(folder: Path, *words: str, **environment: str) -> str:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", *words],
        cwd=folder,
        env=os.environ | {"PATH": path} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_both_configurations_are_of_one_search() -> None:
    one, other = (load_config(EXAMPLE / name) for name in ("config.yml", "slurm.yml"))
    assert (one.tuner, one.search_space, one.seed) == (other.tuner, other.search_space, other.seed)
    assert other.launcher.args["workers"] == 4


def test_a_postgresql_that_does_not_run_is_stopped_twice(example: Path) -> None:
    folder = example / "postgres"
    folder.mkdir()  # it has died, and left this
    words = ["bash", "postgres_here.sh", "stop"]
    for said in ("it does not run any more; what it held is removed", f"there is no {folder}"):
        environment = os.environ | {"POSTGRES_DIR": str(folder)}
        done = subprocess.run(
            words, cwd=example, env=environment, capture_output=True, text=True, check=True
        )
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not folder.exists()


@pytest.mark.extended
@pytest.mark.skipif(_binary("initdb") is None, reason="PostgreSQL is not installed")
def test_the_page_works(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("POSTGRES_PORT", str(free_port()))
    monkeypatch.setenv("POSTGRES_DIR", f"/tmp/nas-tuners-postgres-test-{os.getpid()}")
    run_page("docs/many_machines.md", example)
    check_whole(trials_of(f"journal:///{example / 'study.log'}", "spirals"), TRIALS)
    on_postgres = (example / "on_postgres").glob("*/trials/*/metrics.jsonl")
    assert len(list(on_postgres)) == TRIALS
    check_whole(trials_of(f"journal:///{example / 'on_slurm' / 'study.log'}", "spirals"), TRIALS)
    several = ExperimentFolder(example / "several_gpus")
    for trial in trials_of(several.storage_url, "several_gpus"):
        assert trial.value == 2 * trial.user_attrs["architecture"]["width"], "of two processes"


@pytest.mark.extended
def test_workers_by_ssh(example: Path) -> None:
    """What ssh does with what it is given: a shell on the host runs it."""
    program(example, "ssh", 'echo "$@" >>ssh.txt; shift; exec sh -c "$*"')
    said = bash(example, "start_workers.sh", "gpu1", "gpu2")
    assert said.splitlines()[1].startswith("gpu2: a worker is started; what it prints goes to")
    url = f"journal:///{example / 'study.log'}"
    workers = [example / "workers" / name for name in ("gpu1", "gpu2")]
    assert eventually(lambda: all((w / "config.json").exists() for w in workers), seconds=60)
    folders = [ExperimentFolder(worker) for worker in workers]
    assert eventually(lambda: all(folder.state().ended for folder in folders), seconds=100)
    check_whole(trials_of(url, "spirals"), TRIALS)
    assert url not in (example / "ssh.txt").read_text()


@pytest.mark.extended
def test_an_array_of_workers_on_slurm(example: Path) -> None:
    """What Slurm does: the script runs once for each place in the array."""
    program(example, "srun", 'exec "$@"')
    script = (example / "slurm.sbatch").read_text()
    assert "#SBATCH --array=0-3\n" in script
    for place in range(2):
        bash(
            example,
            "slurm.sbatch",
            SLURM_SUBMIT_DIR=str(example),
            SLURM_ARRAY_TASK_ID=str(place),
        )
    check_whole(trials_of(os.environ["NAS_TUNERS_STORAGE"], "spirals"), TRIALS)
    assert {path.name for path in (example / "workers").iterdir()} == {"0", "1"}


def test_every_file_is_named_in_the_read_me() -> None:
    page = (EXAMPLE / "README.md").read_text()
    files = {path.name for path in EXAMPLE.iterdir() if path.is_file()} - {"README.md"}
    assert [name for name in sorted(files) if f"`{name}`" not in page] == []


def test_the_page_tells_every_argument_of_slurm() -> None:
    from nas_tuners.experiment.slurm.args import _KINDS, _OWN

    page = read_page("docs/many_machines.md")
    assert [name for name in (*_OWN, *_KINDS) if f"`{name}`" not in page] == []
    assert yaml.safe_load((EXAMPLE / "slurm.yml").read_text())["launcher"]["name"] == "slurm"
