"""The examples run as their pages say, as processes, with small limits."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from nas_tuners.contract.trial_io import TRIAL_DIR, Assignment, read_metrics, write_assignment
from tests.experiment_kit import Project
from tests.fork_host import run_script

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
CLASSIC = EXAMPLES / "classic_nas"
ONESHOT = EXAMPLES / "oneshot"
SPACE_FILE = ROOT / "search_spaces" / "classic_nas.json"
DATA = Path(os.environ.get("NAS_TUNERS_DATA", ROOT.parent / "shared" / "data"))
QUICK = ["--epochs", "1", "--limit", "100"]

pytest.importorskip("sklearn", reason="the examples need scikit-learn")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def data() -> ModuleType:
    """``examples/classic_nas/data.py``, which is no part of a package."""
    spec = importlib.util.spec_from_file_location("classic_nas_data", CLASSIC / "data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- examples/classic_nas -----------------------------------------------------------------------


def test_the_trial_script_alone() -> None:
    done = run_script(CLASSIC / "trial.py", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "{'first_conv': 'conv3x3', 'mid_conv': 'conv1x1', 'skip': ['stem']}" in done.stderr
    assert done.stderr.count("runs alone") == 1
    assert "final result 0: 0." in done.stderr


def test_the_trial_script_as_a_trial(tmp_path: Path) -> None:
    chosen = {"first_conv": {"_idx": 1}, "mid_conv": {"_idx": 3}, "skip": {"_idx": [1]}}
    write_assignment(tmp_path, Assignment("exp", "t0", 0, chosen))
    done = run_script(CLASSIC / "trial.py", *QUICK, **{TRIAL_DIR: str(tmp_path)})
    assert done.returncode == 0, done.stderr
    epoch, result = read_metrics(tmp_path).metrics
    assert (epoch.kind, result.kind) == ("intermediate", "final")
    assert 0 <= epoch.default == result.default <= 1


def test_the_trial_script_in_a_study() -> None:
    search = [*QUICK, "--seed", "3", "--optuna-trials", "2"]
    done, again = (run_script(CLASSIC / "trial.py", *search) for _ in range(2))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("best: ")
    assert "with {'first_conv': '" in done.stdout
    assert done.stdout == again.stdout, "the seed decides"


def test_the_experiment(project: Project) -> None:
    """The configuration as it stands, but for fewer and shorter trials."""
    config = yaml.safe_load((CLASSIC / "config.yml").read_text())
    assert (CLASSIC / config["search_space"]).resolve() == SPACE_FILE
    config |= {
        "command": " ".join([config["command"], *QUICK]),
        "code_directory": str(CLASSIC),
        "search_space": str(SPACE_FILE),
        "max_trials": 2,
    }
    (project.path / "config.yml").write_text(yaml.safe_dump(config))
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "Best of 2 trials:" in done.stdout
    assert project.states() == ["COMPLETE", "COMPLETE"]
    architecture = project.trials()[0].user_attrs["architecture"]
    assert architecture.keys() == {"first_conv", "mid_conv", "skip"}


@pytest.mark.slow
def test_cost_as_an_objective_and_as_a_bound(project: Project) -> None:
    """The configuration as it stands, but for fewer and shorter trials, which are warm."""
    config = yaml.safe_load((CLASSIC / "latency.yml").read_text())
    config |= {
        "command": " ".join([config["command"], *QUICK]),
        "code_directory": str(CLASSIC),
        "search_space": str(SPACE_FILE),
        "max_trials": 2,
        "warm": True,
    }
    (project.path / "config.yml").write_text(yaml.safe_dump(config))
    done = project.run()
    assert done.returncode == 0, done.stderr
    for trial in project.trials():
        accuracy, latency = trial.values
        assert 0 <= accuracy <= 1
        assert latency > 0
        # all that keeps to the bound: no large convolution in either place
        architecture = trial.user_attrs["architecture"]
        large = architecture["first_conv"] == "conv5x5"
        assert not large or architecture["mid_conv"] not in ("conv3x3", "dilated3x3")


def test_the_kept_space_is_what_the_script_generates(project: Project) -> None:
    file = project.path / "space.json"
    command = f"{sys.executable} trial.py"
    done = project.command("ss-gen", "-t", command, "-d", CLASSIC, "-f", file)
    assert done.returncode == 0, done.stderr
    assert file.read_bytes() == SPACE_FILE.read_bytes()


# ---- the data of examples/classic_nas -----------------------------------------------------------


def write_idx(folder: Path, images: np.ndarray, labels: np.ndarray, *, zipped: bool) -> None:
    """MNIST's training images as published: IDX files, gzipped or not."""
    folder.mkdir(parents=True)
    contents = {
        "train-images-idx3-ubyte": struct.pack(">IIII", 2051, *images.shape) + images.tobytes(),
        "train-labels-idx1-ubyte": struct.pack(">II", 2049, len(labels)) + labels.tobytes(),
    }
    for name, content in contents.items():
        path = folder / f"{name}{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def mnist() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    return images, np.arange(20, dtype=np.uint8) % 10


@pytest.mark.parametrize("zipped", [False, True])
def test_published_files(data: ModuleType, tmp_path: Path, mnist: Any, zipped: bool) -> None:
    write_idx(tmp_path / "MNIST" / "raw", *mnist, zipped=zipped)
    check_mnist(data.load(str(tmp_path)), *mnist)


def test_archives(data: ModuleType, tmp_path: Path, mnist: Any) -> None:
    images, labels = mnist
    np.savez(tmp_path / "mnist_train_a.npz", images=images[:12], labels=labels[:12])
    np.savez(tmp_path / "mnist_train_b.npz", images=images[12:], labels=labels[12:])
    check_mnist(data.load(str(tmp_path)), *mnist)


def check_mnist(loaded: Any, images: np.ndarray, labels: np.ndarray) -> None:
    """Every image is there once, scaled, beside its own label; a fifth is held out."""
    assert loaded.train_images.shape == (16, 1, 28, 28)
    assert loaded.valid_images.shape == (4, 1, 28, 28)
    x = torch.cat([loaded.train_images, loaded.valid_images]).squeeze(1)
    y = torch.cat([loaded.train_labels, loaded.valid_labels])
    found = {image.tobytes(): int(label) for image, label in zip(x.numpy(), y, strict=True)}
    scaled = torch.from_numpy(images).float() / 255
    expected = zip(scaled.numpy(), labels, strict=True)
    assert found == {image.tobytes(): int(label) for image, label in expected}


def test_digits_and_a_limit(data: ModuleType) -> None:
    every, some = data.load(None), data.load(None, limit=50)
    assert len(every.train_images) + len(every.valid_images) == 1797
    assert every.train_images.min() == 0
    assert every.train_images.max() == 1
    assert (len(some.train_images), len(some.valid_images)) == (40, 10)


def test_a_folder_without_mnist(tmp_path: Path) -> None:
    done = run_script(CLASSIC / "trial.py", "--data", tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"no MNIST in {tmp_path}: expected train-images-*")


@pytest.mark.skipif(not DATA.is_dir(), reason="NAS_TUNERS_DATA names no folder")
def test_mnist_itself() -> None:
    done = run_script(CLASSIC / "trial.py", *QUICK, "--data", DATA)
    assert done.returncode == 0, done.stderr
    assert "final result 0: 0." in done.stderr


# ---- the single files ---------------------------------------------------------------------------


@pytest.mark.slow
def test_optuna_study() -> None:
    done = run_script(EXAMPLES / "optuna_study.py")
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.partition("best accuracy ")[2].split()[0])
    assert accuracy > 0.8
    assert "architecture  {'middle': '" in done.stdout
    assert "learning rate 0.0" in done.stdout


@pytest.mark.slow
def test_hello_nas_by_the_built_in_evaluator(tmp_path: Path) -> None:
    few = ["--trials", "2", "--epochs", "1"]
    done = run_script(EXAMPLES / "classification.py", *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Best of 2 trials:" in done.stdout
    assert done.stdout.rstrip().endswith("% of the digits are right")


def test_custom_tuner_races() -> None:
    done = run_script(EXAMPLES / "custom_tuner.py")
    assert done.returncode == 0, done.stderr
    names = [line.partition(":")[0] for line in done.stdout.splitlines()]
    best = [float(line.rpartition(" ")[2]) for line in done.stdout.splitlines()]
    assert names == ["RandomTuner", "Climber", "ContractTuner"]
    assert best[1] > best[0], "the climber learns"


@pytest.mark.parametrize("name", ["Climber", "Alternating"])
def test_custom_tuners_in_an_experiment(project: Project, name: str) -> None:
    tuner = {"name": f"custom_tuner:{name}", "code_directory": str(EXAMPLES)}
    project.write(tuner=tuner, max_trials=4)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * 4


# ---- examples/oneshot ---------------------------------------------------------------------------


def test_a_mutator_a_loop_and_a_trainer_of_ones_own() -> None:
    done = run_script(ONESHOT / "custom_trainer.py", "--epochs", "2", "--limit", "400")
    assert done.returncode == 0, done.stderr
    by_hand, by_trainer = done.stdout.splitlines()
    assert "{'first': '" in by_hand
    assert "'accuracy': 0." in by_trainer


def test_darts_and_a_retraining_as_in_the_papers(tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    searched = run_script(
        ONESHOT / "darts.py", "--limit", "200", "--epochs", "1", "--export", best
    )
    assert searched.returncode == 0, searched.stderr
    assert "with the supernet's weights: {'loss': " in searched.stdout
    options = ["--limit", "200", "--epochs", "2", "--cells", "3", "--channels", "4"]
    retrained = run_script(ONESHOT / "retrain.py", best, *options)
    assert retrained.returncode == 0, retrained.stderr
    assert retrained.stdout.startswith("accuracy: 0.")


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("enas.py", ["--epochs", "1", "--mutator-steps", "1", "--retrain", "1"]),
        ("spos.py", ["--epochs", "2", "--evaluations", "4", "--retrain", "1"]),
        ("proxyless.py", ["--epochs", "2"]),
    ],
)
def test_a_search_in_a_supernet(script: str, options: list[str], tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    done = run_script(ONESHOT / script, "--limit", "200", *options, "--export", best)
    assert done.returncode == 0, done.stderr
    assert "0." in done.stdout
    assert json.loads(best.read_text())


OTHERS = ["bender", "cdarts", "pc_darts", "pdarts", "smash"]


@pytest.mark.parametrize(
    "name",
    ["fbnet", "gdas", "single_path"]
    + [pytest.param(name, marks=pytest.mark.extended) for name in OTHERS],
)
def test_every_other_trainer(name: str, tmp_path: Path) -> None:
    best = tmp_path / "best.json"
    options = ["--limit", "120", "--evaluations", "3", "--export", best]
    done = run_script(ONESHOT / "trainers.py", name, *options)
    assert done.returncode == 0, done.stderr
    assert "the architecture is in" in done.stdout
    assert json.loads(best.read_text())


@pytest.mark.extended
def test_a_search_in_two_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(ONESHOT / "distributed.py"), "--limit", "400"]
    command += ["--epochs", "2", "--evaluations", "4", "--export", str(tmp_path / "best.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("found by 2 processes: {'blocks.0': '")
    assert done.stdout.count("found by") == 1
    assert (tmp_path / "best.json").exists()
