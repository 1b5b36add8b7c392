"""The number of parameters of many architectures, without building each."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, final

from torch import nn

from nas_tuners.contract.domains import Entry
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._profile import ArchitectureProfiler

_logger = logging.getLogger(__name__)

_CHANGES = 16  # other candidates that are tried of one decision
_LATER_CHANGES = 2  # around architectures after the first
_CHECKS = 20  # architectures, at least, that are counted both ways before the table is trusted
_TIMES = 4  # and so many at least with each candidate

Counts = Mapping[str, int]
"""Name of a parameter -> how many numbers it holds."""


@final
class ParameterCounter:
    """Counts the parameters of architectures, as a constraint does for thousands of them.

    The number is a sum over layers, each of which depends on a few decisions only. Which those
    are is found by changing decisions one by one; what a layer has under them is looked up in a
    table, which grows as new combinations are met. Before the table is trusted it is compared with
    networks that are built, and if it is wrong, every network is.

    Making it builds some hundred networks on the meta device, which takes seconds.

    Args:
        model: A class, or a function without arguments, that makes the model with its choices.
        seed: Of the architectures around which decisions are changed.

    Raises:
        SearchSpaceError: if the space cannot be read.

    Example::

        count = ParameterCounter(Net)
        space = search_space(Net).constrain(lambda arch: count(arch) <= 5e6)
    """

    def __init__(self, model: Callable[[], nn.Module], *, seed: int = 0) -> None:
        self._profiler = ArchitectureProfiler(model)
        self._space = self._profiler.search_space
        rng = Random(seed)
        self._groups = _grouped(_dependences(self._space, self._counts, rng))
        self._group_of = {
            name: number for number, (_, names) in enumerate(self._groups) for name in names
        }
        self._table: list[dict[tuple[Entry | None, ...], int]] = [{} for _ in self._groups]
        self._is_exact = all(map(self._agrees, _covering(self._space, rng)))
        if not self._is_exact:
            _logger.info("layers depend on their decisions together; networks are built to count")

    def __call__(self, architecture: Mapping[str, Any] | str | Path) -> int:
        """How many numbers an architecture's parameters hold; what is shared counts once.

        Args:
            architecture: As for :class:`ArchitectureProfiler`.

        Raises:
            ArchitectureError: if the architecture does not fit the model.
        """
        vector = self._profiler.vector(architecture)
        if not self._is_exact:
            return sum(self._counts(vector).values())
        return self._looked_up(vector)

    def _looked_up(self, vector: IndexVector) -> int:
        places = self._places(vector)
        known = [table.get(place) for table, place in zip(self._table, places, strict=True)]
        if None in known:
            counts = self._counts(vector)
            self._is_exact = self._enter(places, counts)
            return sum(counts.values())
        return sum(count for count in known if count)

    def _places(self, vector: IndexVector) -> list[tuple[Entry | None, ...]]:
        return [tuple(vector[i] for i in decisions) for decisions, _ in self._groups]

    def _enter(self, places: Sequence[tuple[Entry | None, ...]], counts: Counts) -> bool:
        """Note what an architecture has; whether it fits what was noted before."""
        if not counts.keys() <= self._group_of.keys():
            return False  # some were never seen while decisions were changed
        sums = [0] * len(self._groups)
        for name, count in counts.items():
            sums[self._group_of[name]] += count
        rows = zip(self._table, places, sums, strict=True)
        return all(table.setdefault(place, total) == total for table, place, total in rows)

    def _agrees(self, vector: IndexVector) -> bool:
        return self._enter(self._places(vector), self._counts(vector))

    def _counts(self, vector: IndexVector) -> Counts:
        network = self._profiler.build_vector(vector)
        return {name: value.numel() for name, value in network.named_parameters()}


def _dependences(
    space: SearchSpace, counts: Callable[[IndexVector], Counts], rng: Random
) -> dict[str, set[int]]:
    """Of each parameter, the decisions that change it.

    Decisions are changed one by one around architectures that together have every parameter that
    is met: the first one is drawn, the next ones have a parameter that a change has shown.
    """
    found: dict[str, set[int]] = {}
    done: set[str] = set()
    shown: dict[str, tuple[int, IndexVector]] = {}
    base, most = space.sample(rng), _CHANGES
    while True:
        before = counts(base)
        done |= before.keys()
        for position, changed in _changes(space, base, most, rng):
            after = counts(changed)
            for name in before.keys() | after.keys():
                known = found.setdefault(name, set())
                if before.get(name) != after.get(name):
                    known.add(position)
            for name in after:
                shown.setdefault(name, (position, changed))
        left = [name for name in shown if name not in done]
        if not left:
            return found
        position, changed = shown[left[0]]
        base, most = _around(space, position, changed, rng), _LATER_CHANGES
        if left[0] not in counts(base):
            base = changed


def _around(space: SearchSpace, position: int, vector: IndexVector, rng: Random) -> IndexVector:
    """An architecture with one decision of another, and otherwise drawn."""
    drawn = space.sample(rng)
    return space.complete([*drawn[:position], vector[position], *drawn[position + 1 :]], rng)


def _changes(
    space: SearchSpace, base: IndexVector, most: int, rng: Random
) -> Iterator[tuple[int, IndexVector]]:
    """Each decision of an architecture, and the architecture with other candidates of it."""
    for position, present in enumerate(base):
        if present is None:
            continue
        others = [
            entry
            for entry in range(int(space.decisions[position].domain.size))
            if entry != present
        ]
        if len(others) > most:
            others = rng.sample(others, most)
        for entry in others:
            yield position, space.complete([*base[:position], entry, *base[position + 1 :]], rng)


def _covering(space: SearchSpace, rng: Random) -> Iterator[IndexVector]:
    """Architectures that have each candidate of each decision some times, and various others."""
    sizes = [int(decision.domain.size) for decision in space.decisions]
    number = max(_CHECKS, _TIMES * min(max(sizes, default=0), _CHANGES))
    columns = [itertools.islice(_in_turns(size, rng), number) for size in sizes]
    for row in list(zip(*columns, strict=True)) or [()]:
        yield space.complete(row, rng)


def _in_turns(size: int, rng: Random) -> Iterator[int]:
    """Entries at random, but each as often as the others."""
    while True:
        yield from rng.sample(range(size), min(size, _CHANGES))


def _grouped(dependences: Mapping[str, set[int]]) -> list[tuple[tuple[int, ...], list[str]]]:
    """Parameters that depend on the same decisions, together."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, decisions in dependences.items():
        groups.setdefault(tuple(sorted(decisions)), []).append(name)
    return list(groups.items())
