"""Full disks, folders that cannot be written, and storages other than the default."""

from __future__ import annotations

import resource
import threading
from pathlib import Path

import optuna
import pytest

from tests.experiment_kit import Project, finish


def test_a_full_disk_under_the_study_loses_nothing(project: Project) -> None:
    project.write(max_trials=12)
    runner = project.start_run(preexec_fn=_limit_file_size)
    done = finish(runner)
    assert done.returncode == 5, done.stderr
    assert "the experiment cannot go on: " in done.stderr
    assert f"nas-tuners resume {project.experiment}" in done.stderr
    assert "Traceback" not in done.stderr
    before = [trial.value for trial in project.trials() if trial.state.name == "COMPLETE"]
    assert 0 < len(before) < 12
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 12
    assert [trial.value for trial in project.trials()][: len(before)] == before


def test_a_folder_that_cannot_be_made(project: Project) -> None:
    project.write(experiments_directory="/proc/experiments")
    done = project.command("run", project.path / "config.yml")
    assert done.returncode == 5
    assert "no experiment can be made in /proc/experiments" in done.stderr


def test_a_file_in_the_way(project: Project) -> None:
    (project.path / "taken").touch()
    project.write(experiments_directory="taken")
    done = project.command("run", project.path / "config.yml")
    assert done.returncode == 5
    assert "taken" in done.stderr


def test_trial_folders_that_cannot_be_made(project: Project) -> None:
    project.write(max_trials=1)
    assert project.run().returncode == 0
    for path in project.experiment.glob("trials/*/*"):
        path.rmdir() if path.is_dir() else path.unlink()
    (project.experiment / "trials" / "0000").rmdir()
    (project.experiment / "trials").rmdir()
    (project.experiment / "trials").touch()
    done = project.resume("--max-trials", "2")
    assert done.returncode == 5
    assert "nas-tuners resume" in done.stderr

    (project.experiment / "trials").unlink()
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 2


def test_a_storage_that_cannot_be_opened(project: Project) -> None:
    project.write(storage="sqlite:////proc/study.db")
    done = project.run()
    assert done.returncode == 5
    assert "sqlite:////proc/study.db cannot be opened" in done.stderr


def test_a_damaged_database(project: Project) -> None:
    (project.path / "study.db").write_bytes(b"this is no database" * 100)
    project.write(storage="sqlite:///study.db")
    done = project.run()
    assert done.returncode == 5
    assert "file is not a database" in done.stderr


def test_a_journal_file(project: Project) -> None:
    project.write(storage="journal:///study.log", max_trials=2)
    assert project.run().returncode == 0
    assert (project.path / "study.log").exists()
    assert project.resume("--max-trials", "3").returncode == 0
    assert "3 complete" in project.command("status", project.experiment).stdout


WHEN_BOTH_HAVE_TRIALS = """
trials = [Path(runner, "trials") for runner in ("first", "second")]
while not all(path.is_dir() and any(path.iterdir()) for path in trials):
    time.sleep(0.01)
report(value)
"""


def test_two_runners_on_one_study_do_not_disturb_each_other(project: Project) -> None:
    project.write(
        WHEN_BOTH_HAVE_TRIALS,
        storage="sqlite:///shared.db",
        study_name="shared",
        max_trials=12,
        concurrency=2,
    )
    runners = [
        project.start("run", "config.yml", "--folder", folder) for folder in ("first", "second")
    ]
    for runner in runners:
        done = finish(runner)
        assert done.returncode == 0, done.stderr
    trials = _shared_trials(project.path)
    assert [trial.number for trial in trials] == list(range(12))
    assert {trial.state.name for trial in trials} == {"COMPLETE"}
    # The space has 12 architectures: each was tried once, whoever proposed it.
    assert len({str(trial.user_attrs["architecture"]) for trial in trials}) == 12
    folders = [
        {int(path.name) for path in (project.path / folder / "trials").iterdir()}
        for folder in ("first", "second")
    ]
    assert all(folders)
    assert folders[0] | folders[1] == set(range(12))
    assert not folders[0] & folders[1]


def test_resume_leaves_the_trials_of_another_runner_alone(project: Project) -> None:
    shared = {"storage": "sqlite:///shared.db", "study_name": "shared"}
    project.write("signal_test()\nsignal_test()\nreport(value)", max_trials=2, **shared)
    project.open_signals()
    other = project.start("run", "config.yml", "--folder", "other")
    project.wait_for_trial()  # and now it waits for nobody: the pipe takes the second line too
    project.write(max_trials=4, **shared)
    reader = threading.Thread(target=project.wait_for_trial)
    reader.start()
    assert project.run().returncode == 0
    assert project.resume().returncode == 0
    assert finish(other).returncode == 0
    reader.join()
    trials = _shared_trials(project.path)
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 4
    assert not (project.path / "other" / "trials" / "0000" / "attempt-1").exists()


def test_a_study_of_another_space_is_refused(project: Project) -> None:
    shared = {"storage": "sqlite:///shared.db", "study_name": "shared"}
    project.write(**shared)
    assert project.run().returncode == 0
    other = {"a": {"_type": "layer_choice", "_value": ["x", "y"]}}
    project.write(search_space=other, **shared)
    done = project.command("run", project.path / "config.yml", "--folder", project.path / "other")
    assert done.returncode == 2
    assert "do not agree" in done.stderr
    assert "b: only in study 'shared'" in done.stderr


def test_a_study_in_the_other_direction_is_refused(project: Project) -> None:
    shared = {"storage": "sqlite:///shared.db", "study_name": "shared"}
    project.write(**shared)
    assert project.run().returncode == 0
    project.write(optimize_mode="minimize", **shared)
    done = project.command("run", project.path / "config.yml", "--folder", project.path / "other")
    assert done.returncode == 5
    assert "optimize_mode is minimize" in done.stderr


@pytest.mark.parametrize("mode", ["maximize", "minimize"])
def test_a_stock_sampler_searches_the_same_space(project: Project, mode: str) -> None:
    tuner = {"class": "optuna.samplers:TPESampler", "args": {"n_startup_trials": 3}}
    project.write(tuner=tuner, max_trials=8, optimize_mode=mode)
    assert project.run().returncode == 0
    trials = project.trials()
    assert len(trials) == 8
    values = [trial.value for trial in trials]
    best = max(values) if mode == "maximize" else min(values)
    table = project.command("top", project.experiment, "-n", "1").stdout
    assert f"  {best:g} " in table


def _limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))


def _shared_trials(path: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path / 'shared.db'}")
    try:
        return optuna.load_study(study_name="shared", storage=storage).trials
    finally:
        storage.remove_session()
        storage.engine.dispose()


def test_a_study_that_is_removed_ends_the_run_and_counts_again_when_it_is_back(
    project: Project,
) -> None:
    project.write(
        "report(value)\nif number > 1:\n    signal_test(); time.sleep(600)", max_trials=4
    )
    project.open_signals()
    runner = project.start_run()
    project.wait_for_trial()
    study = project.experiment / "study.db"
    for name in ("study.db", "study.db-wal", "study.db-shm"):
        if (project.experiment / name).exists():
            (project.experiment / name).rename(project.path / name)
    done = finish(runner)
    assert done.returncode == 5
    assert f"{study} was removed, or replaced, while the experiment ran" in done.stderr
    assert "is gone" in project.resume().stderr
    for file in project.path.glob("study.db*"):
        file.rename(project.experiment / file.name)
    (project.path / "trial.py").write_text(
        (project.path / "trial.py").read_text().replace("signal_test(); time.sleep(600)", "pass")
    )
    assert project.resume().returncode == 0
    assert project.states() == ["COMPLETE"] * 4


def test_a_study_that_a_variable_names_and_that_is_gone_is_not_begun_anew(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project.path / "shared.db"
    monkeypatch.setenv("WHERE", f"sqlite:///{file}")
    project.write(max_trials=1, storage="${WHERE}")
    assert project.run().returncode == 0
    file.rename(project.path / "moved.db")
    assert f"{file} is gone, and with it what the trials in" in project.resume().stderr
    assert not file.exists()
