"""Four trainings on MNIST, two at a time: as a search, and by a bare script of the same models.

Both are whole processes, from the first import to the last result. Each training has one thread.
Without MNIST in ``NAS_TUNERS_DATA`` the images are noise, which takes as long to learn.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_tuners.bench import data_folder

from .._claim import Claim, paired_medians

PAIRS, IMAGES, AT_ONCE = 3, 7_000, 2
HERE = Path(__file__).parent


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _save_images(folder / "images.npz", seed)
        found = json.loads(_run(folder, "_search.py", str(seed)).splitlines()[-1])
        ours = partial(_run, folder, "_search.py", str(seed))
        seconds, bare = paired_medians(ours, partial(_bare, folder, found), PAIRS)
    return [Claim("hello NAS on MNIST, 4 trials", seconds, bare, "a bare script", "s", 1.1)]


def _bare(folder: Path, architectures: list[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        words = map(json.dumps, architectures)
        list(pool.map(partial(_run, folder, "_training.py"), words))


def _run(folder: Path, script: str, argument: str) -> str:
    done = subprocess.run(
        [sys.executable, HERE / script, argument],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _save_images(file: Path, seed: int) -> None:
    source = data_folder()
    mnist = source / "mnist_train_a.npz" if source else None
    if mnist is not None and mnist.exists():
        with np.load(mnist) as content:
            images, labels = content["images"][:IMAGES], content["labels"][:IMAGES]
    else:
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (IMAGES, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, IMAGES)
    np.savez(file, images=images, labels=labels)
