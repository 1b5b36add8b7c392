"""What users give as data, as batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from nas_tuners.contract.errors import ConfigError, Problem

from ._training import Training
from .choices import is_choice

_FORMS = (
    "arrays (x, y), a data set, a loader of batches, or a function without arguments that gives "
    "one of these in the trial"
)

_NO_DATA = (Tensor, np.ndarray, str, bytes, dict, tuple, type)  # by themselves; see _is_arrays


def data_problems(name: str, data: Any, batch_size: Any = None) -> Iterator[Problem]:
    """What is wrong with data; what a function gives is only known in the trial.

    Args:
        name: Of the argument.
        data: What was given for it.
        batch_size: The evaluator's argument, if it was given.
    """
    if is_function(data):
        return
    if not (_is_arrays(data) or _is_dataset(data) or _is_loader(data)):
        yield Problem(name, f"must be {_FORMS}, but got {_described(data)}")
    elif _is_arrays(data) and len({len(array) for array in data}) > 1:
        lengths = " and ".join(str(len(array)) for array in data)
        yield Problem(name, f"arrays must have as many entries each, but have {lengths}")
    elif _is_loader(data) and is_choice(batch_size):
        yield Problem("batch_size", f"cannot be searched: {name} is a loader, which has its own")


def make_loader(name: str, data: Any, training: Training, *, shuffle: bool) -> Iterable[Any]:
    """Batches, as often as somebody iterates.

    Raises:
        ConfigError: if the data is nothing that gives batches.
    """
    found = data() if is_function(data) else data
    problems = list(data_problems(name, found))
    if problems or is_function(found):
        given = f"must give {_FORMS}, but gave {_described(found)}"
        raise ConfigError(problems or [Problem(name, given)])
    if _is_arrays(found):
        found = TensorDataset(*map(_tensor, found))
    if _is_loader(found):
        loader: Iterable[Any] = found
        return loader
    return _loader_of(found, training, shuffle=shuffle)


def _loader_of(dataset: Any, training: Training, *, shuffle: bool) -> DataLoader[Any]:
    """Shuffled batches are of equal size: a last, small one would upset batch norm."""
    size = training.batch_size
    pin = training.where.type == "cuda"
    options: dict[str, Any] = {"num_workers": training.workers, "pin_memory": pin}
    if isinstance(dataset, IterableDataset):
        return DataLoader(dataset, batch_size=size, **options)
    drop_last = shuffle and len(dataset) >= size
    if type(dataset) is TensorDataset:  # a batch at once is much faster than sample by sample
        order = (RandomSampler if shuffle else SequentialSampler)(dataset)
        batches = BatchSampler(order, size, drop_last)
        return DataLoader(dataset, sampler=batches, batch_size=None, **options)
    return DataLoader(dataset, size, shuffle=shuffle, drop_last=drop_last, **options)


def _tensor(array: Any) -> Tensor:
    """An array as networks take it."""
    tensor = torch.as_tensor(array)
    return tensor.float() if tensor.dtype is torch.float64 else tensor


def is_function(data: Any) -> bool:
    """Whether it gives data when it is called."""
    return callable(data) and (isinstance(data, type) or not _is_dataset(data))


def _is_arrays(data: Any) -> bool:
    pair = isinstance(data, (tuple, list)) and len(data) > 1
    return pair and all(isinstance(item, (Tensor, np.ndarray)) and item.ndim for item in data)


def _is_dataset(data: Any) -> bool:
    if isinstance(data, _NO_DATA):
        return False
    return isinstance(data, Dataset) or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))


def _is_loader(data: Any) -> bool:
    """Something that can be iterated again and again."""
    odd = isinstance(data, (*_NO_DATA, Iterator))
    return hasattr(data, "__iter__") and not odd and not _is_dataset(data)


def _described(data: Any) -> str:
    kind = f"a {type(data).__name__}"
    if not isinstance(data, tuple):
        return kind
    return f"{kind} of {' and '.join(type(item).__name__ for item in data)}"
