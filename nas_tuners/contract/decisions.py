"""The decisions of a search space, and the index vectors that hold one entry for each.

A *key* is an entry of the JSON; a *decision* is one entry of an index vector. A key has one
decision, or several when it is a nested ``choice``, whose options hold keys of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

from .domains import Categorical, Domain, Entry, Subset
from .space_json import NestedOption, Spec, ValueChoice

IndexVector = tuple[Union[Entry, None], ...]
"""One entry a decision; None where the decision is inactive."""


@dataclass(frozen=True)
class Condition:
    """Holds when decision ``parent`` is active and chooses one of ``allowed``."""

    parent: int
    allowed: frozenset[int]


@dataclass(frozen=True)
class Decision:
    """One entry of an index vector. It is active when all its conditions hold."""

    name: str
    domain: Domain
    conditions: tuple[Condition, ...] = ()


@dataclass
class Flattened:
    """The decisions of some keys.

    Attributes:
        decisions: In the order of the keys.
        specs: The spec behind each of them.
        first: key -> the position of its (first) decision.
    """

    decisions: list[Decision] = field(default_factory=list)
    specs: list[Spec] = field(default_factory=list)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, spec: Spec, conditions: tuple[Condition, ...]) -> None:
        """A key with all that is nested in it."""
        position = len(self.decisions)
        self.decisions.append(Decision(name, spec.domain, conditions))
        self.specs.append(spec)
        if not isinstance(spec, ValueChoice):
            return
        for index, option in enumerate(spec.options):
            if isinstance(option, NestedOption):
                here = (Condition(position, frozenset([index])),)
                for key, inner in option.keys.items():
                    self.add(f"{name}/{option.name}/{key}", inner, here)


def flatten(
    specs: Mapping[str, Spec], active_if: Mapping[str, Mapping[str, Sequence[int]]]
) -> Flattened:
    """Every decision of a space, with the conditions under which it is taken."""
    flat = Flattened()
    for key, spec in specs.items():
        flat.first[key] = len(flat.decisions)
        flat.add(key, spec, ())
    for key, parents in active_if.items():
        position = flat.first[key]
        conditions = tuple(
            Condition(flat.first[parent], frozenset(allowed))
            for parent, allowed in parents.items()
        )
        old = flat.decisions[position]
        flat.decisions[position] = Decision(old.name, old.domain, conditions)
    return flat


def parents_first(decisions: Sequence[Decision]) -> Iterator[int]:
    """Positions with parents first, otherwise in order; positions on a cycle are left out."""
    done: set[int] = set()
    waiting = list(range(len(decisions)))
    while waiting:
        ready = []
        for position in waiting:
            if all(condition.parent in done for condition in decisions[position].conditions):
                done.add(position)
                ready.append(position)
                yield position
        if not ready:
            return
        waiting = [position for position in waiting if position not in done]


def chosen(decision: Decision, entry: Entry) -> tuple[int, ...]:
    """The candidates that an entry of a choice stands for."""
    domain = decision.domain
    assert isinstance(domain, (Categorical, Subset)), "only choices are parents"
    return domain.chosen(entry)
