"""The search space: a JSON object of keys, seen as the flat list of decisions that tuners see."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from .constraints import ConstrainedSpace
from .decisions import Condition, Decision, IndexVector, chosen, flatten, parents_first
from .domains import Entry
from .errors import Problem, SearchSpaceError
from .json_files import line_of, parse_json, read_text
from .space_difference import check_same_space
from .space_json import Reader, Spec, json_identity, print_spec
from .space_size import count_architectures, describe_space

__all__ = ["Condition", "Decision", "IndexVector", "SearchSpace", "check_same_space"]


class SearchSpace(ConstrainedSpace):
    """What may be decided, parsed and checked.

    Args:
        content: The JSON object, key -> ``{"_type": ..., "_value": ...}``. Order is kept.
        source: A name for error messages, usually the file.

    Attributes:
        specs: key -> what may be decided there.
        decisions: What index vectors hold, in the order of the keys.
        decision_specs: The spec behind each decision.
        first_decision: key -> the position of its (first) decision.
        constraints: What :meth:`~ConstrainedSpace.constrain` added; not part of the JSON.

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
        flat = flatten(self.specs, self.active_if)
        self.decisions: tuple[Decision, ...] = tuple(flat.decisions)
        self.decision_specs = flat.specs
        self.first_decision = flat.first
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
        count = len(self.constraints)
        words = f", {count} constraint{'s' if count > 1 else ''}" if count else ""
        return f"SearchSpace({describe_space(self)}{words})"

    # ---- the encoded space ------------------------------------------------------------------

    @cached_property
    def is_flat(self) -> bool:
        """Whether every decision is always active."""
        return not any(decision.conditions for decision in self.decisions)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Decision positions, parents before children."""
        return tuple(parents_first(self.decisions))

    @cached_property
    def size(self) -> int | float:
        """The number of distinct architectures; ``math.inf`` with a continuous decision.

        Those that break a constraint count too: how many fit nobody knows without asking for each.
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
            if condition.allowed.isdisjoint(chosen(self.decisions[condition.parent], entry)):
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
        """Draw every active decision from its prior, whether or not the constraints hold."""
        if self.is_flat:
            return tuple([decision.domain.sample(rng) for decision in self.decisions])
        return self.complete([None] * len(self.decisions), rng)

    def enumerate(self) -> Iterator[IndexVector]:
        """Every architecture of a finite space once, in lexicographic order, lazily.

        Those that break a constraint too: ``filter(space.fits, space.enumerate())`` has the rest.
        """
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

    def _architecture(self, vector: IndexVector) -> dict[str, Any]:
        from .architecture import to_architecture  # which builds on this module

        return to_architecture(self, vector)

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

    def _unordered(self) -> list[int]:
        return sorted(set(range(len(self.decisions))) - set(self.order))


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
