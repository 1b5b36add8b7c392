"""Where batches come from: splits of data sets, or the user's own loaders."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler, Subset

from nas_tuners.contract.errors import ConfigError, TrainingError
from trial_api.randomness import generators_of, random_state, seed_of, set_random_state

from . import _distributed as distributed
from ._options import Settings

TRAIN, SEARCH, VALID = "train", "search", "valid"


class Stream:
    """Batches without end: pass after pass over a loader, shuffled anew each time.

    Every pass starts a new iterator of the loader, so nothing is kept or repeated. The position
    is part of checkpoints: a resumed stream starts the pass again from the random state in which
    it was started, and skips the batches that were used.
    """

    def __init__(self, name: str, loader: Iterable[Any], *, seed: int) -> None:
        self.name = name
        self._loader = _own(loader)
        self._seed = seed
        self._passes = 0
        self._position = 0
        self._start: dict[str, Any] | None = None
        self._batches: Iterator[Any] | None = None

    def __len__(self) -> int:
        """Batches a pass.

        Raises:
            TrainingError: if the loader does not know, or is empty.
        """
        try:
            length = len(self._loader)  # type: ignore[arg-type]
        except TypeError:  # a DataLoader only tells when it is asked
            raise TrainingError(
                f"the {self.name} loader has no length, which an epoch needs; give it a __len__"
            ) from None
        if not length:
            raise TrainingError(self._empty())
        return length

    def next(self) -> Any:
        """The next batch.

        Raises:
            TrainingError: if a pass gives none.
        """
        if self._batches is None:
            self._batches = self._begin() if self._start is None else self._continue()
        for batch in self._batches:
            self._position += 1
            return batch
        if self._position == 0:
            raise TrainingError(self._empty())
        self._passes, self._position = self._passes + 1, 0
        self._batches = self._begin()
        return self.next()

    def state_dict(self) -> dict[str, Any]:
        return {
            "passes": self._passes,
            "position": self._position,
            "start": self._start,
            "batches": self._length(),
        }

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Refuse to go on in the midst of other data.

        Raises:
            ValueError: if a pass has another number of batches than the one that was begun.
        """
        before, now = state["batches"], self._length()
        if before != now and 0 < state["position"] != before:
            raise ValueError(
                f"a pass of the {self.name} data had {before} batches and was not finished, but "
                f"has {now} now; make the trainer with the same data and batch size"
            )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._passes, self._position = state["passes"], state["position"]
        self._start, self._batches = state["start"], None

    @contextmanager
    def passing_by(self) -> Iterator[Stream]:
        """This stream, for somebody else's look at the loader: its generators go on as before."""
        before = [generator.get_state() for generator in generators_of(self._loader)]
        try:
            yield self
        finally:
            for generator, state in zip(generators_of(self._loader), before, strict=True):
                generator.set_state(state)

    def _length(self) -> int | None:
        try:
            return len(self._loader)  # type: ignore[arg-type]
        except TypeError:
            return None

    def _empty(self) -> str:
        if not self._passes:
            return f"the {self.name} loader is empty: it gave no batch"
        return (
            f"the {self.name} loader gave no batch when it was passed once more; it must give an "
            "iterator of its own each time, as a DataLoader does and a generator does not"
        )

    def _begin(self) -> Iterator[Any]:
        own = [generator.get_state() for generator in generators_of(self._loader)]
        self._start = {**random_state(), "loader": own}
        return iter(self._seeded())

    def _continue(self) -> Iterator[Any]:
        """An iterator at the position of a checkpoint; the random state is left as it is."""
        assert self._start is not None
        now = random_state()
        set_random_state(self._start)
        own = self._start["loader"]
        for generator, state in zip(generators_of(self._loader), own, strict=True):
            generator.set_state(state)
        batches = iter(self._seeded())
        for _ in range(self._position):
            next(batches, None)
        set_random_state(now)
        return batches

    def _seeded(self) -> Iterable[Any]:
        generator = getattr(self._loader, "generator", None)
        if isinstance(self._loader, SplitLoader) and isinstance(generator, torch.Generator):
            generator.manual_seed(seed_of(self._seed, self.name, self._passes))
        sampler: Any = getattr(self._loader, "sampler", None)
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(self._passes)  # else a DistributedSampler repeats its order
        return self._loader


def _own(loader: Iterable[Any]) -> Iterable[Any]:
    """A loader with an iterator of its own: one with persistent workers gives all the same."""
    if not getattr(loader, "persistent_workers", False):
        return loader
    loader = copy.copy(loader)
    loader._iterator = None  # type: ignore[attr-defined]
    return loader


class SplitLoader(DataLoader[Any]):
    """A loader that this package made, and therefore seeds."""


class _Shuffle(Sampler[int]):
    """A random order, of which each process takes an equal share."""

    def __init__(self, length: int, generator: torch.Generator) -> None:
        self._length = length
        self._generator = generator

    def __len__(self) -> int:
        return self._length // distributed.world_size()

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(self._length, generator=self._generator).tolist()
        return iter(order[distributed.rank() :: distributed.world_size()][: len(self)])


def split(
    dataset: Dataset[Any], fraction: float, *, seed: int
) -> tuple[Dataset[Any], Dataset[Any]]:
    """Two disjoint random parts; the second has the given share, rounded down.

    Raises:
        ConfigError: if a part would be empty.
    """
    length = length_of(dataset)
    generator = torch.Generator().manual_seed(seed_of(seed, "split", 0))
    order = torch.randperm(length, generator=generator).tolist()
    held_out = int(length * fraction)
    if not 0 < held_out < length:
        raise ConfigError(
            f"a share of {fraction} of {length} samples leaves a part empty", "dataset_train"
        )
    return Subset(dataset, order[held_out:]), Subset(dataset, order[:held_out])


def training_loader(dataset: Dataset[Any], settings: Settings, *, pin: bool) -> SplitLoader:
    """Shuffled batches of equal size: a last, small one would upset batch norm."""
    generator = torch.Generator()
    share = length_of(dataset) // distributed.world_size()
    return SplitLoader(
        dataset,
        batch_size=settings.batch_size,
        sampler=_Shuffle(length_of(dataset), generator),
        num_workers=settings.workers,
        drop_last=share >= settings.batch_size,
        pin_memory=pin,
        generator=generator,
    )


def validation_loader(dataset: Dataset[Any], settings: Settings, *, pin: bool) -> SplitLoader:
    """Batches in order; each process has its share of the samples."""
    mine: Sequence[int] = range(distributed.rank(), length_of(dataset), distributed.world_size())
    return SplitLoader(
        Subset(dataset, mine),
        batch_size=settings.batch_size,
        num_workers=settings.workers,
        pin_memory=pin,
        generator=torch.Generator(),
    )


def length_of(dataset: Dataset[Any]) -> int:
    if isinstance(dataset, DataLoader):
        raise ConfigError(
            "expected a data set, but got a DataLoader; pass train_loader, search_loader and "
            "valid_loader instead",
            "dataset",
        )
    if not isinstance(dataset, Sized):
        kind = type(dataset).__name__
        raise ConfigError(
            f"a {kind} has no length and cannot be split; pass train_loader, search_loader and "
            "valid_loader instead",
            "dataset",
        )
    return len(dataset)
