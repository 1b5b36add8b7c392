"""The folder of a worker that is used again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import load_config
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.worker import worker_folder

SPACE = {"a": {"_type": "choice", "_value": ["x", "y"]}}
SERVER = "postgresql://tuner:{password}@db.example/nas"


def worked_on(path: Path, storage: str) -> ExperimentFolder:
    """The folder of a worker on a study in a storage."""
    content = {"command": "true", "search_space": SPACE, "storage": storage, "study_name": "s"}
    (path / "config.yml").write_text(yaml.safe_dump(content | {"max_trials": 1}))
    return create_folder(
        load_config(path / "config.yml"), SearchSpace(SPACE), path=path / "worker"
    )


def use_again(folder: ExperimentFolder, url: str, *, study: str = "s") -> ExperimentFolder:
    return worker_folder(url, study, path=folder.path, code_directory=folder.path.parent)


def test_the_same_storage_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = worked_on(tmp_path, f"journal:///{tmp_path}/study.log")
    (tmp_path / "study.log").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORAGE", f"journal:///{tmp_path}/study.log")
    for url in (f"journal:///{tmp_path}/study.log", "journal:///study.log", "${STORAGE}"):
        assert use_again(folder, url).path == folder.path


@pytest.mark.parametrize("kind", ["journal", "sqlite"])
def test_the_same_file_through_a_link(tmp_path: Path, kind: str) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "study").touch()
    (tmp_path / "shared").symlink_to("disk")
    folder = worked_on(tmp_path, f"{kind}:///{tmp_path}/disk/study")
    assert use_again(folder, f"{kind}:///{tmp_path}/shared/study").path == folder.path
    with pytest.raises(ExperimentError, match="is the folder of a worker on the storage"):
        use_again(folder, f"{kind}:///{tmp_path}/shared/other")


@pytest.mark.parametrize("url", [SERVER.format(password="new").replace("nas", "other"), "${URL}"])
def test_another_storage_is_refused_with_both_and_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("URL", SERVER.format(password="new").replace("nas", "other"))
    folder = worked_on(tmp_path, SERVER.format(password="old"))
    with pytest.raises(ExperimentError) as refused:
        use_again(folder, url)
    assert str(refused.value) == (
        f"{folder.path} is the folder of a worker on the storage "
        "postgresql://tuner:***@db.example/nas, not postgresql://tuner:***@db.example/other; "
        "choose another --folder, or give the first as --storage"
    )


def test_another_password_is_to_be_written_down(tmp_path: Path) -> None:
    folder = worked_on(tmp_path, SERVER.format(password="old"))
    with pytest.raises(ExperimentError, match=r"only the password differs; write .*config\.json"):
        use_again(folder, SERVER.format(password="new"))


def test_another_study_is_refused(tmp_path: Path) -> None:
    folder = worked_on(tmp_path, SERVER.format(password="old"))
    with pytest.raises(ExperimentError, match=r"on the study 's', not 't'; choose another"):
        use_again(folder, SERVER.format(password="old"), study="t")
