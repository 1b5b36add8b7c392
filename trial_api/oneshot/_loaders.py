"""The loaders of a trainer: the user's own, or made from data sets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import Dataset

from nas_tuners.contract.errors import ConfigError

from ._data import SEARCH, TRAIN, VALID, split, training_loader, validation_loader
from ._options import Settings


def make_loaders(
    dataset_train: Dataset[Any] | None,
    dataset_valid: Dataset[Any] | None,
    search_fraction: float,
    settings: Settings,
    *,
    seed: int,
    device: torch.device,
    trainer: str,
) -> dict[str, Iterable[Any]]:
    """Loaders by the name of their stream.

    Args:
        dataset_train, dataset_valid: None where a loader is given instead.
        search_fraction: The algorithm's share for the architecture; 0 where it uses none.
        settings: Loaders, and the user's own share.
        seed: Of the split.
        device: Where the batches go.
        trainer: A name for errors.

    Raises:
        ConfigError: if data is missing.
    """
    pin = device.type == "cuda"
    loaders: dict[str, Iterable[Any]] = {}
    if settings.train_loader is not None:
        loaders[TRAIN] = settings.train_loader
        if search_fraction and settings.search_loader is None:
            raise ConfigError(
                "train_loader needs a search_loader beside it: this algorithm decides the "
                "architecture on batches of its own",
                trainer,
            )
    elif dataset_train is None:
        raise ConfigError("dataset_train or train_loader must be given", trainer)
    elif search_fraction and settings.search_loader is None:
        fraction = settings.search_fraction or search_fraction
        train, search = split(dataset_train, fraction, seed=seed)
        loaders[TRAIN] = training_loader(train, settings, pin=pin)
        loaders[SEARCH] = training_loader(search, settings, pin=pin)
    else:
        loaders[TRAIN] = training_loader(dataset_train, settings, pin=pin)
    if settings.search_loader is not None:
        loaders[SEARCH] = settings.search_loader
    if settings.valid_loader is not None:
        loaders[VALID] = settings.valid_loader
    elif dataset_valid is not None:
        loaders[VALID] = validation_loader(dataset_valid, settings, pin=pin)
    return loaders
