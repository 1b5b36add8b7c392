"""The search space: a JSON object of keys, seen as the flat list of decisions that tuners see.

A *key* is an entry of the JSON; a
*decision* is one entry of an index vector. A key has one decision, or several when it is a nested
``choice``, whose options hold keys of their own.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Union

from .domains import Categorical, Domain, Entry, Subset
from .errors import Problem, SearchSpaceError, SpaceMismatchError, did_you_mean
from .json_files import line_of, parse_json, read_text
from .space_json import NestedOption, Reader, Spec, ValueChoice, json_identity, print_spec
from .space_size import count_architectures, describe_size

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


class SearchSpace:
    """What may be decided, parsed and checked.

    Args:
        content: The JSON object, key -> ``{"_type": ..., "_value": ...}``. Order is kept.
        source: A name for error messages, usually the file.

    Attributes:
        specs: key -> what may be decided there.
        decisions: What index vectors hold, in the order of the keys.
        decision_specs: The spec behind each decision.
        first_decision: key -> the position of its (first) decision.

    Raises:
        SearchSpaceError: with every problem found.

    Example::

        space = SearchSpace({"conv": {"_type": "layer_choice", "_value": ["3x3", "5x5"]}})
        space.size  # 2
    """

    def __init__(self, content: Mapping[str, Any], *, source: str = "") -> None:
        if not isinstance(content, Mapping):
            kind = type(content).__name__
            raise SearchSpaceError(f"expected a JSON object of keys, got a {kind}", source)
        reader = Reader()
        self.specs: dict[str, Spec]
        self.active_if: dict[str, dict[str, tuple[int, ...]]]
        try:
            self.specs = reader.read_keys(content, "")
            self.active_if = reader.read_conditions(content, self.specs)
        except RecursionError:
            raise SearchSpaceError("nested too deeply", source) from None
        if reader.problems:
            raise SearchSpaceError(reader.problems, source)
        self.first_decision: dict[str, int] = {}
        self.decision_specs: list[Spec] = []
        self.decisions: tuple[Decision, ...] = tuple(self._flatten())
        cycle = [self.decisions[i].name for i in self._unordered()]
        if cycle:
            names = ", ".join(map(repr, cycle))
            raise SearchSpaceError(f"_active_if goes round in a circle: {names}", source)

    @classmethod
    def of(cls, space: SearchSpace | Mapping[str, Any] | str | Path) -> SearchSpace:
        """A space from any form in which users hold one: itself, a dict, or a file's path."""
        if isinstance(space, SearchSpace):
            return space
        return cls(space) if isinstance(space, Mapping) else cls.load(space)

    @classmethod
    def from_specs(
        cls,
        specs: Mapping[str, Spec],
        *,
        active_if: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
    ) -> SearchSpace:
        """A space from specs and conditions, checked like one that is read from JSON.

        Raises:
            SearchSpaceError: with every problem found.
        """
        return cls(_print_space(specs, active_if or {}))

    @classmethod
    def loads(cls, text: str, *, source: str = "") -> SearchSpace:
        """Parse JSON text.

        Raises:
            SearchSpaceError: for broken JSON (with line and column) and for every bad key.
        """
        content = parse_json(text, source)
        try:
            return cls(content, source=source)
        except SearchSpaceError as error:
            located = [_with_line(problem, text) for problem in error.problems]
            raise SearchSpaceError(located, source) from None

    @classmethod
    def load(cls, path: str | Path) -> SearchSpace:
        """Read a JSON file.

        Raises:
            SearchSpaceError: if it is missing, unreadable, or malformed.
        """
        return cls.loads(read_text(Path(path)), source=str(path))

    def to_dict(self) -> dict[str, Any]:
        """The JSON object; equal to what was parsed, in its order."""
        return _print_space(self.specs, self.active_if)

    def dumps(self) -> str:
        """The JSON text that files hold."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    @cached_property
    def fingerprint(self) -> str:
        """Twelve hex digits that differ when the space does."""
        return hashlib.sha256(json_identity(self.to_dict()).encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SearchSpace) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"SearchSpace({len(self.specs)} keys, {describe_size(self.size)})"

    # ---- the encoded space ------------------------------------------------------------------

    @cached_property
    def is_flat(self) -> bool:
        """Whether every decision is always active."""
        return not any(decision.conditions for decision in self.decisions)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Decision positions, parents before children."""
        return tuple(_topological(self.decisions))

    @cached_property
    def size(self) -> int | float:
        """The number of distinct architectures; ``math.inf`` with a continuous decision.

        Exact, except where conditions entangle so many decisions that counting would take longer
        than searching: then an upper bound.
        """
        return count_architectures(self)

    def is_active(self, position: int, vector: Sequence[Entry | None]) -> bool:
        """Whether the conditions of a decision hold (its parents' entries must be settled)."""
        for condition in self.decisions[position].conditions:
            entry = vector[condition.parent]
            if entry is None:
                return False
            if condition.allowed.isdisjoint(_chosen(self.decisions[condition.parent], entry)):
                return False
        return True

    def canonical(self, vector: Sequence[Entry | None]) -> IndexVector:
        """The vector with None at every inactive decision: equal for equal architectures."""
        if self.is_flat:
            return tuple(vector)
        result = list(vector)
        for position in self.order:
            if not self.is_active(position, result):
                result[position] = None
        return tuple(result)

    def complete(self, vector: Sequence[Entry | None], rng: Random) -> IndexVector:
        """The canonical vector with every missing active entry drawn from its prior."""
        result = list(vector)
        for position in self.order:
            if not self.is_active(position, result):
                result[position] = None
            elif result[position] is None:
                result[position] = self.decisions[position].domain.sample(rng)
        return tuple(result)

    def sample(self, rng: Random) -> IndexVector:
        """Draw every active decision from its prior."""
        if self.is_flat:
            return tuple([decision.domain.sample(rng) for decision in self.decisions])
        return self.complete([None] * len(self.decisions), rng)

    def enumerate(self) -> Iterator[IndexVector]:
        """Every architecture of a finite space once, in lexicographic order, lazily."""
        assert self.size != math.inf, "an infinite space cannot be enumerated"
        sizes = [int(decision.domain.size) for decision in self.decisions]
        vector = self.successor(None, sizes)
        while vector is not None:
            yield vector
            vector = self.successor(vector, sizes)

    def successor(self, vector: IndexVector | None, sizes: Sequence[int]) -> IndexVector | None:
        """The next vector of indices below ``sizes``, inactive decisions left out.

        The first one after None; None after the last.
        """
        if vector is None:
            return self._zeros_from(0, [None] * len(self.decisions))
        for place in reversed(range(len(self.order))):
            position = self.order[place]
            entry = vector[position]
            if entry is not None and entry + 1 < sizes[position]:
                following = list(vector)
                following[position] = entry + 1
                return self._zeros_from(place + 1, following)
        return None

    def _zeros_from(self, place: int, vector: list[Entry | None]) -> IndexVector:
        for position in self.order[place:]:
            vector[position] = 0 if self.is_active(position, vector) else None
        return tuple(vector)

    def invalid_entries(self, vector: Sequence[Entry | None]) -> list[str]:
        """What is wrong with a vector, one line a decision; empty when it is valid."""
        if len(vector) != len(self.decisions):
            return [f"{len(vector)} entries for {len(self.decisions)} decisions"]
        wrong: dict[int, str] = {}
        doubtful: set[int] = set()  # below a wrong entry nobody can say what is active
        for position in self.order:
            if any(c.parent in doubtful for c in self.decisions[position].conditions):
                doubtful.add(position)
            elif message := self._wrong_entry(position, vector):
                doubtful.add(position)
                wrong[position] = message
        return [wrong[position] for position in sorted(wrong)]

    def _wrong_entry(self, position: int, vector: Sequence[Entry | None]) -> str:
        decision, entry = self.decisions[position], vector[position]
        if not self.is_active(position, vector):
            return "" if entry is None else f"{decision.name}: inactive here, yet it is {entry!r}"
        if entry is None or not decision.domain.contains(entry):
            return f"{decision.name}: {entry!r} is not an index below {decision.domain.size}"
        return ""

    def _flatten(self) -> Iterator[Decision]:
        decisions: list[Decision] = []
        for key, spec in self.specs.items():
            self.first_decision[key] = len(decisions)
            _append_decisions(decisions, self.decision_specs, key, spec, ())
        for key, parents in self.active_if.items():
            position = self.first_decision[key]
            conditions = tuple(
                Condition(self.first_decision[parent], frozenset(allowed))
                for parent, allowed in parents.items()
            )
            old = decisions[position]
            decisions[position] = Decision(old.name, old.domain, conditions)
        yield from decisions

    def _unordered(self) -> list[int]:
        return sorted(set(range(len(self.decisions))) - set(self.order))


def check_same_space(
    ours: SearchSpace, theirs: SearchSpace, *, ours_is: str, theirs_is: str
) -> None:
    """Raise a key-by-key difference unless two spaces are equal.

    Raises:
        SpaceMismatchError: naming each key that is missing, added or different.
    """
    mine, other = ours.to_dict(), theirs.to_dict()
    problems = [
        Problem(key, f"only in {ours_is}{did_you_mean(key, other.keys() - mine.keys())}")
        for key in mine
        if key not in other
    ]
    problems += [Problem(key, f"only in {theirs_is}") for key in other if key not in mine]
    problems += [
        Problem(
            key, f"{ours_is} has {json.dumps(mine[key])}, {theirs_is} has {json.dumps(other[key])}"
        )
        for key in mine
        if key in other and json_identity(mine[key]) != json_identity(other[key])
    ]
    if problems:
        advice = (
            "a changed model needs a new search-space file (nas-tuners ss-gen), "
            "and a new experiment or study"
        )
        raise SpaceMismatchError(problems, f"{ours_is} and {theirs_is} do not agree; {advice}")


def _append_decisions(
    decisions: list[Decision],
    specs: list[Spec],
    name: str,
    spec: Spec,
    conditions: tuple[Condition, ...],
) -> None:
    position = len(decisions)
    decisions.append(Decision(name, spec.domain, conditions))
    specs.append(spec)
    if not isinstance(spec, ValueChoice):
        return
    for index, option in enumerate(spec.options):
        if isinstance(option, NestedOption):
            chosen = (Condition(position, frozenset([index])),)
            for key, inner in option.keys.items():
                _append_decisions(decisions, specs, f"{name}/{option.name}/{key}", inner, chosen)


def _print_space(
    specs: Mapping[str, Spec], active_if: Mapping[str, Mapping[str, Sequence[int]]]
) -> dict[str, Any]:
    content = {key: print_spec(spec) for key, spec in specs.items()}
    for key, parents in active_if.items():
        content[key]["_active_if"] = {name: list(allowed) for name, allowed in parents.items()}
    return content


def _with_line(problem: Problem, text: str) -> Problem:
    """The problem with the line on which its key first stands, where that can be told."""
    line = line_of(text, problem.where.rsplit("/", 1)[-1]) if problem.where else None
    return Problem(f"{problem.where} (line {line})", problem.message) if line else problem


def _chosen(decision: Decision, entry: Entry) -> tuple[int, ...]:
    domain = decision.domain
    assert isinstance(domain, (Categorical, Subset)), "only choices are parents"
    return domain.chosen(entry)


def _topological(decisions: Sequence[Decision]) -> Iterator[int]:
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
