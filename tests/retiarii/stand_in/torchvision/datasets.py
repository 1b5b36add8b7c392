"""A few digits under the name of MNIST, from the file that an environment variable names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from torch.utils.data import Dataset


class MNIST(Dataset):
    def __init__(
        self,
        root: str,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        with np.load(os.environ["DIGITS"]) as file:
            images, labels = file["images"], file["labels"]
        half = len(images) // 2
        part = slice(half) if train else slice(half, None)
        self._images, self._labels, self._transform = images[part], labels[part], transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = self._images[index]
        return self._transform(image) if self._transform else image, int(self._labels[index])
