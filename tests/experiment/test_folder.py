from __future__ import annotations

import fcntl
import json
import shlex
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.errors import ArchitectureError, ConfigError, ExperimentError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig, TunerConfig
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.prior import Prior
from tests.experiment_kit import SPACE, eventually


@pytest.fixture
def config(tmp_path: Path) -> ExperimentConfig:
    return ExperimentConfig(
        name="digits",
        command="true",
        tuner=TunerConfig("random"),
        code_directory=tmp_path,
        experiments_directory=tmp_path / "runs",
    )


def test_a_new_folder_has_all_that_resuming_needs(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    assert folder.path.name.startswith("digits-")
    assert folder.space() == SearchSpace(SPACE)
    assert folder.config().to_json() == config.to_json()
    assert folder.state().elapsed == 0
    assert folder.storage_url == f"sqlite:///{folder.path}/study.db"
    assert not list(folder.path.parent.glob(".*"))


def test_what_its_trials_need_and_what_constrains_its_space_is_there_at_once(
    config: ExperimentConfig,
) -> None:
    def is_x(architecture: dict[str, Any]) -> bool:
        return bool(architecture["a"] == "x")

    space = SearchSpace(SPACE)
    folder = create_folder(config, space.constrain(is_x), files={"payload.pkl": b"it"})
    assert (folder.path / "payload.pkl").read_bytes() == b"it"
    assert folder.constraints() == ["is_x"]
    assert create_folder(config, space).constraints() == []


def test_a_folder_that_moved_takes_its_study_along(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    moved = folder.path.rename(folder.path.with_name("moved"))
    assert ExperimentFolder(moved).storage_url == f"sqlite:///{moved}/study.db"


def test_every_experiment_gets_a_folder_and_the_last_is_latest(config: ExperimentConfig) -> None:
    made = [create_folder(config, SearchSpace(SPACE)) for _ in range(3)]
    assert len({folder.path for folder in made}) == 3
    latest = ExperimentFolder(config.experiments_directory / "latest")
    assert latest.path == made[-1].path
    assert len({folder.state().experiment_id for folder in made}) == 3


def test_something_of_the_users_own_called_latest_stays(config: ExperimentConfig) -> None:
    own = config.experiments_directory / "latest"
    own.mkdir(parents=True)
    create_folder(config, SearchSpace(SPACE))
    assert own.is_dir()
    assert not own.is_symlink()


def test_a_folder_of_choice(config: ExperimentConfig, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    folder = create_folder(config, SearchSpace(SPACE), path=tmp_path / "here")
    assert folder.path == tmp_path / "here"
    with pytest.raises(ExperimentError, match="exists already; choose another folder"):
        create_folder(config, SearchSpace(SPACE), path=tmp_path / "here")
    assert not list(tmp_path.glob(".new-*"))


def test_folders_that_hold_no_experiment(tmp_path: Path, config: ExperimentConfig) -> None:
    with pytest.raises(ExperimentError, match=r"holds no experiment \(it has no config.json\)"):
        ExperimentFolder(tmp_path)
    with pytest.raises(ExperimentError, match="start one with `nas-tuners run config"):
        ExperimentFolder(tmp_path / "nas-experiments" / "latest")
    create_folder(config, SearchSpace(SPACE), path=tmp_path / "digits")
    with pytest.raises(ExperimentError, match="did you mean 'digits'"):
        ExperimentFolder(tmp_path / "digts")


def test_the_lock_is_held_until_the_holder_ends(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    assert folder.runner() is None
    program = (
        "import sys; from nas_tuners.experiment.folder import ExperimentFolder\n"
        "with ExperimentFolder(sys.argv[1]).locked(): print('held', flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(folder.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert folder.runner() == str(holder.pid)
        with (
            pytest.raises(ExperimentError, match=f"is run by process {holder.pid} already"),
            folder.locked(),
        ):
            pass
        holder.kill()
    assert eventually(lambda: folder.runner() is None)
    with folder.locked():
        assert folder.runner() is not None


def test_who_only_looks_keeps_no_runner_away(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    with (folder.path / "lock").open("w") as looked_at:
        fcntl.flock(looked_at, fcntl.LOCK_SH)
        leave = threading.Timer(0.1, fcntl.flock, (looked_at, fcntl.LOCK_UN))
        leave.start()
        with folder.locked():
            assert folder.runner() is not None
        leave.join()


def test_who_has_ended_is_not_taken_for_the_next_runner(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    with folder.locked():
        pass
    with (folder.path / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        say_who = threading.Timer(0.1, lambda: print("7@elsewhere", file=lock, flush=True))
        say_who.start()
        assert folder.runner() == "7@elsewhere"
        say_who.join()


def test_the_command_to_resume_can_be_pasted_into_a_shell(config: ExperimentConfig) -> None:
    path = config.experiments_directory / "it's mine"
    folder = create_folder(config, SearchSpace(SPACE), path=path)
    assert shlex.split(folder.resume_command) == ["nas-tuners", "resume", str(path)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concurrency": 0}, "concurrency: must be a whole number of at least 1, got 0"),
        ({"max_duration": "soon"}, "max_duration: must be a positive number of seconds"),
    ],
)
def test_a_configuration_that_was_edited_badly(
    config: ExperimentConfig, change: dict[str, Any], message: str
) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    folder.save_config(replace(config, **change))
    with pytest.raises(ExperimentError, match=message):
        folder.config()


@pytest.mark.parametrize("name", ["what?", "a$HOME"])
def test_a_folder_whose_path_a_database_url_cannot_hold(
    config: ExperimentConfig, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ExperimentError, match="choose another folder, or give a storage"):
        create_folder(config, SearchSpace(SPACE), path=tmp_path / name)
    stored = replace(config, storage=f"sqlite:///{tmp_path}/study.db")
    assert create_folder(stored, SearchSpace(SPACE), path=tmp_path / name).path.is_dir()


def with_scores(config: ExperimentConfig, file: Path, *architectures: str) -> ExperimentConfig:
    records = [{"parameter": {"a": a, "b": b}, "value": 1 / 3} for a, b in architectures]
    file.write_text(json.dumps(records))
    return replace(config, tuner=TunerConfig("BayesianTuner", warm_start=file))


def test_what_the_tuner_knows_becomes_part_of_the_folder(
    config: ExperimentConfig, tmp_path: Path
) -> None:
    file = tmp_path / "scores.json"
    folder = create_folder(with_scores(config, file, "xp", "yq"), SearchSpace(SPACE))
    known = json.loads(file.read_text())
    file.unlink()
    moved = ExperimentFolder(folder.path.rename(folder.path.with_name("moved")))
    assert moved.config().tuner == TunerConfig("BayesianTuner", warm_start=Path("warm_start.json"))
    assert moved.prior() == Prior(warm_start=known)
    moved.save_config(moved.config())
    assert moved.prior() == Prior(warm_start=known)
    assert not (moved.path / "import_data.json").exists()


def test_no_folder_is_made_of_what_the_tuner_cannot_use(
    config: ExperimentConfig, tmp_path: Path
) -> None:
    file = tmp_path / "scores.json"
    with pytest.raises(ArchitectureError, match="scores of a warm start: record 0"):
        create_folder(with_scores(config, file, "?p"), SearchSpace(SPACE))
    with pytest.raises(ArchitectureError, match="and 80 more") as caught:
        create_folder(with_scores(config, file, *["?p"] * 100), SearchSpace(SPACE))
    assert len(caught.value.problems) == 21
    usable = with_scores(config, file, "xp")
    file.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        create_folder(usable, SearchSpace(SPACE))
    assert not config.experiments_directory.exists()


def test_a_folder_of_an_earlier_version_tells_of_no_files(config: ExperimentConfig) -> None:
    folder = create_folder(config, SearchSpace(SPACE))
    content = json.loads(folder.config_file.read_text())
    del content["tuner"]["warm_start"], content["tuner"]["import_data"]
    folder.config_file.write_text(json.dumps(content))
    assert folder.config().tuner == config.tuner
    assert folder.prior() == Prior()
