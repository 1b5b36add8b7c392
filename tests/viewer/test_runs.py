"""What there is to show, by what people name."""

from __future__ import annotations

import os
from pathlib import Path

import optuna
import pytest

from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.viewer._inside import FileInside, is_inside
from nas_tuners.viewer._runs import (
    Runs,
    runs_in_folder,
    runs_of,
    runs_of_experiment,
    runs_of_storage,
)
from tests.experiment_kit import Project
from tests.viewer.kit import append, recorded


def titles(runs: Runs) -> list[str]:
    return [run.title for run in runs.refresh()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("project"))
    project.write(max_trials=1)
    assert project.run().returncode == 0
    return project


# ---- folders ----------------------------------------------------------------------------------


def test_a_folder_that_is_one(tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    recorded(tmp_path / "search" / "inner")
    assert titles(runs_in_folder(tmp_path / "search")) == ["search"]


def test_a_folder_with_several_the_newest_first(tmp_path: Path) -> None:
    for age, name in enumerate(["third", "first", "second"]):
        folder = recorded(tmp_path / name)
        for file in folder.iterdir():
            os.utime(file, (1e9 - {"first": 0, "second": 1, "third": 2}[name],) * 2)
        assert age < 3
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert titles(runs_in_folder(tmp_path)) == ["first", "second", "third"]


def test_the_folders_of_searches_and_experiments_are_looked_into(
    tmp_path: Path, project: Project
) -> None:
    recorded(tmp_path / "logs" / "search")
    recorded(tmp_path / "others" / "deep" / "down")
    (tmp_path / "nas-experiments").mkdir()
    project.experiment.rename(tmp_path / "nas-experiments" / "mine")
    (tmp_path / "nas-experiments" / "latest").symlink_to("mine")
    try:
        found = titles(runs_in_folder(tmp_path))
    finally:
        (tmp_path / "nas-experiments" / "mine").rename(project.experiment)
    assert sorted(found) == ["logs/search", "nas-experiments/mine"]


def test_an_experiment_that_is_given_as_a_folder(project: Project) -> None:
    (run,) = runs_in_folder(project.experiment).refresh()
    assert run.has_trials
    run.close()


def test_hidden_folders_are_none(tmp_path: Path) -> None:
    recorded(tmp_path / ".search")
    assert titles(runs_in_folder(tmp_path)) == []


def test_titles_hide_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "\u202egpj.x\n<b>")
    assert titles(runs_in_folder(tmp_path)) == ["\ufffdgpj.x\ufffd<b>"]


def test_a_folder_that_is_reached_by_a_link(tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    (tmp_path / "link").symlink_to("search")
    (run,) = runs_in_folder(tmp_path / "link").refresh()
    assert run.summary()["has"]["graph"] is True
    assert run.graph_content()["problems"] == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    recorded(tmp_path / "search")
    with pytest.raises(ConfigError, match=r"no such folder: .*/serch; did you mean 'search'\?"):
        runs_in_folder(tmp_path / "serch")
    with pytest.raises(ConfigError, match=r"--logdir: .* is a file; name the folder"):
        runs_in_folder(tmp_path / "search" / "graph.json")
    with pytest.raises(ConfigError, match=r"no such folder"):
        runs_in_folder(tmp_path / "no" / "folder" / "at" / "all")


def test_runs_whose_folder_goes_and_comes_keep_their_number(tmp_path: Path) -> None:
    recorded(tmp_path / "one")
    runs = runs_in_folder(tmp_path)
    (tmp_path / "one").rename(tmp_path / ".gone")
    recorded(tmp_path / "two")
    assert [(run.id, run.title) for run in runs.refresh()] == [("1", "two")]
    (tmp_path / ".gone").rename(tmp_path / "one")
    assert {run.id: run.title for run in runs.refresh()} == {"0": "one", "1": "two"}
    assert runs.get("2") is None


# ---- experiments and storages -----------------------------------------------------------------


def test_an_experiment(project: Project) -> None:
    runs = runs_of_experiment(project.experiment)
    (run,) = runs.refresh()
    assert run.title == "experiment"
    assert run.trials().columns()["number"] == [0]
    assert list(runs.storages()) == [f"sqlite:///{project.experiment}/study.db"]
    runs.close()


def test_an_experiment_with_a_graph(project: Project) -> None:
    append(project.experiment, [1])
    try:
        (run,) = runs_of_experiment(project.experiment).refresh()
        assert run.summary()["has"] == {"graph": False, "log": True, "trials": True}
    finally:
        (project.experiment / "log").unlink()


def test_what_is_no_experiment(tmp_path: Path) -> None:
    recorded(tmp_path / "logs" / "search")
    with pytest.raises(ExperimentError, match=r"show it with --logdir .*/logs/search"):
        runs_of_experiment(tmp_path / "logs" / "search")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ExperimentError, match=r"holds no experiment"):
        runs_of_experiment(tmp_path / "empty")
    with pytest.raises(ExperimentError, match=r"no such folder"):
        runs_of_experiment(tmp_path / "nothing")


def test_the_studies_of_a_storage(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    storage = optuna.storages.RDBStorage(url)
    for name in ("first", "second"):
        optuna.create_study(storage=storage, study_name=name)
    storage.remove_session()
    storage.engine.dispose()
    assert titles(runs_of_storage(url)) == ["second", "first"]
    assert titles(runs_of_storage(url, "first")) == ["first"]
    with pytest.raises(ExperimentError, match=r"no study 'frist'; did you mean 'first'\?"):
        runs_of_storage(url, "frist")


def test_a_storage_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"there is no file .*study.db"):
        runs_of_storage(f"sqlite:///{tmp_path}/study.db")
    with pytest.raises(ExperimentError):
        runs_of_storage("what://ever")
    assert list(tmp_path.iterdir()) == []


def test_a_storage_without_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    storage = optuna.storages.RDBStorage(url)
    storage.remove_session()
    storage.engine.dispose()
    with pytest.raises(ExperimentError, match=r"holds no study yet"):
        runs_of_storage(url)


# ---- from Python ------------------------------------------------------------------------------


def test_what_python_names(tmp_path: Path, project: Project) -> None:
    recorded(tmp_path / "search")
    assert titles(runs_of(tmp_path / "search")) == titles(runs_of(str(tmp_path / "search")))
    assert titles(runs_of(project.experiment)) == ["experiment"]
    url = f"sqlite:///{project.experiment}/study.db"
    assert titles(runs_of(url)) == ["experiment"] or len(titles(runs_of(url))) == 1
    study = optuna.create_study(study_name="mine")
    assert titles(runs_of(study)) == ["mine"]


# ---- files ------------------------------------------------------------------------------------


def test_stamps_tell_files_apart(tmp_path: Path) -> None:
    file = FileInside(tmp_path, tmp_path / "log")
    assert file.stamp() is None
    (tmp_path / "log").write_text("a")
    first = file.stamp()
    assert first == file.stamp()
    (tmp_path / "log").write_text("ab")
    assert file.stamp() != first
    (tmp_path / "new").write_text("ab")
    second = file.stamp()
    (tmp_path / "new").rename(tmp_path / "log")
    assert file.stamp() != second


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("log")
    with pytest.raises(ExperimentError, match=r"log: cannot be read"):
        FileInside(tmp_path, tmp_path / "log").stamp()


def test_a_link_within_the_folder_is_not_read_either(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "records").write_text("{}\n")
    (tmp_path / "search" / "log").symlink_to("records")
    with pytest.raises(ExperimentError, match=r"log: is a symbolic link; it is not read"):
        FileInside(tmp_path, tmp_path / "search" / "log").stamp()
    (tmp_path / "latest").symlink_to("search")
    assert FileInside(tmp_path, tmp_path / "latest" / "records").stamp()


def test_inside() -> None:
    assert is_inside(Path("/a/b"), Path("/a"))
    assert is_inside(Path("/a"), Path("/a"))
    assert not is_inside(Path("/ab"), Path("/a"))
    assert not is_inside(Path("/"), Path("/a"))
