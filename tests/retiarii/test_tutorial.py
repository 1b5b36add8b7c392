"""NNI's tutorial runs with nothing changed but its imports."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.results import read_results

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = Path(os.environ.get("NAS_TUNERS_DATA", ROOT.parent / "shared" / "data"))
COUNT = 128


def digits() -> tuple[np.ndarray, np.ndarray]:
    """A few of MNIST, or small ones enlarged."""
    if (DATA / "mnist_test.npz").exists():
        with np.load(DATA / "mnist_test.npz") as file:
            return file["images"][:COUNT], file["labels"][:COUNT]
    datasets = pytest.importorskip("sklearn.datasets", reason="no digits to learn from")
    images, labels = datasets.load_digits(return_X_y=True)
    small = (images[:COUNT].reshape(-1, 8, 8) * 15).astype(np.uint8)
    return np.pad(small.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), labels[:COUNT]


@pytest.mark.slow
def test_it_runs_and_prints_the_best_model(tmp_path: Path) -> None:
    images, labels = digits()
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    environment = {
        "PYTHONPATH": os.pathsep.join([str(HERE / "stand_in"), str(ROOT)]),
        "DIGITS": str(tmp_path / "digits.npz"),
    }
    done = subprocess.run(
        [sys.executable, HERE / "hello_nas.py"],
        cwd=tmp_path,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    best = ast.literal_eval(done.stdout.splitlines()[-1])
    assert list(best) == ["model_1", "model_2", "model_3"]
    assert best["model_1"] in ("0", "1")
    assert best["model_2"] in (0.25, 0.5, 0.75)
    assert best["model_3"] in (64, 128, 256)
    assert "trial_gpu_number is 1, and torch sees no GPU here" in done.stderr or has_gpu()
    check_folder(tmp_path / "nas-experiments" / "latest", best)


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def check_folder(path: Path, best: dict[str, object]) -> None:
    """Four different models were trained, two at a time, for three epochs each."""
    folder = ExperimentFolder(path)
    assert folder.path.name.startswith("mnist_search-")
    assert folder.config().concurrency == 2
    trials = read_results(folder).trials
    assert [trial.state for trial in trials] == ["complete"] * 4
    assert len({json.dumps(trial.architecture) for trial in trials}) == 4
    values = {trial.value: trial.architecture for trial in trials}
    assert values[max(values)] == best
    reports = (folder.trials / "0000" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in reports] == ["intermediate"] * 3 + ["final"]
