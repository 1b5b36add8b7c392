"""NNI's experiment files, unmodified, run against a compatible trial script."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.errors import ExperimentError
from nas_tuners.experiment.gpus.nvml import read_gpus
from tests.experiment_kit import PRELUDE, SPACE, Project
from tests.gpu_kit import FakeNvml

FILES = Path(__file__).parent / "nni"
SCRIPT = f"""
import json, os, sys
if file := os.environ.get("NAS_TUNERS_GEN_SEARCH_SPACE"):
    open(file, "w").write(json.dumps({SPACE!r}))
    sys.exit()
{PRELUDE}
print("GPU", os.environ.get("CUDA_VISIBLE_DEVICES"))
report(value)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """NNI's folders, with the trial script under every name that the files use."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for module in ("tuner", "random_nas_tuner"):  # of another test, in another folder
        monkeypatch.delitem(sys.modules, module, raising=False)
    shutil.copytree(FILES, tmp_path, dirs_exist_ok=True)
    for folder, name in (
        ("classic_nas", "mnist"),
        ("classic_nas-tf", "train"),
        ("spos", "tester"),
    ):
        (tmp_path / "nas" / folder / f"{name}.py").write_text(SCRIPT)
    return Project(tmp_path)


def run(project: Project, name: str) -> Any:
    return project.command("run", project.path / "nas" / name, "--folder", project.experiment)


@pytest.mark.parametrize(
    "name",
    [
        "classic_nas/config_ppo.yml",
        "classic_nas-tf/config_ppo.yml",
        "classic_nas/config_ppo_v2.yml",
    ],
)
def test_proximal_policy_optimization_until_nothing_is_left(project: Project, name: str) -> None:
    done = run(project, name)
    assert done.returncode == 0, done.stderr
    assert "is read as an experiment file of NNI" in done.stdout
    assert "the trial command generates it" in done.stdout
    assert "Tuner: PPO" in done.stdout
    values = [trial.value for trial in project.trials()]
    assert len(values) == len(set(values)) == 12
    assert json.loads(project.command("export", project.experiment).stdout) == {"a": "z", "b": "s"}


@pytest.mark.parametrize(
    "name",
    [
        "classic_nas/config_random_search.yml",
        "classic_nas-tf/config_random_search.yml",
        "classic_nas/config_random_search_v2.yml",
    ],
)
def test_a_tuner_of_ones_own_in_another_folder(project: Project, name: str) -> None:
    done = run(project, name)
    assert done.returncode == 0, done.stderr
    assert "Tuner: random_nas_tuner:RandomNASTuner" in done.stdout
    assert project.states() == ["COMPLETE"] * 10
    assert (project.path / "nas" / name).with_name("nni_auto_gen_search_space.json").exists()


@pytest.mark.parametrize("name", ["config_search.yml", "config_search_v2.yml"])
def test_the_search_in_a_supernet_with_no_gpus_asked_for(project: Project, name: str) -> None:
    file = project.path / "nas" / "spos" / name
    text = file.read_text()
    file.write_text(text.replace("gpuNum: 1", "gpuNum: 0").replace("Number: 1", "Number: 0"))
    done = run(project, f"spos/{name}")
    assert done.returncode == 0, done.stderr
    found = sorted(tuple(trial.user_attrs["architecture"].values()) for trial in project.trials())
    assert found == [("x", "p"), ("x", "q"), ("y", "p"), ("y", "q"), ("z", "p")]  # 22 at most


@pytest.mark.parametrize("name", ["spos/config_search.yml", "spos/config_search_v2.yml"])
def test_a_gpu_a_trial_where_there_is_none(project: Project, name: str) -> None:
    if _has_gpus():
        pytest.skip("there is a GPU here")
    done = run(project, name)
    assert done.returncode == 5
    assert "cannot read this machine's GPUs" in done.stderr


@pytest.mark.parametrize("name", ["spos/config_search.yml", "spos/config_search_v2.yml"])
def test_a_gpu_a_trial_where_nvml_tells_of_two(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(project.path))  # where claims on GPUs lie
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    FakeNvml(monkeypatch, memory_used=0)
    done = run(project, name)
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * 5
    given = [(project.trial_folder(n) / "stdout.txt").read_text() for n in range(5)]
    assert set(given) == {"GPU 0\n", "GPU 1\n"}


@pytest.mark.gpu
def test_the_search_in_a_supernet_with_a_gpu_a_trial(project: Project) -> None:
    if not _has_gpus():
        pytest.skip("there is no GPU here")
    done = run(project, "spos/config_search.yml")
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * 5


def _has_gpus() -> bool:
    try:
        return bool(read_gpus())
    except ExperimentError:
        return False
