"""A model space, read: its search space, and how to build one of its architectures."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from torch import nn

from nas_tuners.contract.constraints import Constraint
from nas_tuners.contract.errors import NasTunersError, Problem, SearchSpaceError
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import Spec, print_spec

from ._building import DecidedBuild, decided_build
from ._free_builds import Factory, FreeBuilds, checked_model
from ._model_space import each_once, refuse_spaces_inside
from ._scoping import Token
from ._settle import chosen_indices, settle, settle_choices
from ._space import Conditions, conditions
from ._trace import Trace, refuse_confused, trace_of
from ._tree import Context, find_choices

_logger = logging.getLogger(__name__)


_ALL = 64  # so many combinations of values are all tried
_DRAWN = 12  # else so many drawn at random, after every value once
_MOST_BUILDS = 2000


@dataclass(frozen=True)
class Blueprint:
    """How a model space is built.

    Attributes:
        space: What may be decided.
        keys: The keys of choices that have none of their own.
        has_values: Whether there are value choices, so that an architecture takes building anew.
    """

    space: SearchSpace
    keys: Mapping[Token, str]
    has_values: bool

    def build(self, factory: Factory, vector: IndexVector) -> nn.Module:
        """The plain network of an index vector; nothing else is made, where it is lazy."""
        chosen = chosen_indices(self.space, vector)
        build = DecidedBuild(self.keys, chosen, self.space.specs)
        with decided_build(build):
            model = checked_model(factory)
        try:
            return settle_choices(model, build.decided)
        except KeyError:  # a choice without a key, whose path is to be found
            return settle(model, find_choices(model), chosen)


def read_blueprint(factory: Factory) -> Blueprint:
    """Read a model space by building it, on no device if it can be.

    What depends on values by plain ``if`` and ``for`` shows by building it under other values:
    first all at once, and where that changes which choices there are, one by one.

    Args:
        factory: Builds the model.

    Raises:
        SearchSpaceError: if choices with one key differ, or the space would take too many builds.
        Exception: what the constructor raises for the first values. Where it fails for others,
            those are passed over, with a warning.
    """
    reader = _Reader(factory)
    reader.read({})
    if reader.first.values and not reader.is_steady():
        reader.explore()
    space = SearchSpace.from_specs(reader.specs(), active_if=reader.conditions())
    space = space.with_constraints(reader.constraints())
    reader.tell_of_failures()
    return Blueprint(space, reader.keys, bool(reader.first.values))


class _Reader:
    """Builds a space under several values and keeps what it saw."""

    def __init__(self, factory: Factory) -> None:
        self._builds = FreeBuilds(factory)
        self.keys: dict[Token, str] = {}
        self.tried: list[dict[Token, int]] = []
        self.traces: list[Trace] = []
        self.failed: list[tuple[dict[Token, int], Exception]] = []

    @property
    def first(self) -> Trace:
        return self.traces[0]

    def read(self, trying: dict[Token, int]) -> Trace:
        if len(self.traces) >= _MOST_BUILDS:
            raise SearchSpaceError(
                f"which choices there are depends on values in so many ways that {_MOST_BUILDS} "
                "builds do not show it; put what depends on a value into a LayerChoice or Repeat"
            )
        model, build = self._builds.construct(trying)
        refuse_spaces_inside(model, build.root)
        trace = trace_of(model, build, self.keys)
        self.keys |= trace.keys
        self.tried.append(trying)
        self.traces.append(trace)
        refuse_confused(self.first, trace)
        return trace

    def attempt(self, trying: dict[Token, int]) -> bool:
        """Read under values that may not go together; whether they do."""
        try:
            self.read(trying)
        except NasTunersError:
            raise
        except Exception as error:
            self.failed.append((trying, error))
            return False
        return True

    def is_steady(self) -> bool:
        """Whether there are the same choices under other values."""
        for trying in list(self._samples()):
            self.attempt(trying)
        return all(trace.places == self.first.places for trace in self.traces)

    def tell_of_failures(self) -> None:
        """Warn of values that do not go together, unless there are constraints to refuse them."""
        if not self.failed or self.constraints():
            return
        trying, error = self.failed[0]
        specs: Mapping[str, Any] = self.specs()
        values = {}
        for token, index in trying.items():
            key = token if isinstance(token, str) else self.keys[token]
            values[key] = specs[key].options[index]
        _logger.warning(
            "constructing the model fails for %d of the combinations of values that were tried, "
            "and so will trials that choose them; refuse them with constrain(). The first one: %s "
            "(%s: %s)",
            len(self.failed),
            values,
            type(error).__name__,
            error,
        )

    def explore(self) -> None:
        """Try every value of each choice, wherever a build shows choices that were not known."""
        waiting = list(range(len(self.traces)))
        known: set[str] = set()
        for number in waiting:  # grows
            shown = self.traces[number].specs.keys()
            if shown <= known:
                continue
            known |= shown
            for token, index in _others(self.traces[number].values, self.tried[number]):
                if self.attempt({**self.tried[number], token: index}):
                    waiting.append(len(self.traces) - 1)

    def specs(self) -> dict[str, Spec]:
        """What may be decided, which values may make be there but not change."""
        specs: dict[str, Spec] = {}
        problems = [
            Problem(key, _changing(specs[key], spec))
            for trace in self.traces
            for key, spec in trace.specs.items()
            if specs.setdefault(key, spec) != spec
        ]
        if problems:
            raise SearchSpaceError(list(dict.fromkeys(problems)))
        return specs

    def constraints(self) -> list[Constraint]:
        return each_once(trace.constraints for trace in self.traces)

    def conditions(self) -> Conditions:
        return conditions(self.places())

    def places(self) -> dict[str, list[dict[str, tuple[int, ...]]]]:
        """Where each key stands, with the values under which alone it was seen."""
        seen: dict[str, list[int]] = {}
        for number, trace in enumerate(self.traces):
            for key in trace.specs:
                seen.setdefault(key, []).append(number)
        return {
            key: [
                {**context, **self._needed(key, numbers)}
                for context in self._contexts(key, numbers)
            ]
            for key, numbers in seen.items()
        }

    def _contexts(self, key: str, seen: Sequence[int]) -> list[Context]:
        """The places of a key in any build, each once."""
        contexts: list[Context] = []
        for number in seen:
            places = self.traces[number].places[key]
            contexts += [context for context in places if context not in contexts]
        return contexts

    def _needed(self, key: str, seen: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """Values without which a key was never seen, of choices that were always there then."""
        if len(seen) == len(self.traces):
            return {}
        needed: dict[str, tuple[int, ...]] = {}
        for token, count in self.traces[seen[0]].values.items():
            parent = token if isinstance(token, str) else self.keys[token]
            always = all(parent in self.traces[number].specs for number in seen)
            if parent != key and always:
                values = {self.tried[number].get(token, 0) for number in seen}
                values |= {trying.get(token, 0) for trying, _ in self.failed}  # nobody knows
                if len(values) < count:
                    needed[parent] = tuple(sorted(values))
        return needed

    def _samples(self) -> Iterator[dict[Token, int]]:
        """All combinations if they are few; else every value once, and some drawn at random."""
        values = self.first.values
        if math.prod(values.values()) <= _ALL:
            for indices in itertools.product(*map(range, values.values())):
                yield dict(zip(values, indices, strict=True))
            return
        for index in range(1, max(values.values())):
            yield {token: min(index, count - 1) for token, count in values.items()}
        rng = Random(0)
        for _ in range(_DRAWN):
            yield {token: rng.randrange(count) for token, count in values.items()}


def _changing(spec: Spec, other: Spec) -> str:
    return (
        f"what is chosen from depends on other values, {print_spec(spec)['_value']} or "
        f"{print_spec(other)['_value']}: choose from the same candidates always, or under another "
        "key each"
    )


def _others(
    values: Mapping[Token, int], tried: Mapping[Token, int]
) -> Iterator[tuple[Token, int]]:
    """Each other value of each choice."""
    for token, count in values.items():
        present = tried.get(token, 0)
        yield from ((token, index) for index in range(count) if index != present)
