"""Images for the example: scikit-learn's digits, or MNIST from a folder."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Data(NamedTuple):
    """Images (n, 1, height, width) in [0, 1] and labels (n,)."""

    train_images: Tensor
    train_labels: Tensor
    valid_images: Tensor
    valid_labels: Tensor


def load(folder: str | None, *, limit: int | None = None) -> Data:
    """The digits that scikit-learn bundles, or the MNIST files in a folder.

    A fifth of the training images is held out for validation, always the same one.
    """
    images, labels = _mnist(Path(folder)) if folder else _digits()
    order = np.random.default_rng(0).permutation(len(images))[:limit]
    x = torch.from_numpy(images[order]).float().unsqueeze(1) / float(images.max())
    y = torch.from_numpy(labels[order]).long()
    held_out = len(order) // 5
    return Data(x[held_out:], y[held_out:], x[:held_out], y[:held_out])


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images, digits.target


def _mnist(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The training images, as published (IDX, gzipped or not) or as NumPy archives."""
    archives = sorted(folder.glob("mnist_train*.npz"))
    if archives:
        parts = [np.load(archive) for archive in archives]
        images = np.concatenate([part["images"] for part in parts])
        return images, np.concatenate([part["labels"] for part in parts])
    return _idx(folder, "train-images", 16, 28, 28), _idx(folder, "train-labels", 8)


def _idx(folder: Path, name: str, header: int, *shape: int) -> np.ndarray:
    found = sorted(folder.rglob(f"{name}*"))
    if not found:
        raise SystemExit(f"no MNIST in {folder}: expected {name}-* or mnist_train*.npz there")
    opener = gzip.open if found[0].suffix == ".gz" else open
    with opener(found[0], "rb") as file:
        content = np.frombuffer(file.read(), np.uint8, offset=header)
    return content.reshape(-1, *shape).copy()
