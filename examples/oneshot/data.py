"""Images for the examples: scikit-learn's digits, or MNIST and CIFAR-10 from a folder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import TensorDataset

Arrays = tuple[np.ndarray, np.ndarray]


def load(
    name: str = "digits", folder: str | Path | None = None, *, limit: int | None = None
) -> tuple[TensorDataset, TensorDataset]:
    """Training and validation images (n, channels, height, width), normalized, with labels.

    A fifth of the images is held out for validation, always the same ones.

    Args:
        name: ``"digits"`` (8x8, bundled with scikit-learn), ``"mnist"`` (``mnist_train*.npz``) or
            ``"cifar10"`` (``cifar10_png_train*.npz``: sheets of 1,024 pixels an image).
        folder: Where the last two are.
        limit: Use so many images.
    """
    if name == "digits":
        images, labels = _digits()
    else:
        images, labels = (_mnist if name == "mnist" else _cifar10)(Path(folder or "."))
    order = np.random.default_rng(0).permutation(len(images))[:limit]
    x = torch.from_numpy(images[order].astype(np.float32))
    mean, deviation = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    x, y = (x - mean) / deviation, torch.from_numpy(labels[order].astype(np.int64))
    held_out = len(order) // 5
    return TensorDataset(x[held_out:], y[held_out:]), TensorDataset(x[:held_out], y[:held_out])


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images[:, None], digits.target


def _mnist(folder: Path) -> Arrays:
    parts = [np.load(file) for file in _files(folder, "mnist_train*.npz")]
    images = np.concatenate([part["images"] for part in parts])
    return images[:, None], np.concatenate([part["labels"] for part in parts])


def _cifar10(folder: Path) -> Arrays:
    from PIL import Image

    images, labels = [], []
    for file in _files(folder, "cifar10_png_train*.npz"):
        content = np.load(file)
        for key in sorted(key for key in content if key.startswith("png_")):
            sheet = np.asarray(Image.open(io.BytesIO(content[key].tobytes())).convert("RGB"))
            images.append(sheet.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2))
        labels.append(content["labels"])
    return np.concatenate(images), np.concatenate(labels)


def _files(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SystemExit(f"no {pattern} in {folder.resolve()}")
    return found
