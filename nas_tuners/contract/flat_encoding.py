"""A search space as a flat list of plain parameters: names, numbers and categories.

Studies of hyper-parameter optimizers know categories, integers and floats, and want the same names
and ranges in every trial. Every decision becomes one or several such parameters, always all of
them; what is inactive is ignored when reading back. Reading never fails on values within the
ranges: what several parameters leave contradictory is repaired, deterministically, and without
favouring low indices.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from .domains import Categorical, Continuous, Domain, Entry, Grid, Subset
from .search_space import IndexVector, SearchSpace
from .space_json import InputChoice, LayerChoice, NestedOption, Spec, ValueChoice

_LABEL_LENGTH = 60
_NAME_LENGTH = 500  # Optuna's databases hold 512 characters
_SUBSETS = 4096  # labels that one category may have
_EDGE = 1e-6  # quantiles of an unbounded prior stay inside (edge, 1 - edge)

ENCODINGS = ("auto", "slots", "booleans", "subsets", "scores")


@dataclass(frozen=True)
class Category:
    """One of these labels or numbers."""

    choices: tuple[Any, ...]


@dataclass(frozen=True)
class Integer:
    """A whole number in [low, high]."""

    low: int
    high: int


@dataclass(frozen=True)
class Real:
    """A number in [low, high], searched on a logarithmic scale if ``log``."""

    low: float
    high: float
    log: bool = False


FlatParameter = Union[Category, Integer, Real]


class FlatEncoding:
    """The flat parameters of a space, and the way there and back.

    Args:
        space: The search space.
        encoding: How subsets are written. ``"slots"``: k categories for k of n. ``"booleans"``:
            one category a candidate. ``"subsets"``: one category whose labels are the subsets
            (up to 4,096 of them, slots or booleans beyond). ``"scores"``: one number in [0, 1] a
            candidate, for layer and value choices too: the highest win; for methods that only know
            numbers, such as CMA-ES. ``"auto"``: slots for few of many, else booleans.

    Attributes:
        parameters: name -> :class:`Category`, :class:`Integer` or :class:`Real`, always the same.
    """

    def __init__(self, space: SearchSpace, encoding: str = "auto") -> None:
        if encoding not in ENCODINGS:
            raise ValueError(f"`encoding` must be one of {ENCODINGS}, but got {encoding!r}")
        self.space = space
        self.encoding = encoding
        self._parts = [
            _make_part(decision.name, decision.domain, spec, encoding)
            for decision, spec in zip(space.decisions, space.decision_specs, strict=True)
        ]
        self.parameters: dict[str, FlatParameter] = {}
        self._names: list[list[str]] = []
        for part in self._parts:
            names = [_free_name(name, self.parameters) for name in part.names]
            self._names.append(names)
            self.parameters.update(zip(names, part.parameters, strict=True))

    def encode(self, vector: IndexVector) -> dict[str, Any]:
        """The one canonical assignment of a vector; inactive decisions get their first value."""
        values: dict[str, Any] = {}
        for part, names, entry in zip(self._parts, self._names, vector, strict=True):
            written = part.write(part.default if entry is None else entry)
            values.update(zip(names, written, strict=True))
        return values

    def decode(self, values: Mapping[str, Any]) -> IndexVector:
        """The canonical vector of any assignment within the ranges.

        Parameters of inactive decisions may be missing.

        Raises:
            KeyError: if a parameter is missing.
            ValueError: if a value is not in its parameter's range.
        """
        entries: list[Entry | None] = [None] * len(self._parts)
        for position in self.space.order:
            if self.space.is_active(position, entries):
                given = [values[name] for name in self._names[position]]
                entries[position] = self._parts[position].read(given)
        return tuple(entries)


# ---- one part a decision ------------------------------------------------------------------------


class _OneCategory:
    """An alternative as a category."""

    default: Entry = 0

    def __init__(self, name: str, choices: Sequence[Any]) -> None:
        self.names = [name]
        self.parameters: list[FlatParameter] = [Category(tuple(choices))]
        self._index = {(type(choice), choice): index for index, choice in enumerate(choices)}
        self._choices = choices

    def write(self, entry: Entry) -> list[Any]:
        return [self._choices[int(entry)]]

    def read(self, values: Sequence[Any]) -> Entry:
        index = self._index.get((type(values[0]), values[0]))
        if index is None:
            index = list(self._choices).index(values[0])  # 1 for 1.0; ValueError for a stranger
        return index


class _Slots:
    """Exactly k of n as k categories; a repeated candidate moves to a free one."""

    def __init__(self, name: str, domain: Subset, labels: Sequence[str]) -> None:
        self.names = [f"{name}[{slot}]" for slot in range(domain.low)]
        self.parameters: list[FlatParameter] = [Category(tuple(labels)) for _ in self.names]
        self._domain, self._labels, self._salt = domain, list(labels), name
        self.default: Entry = domain.index(range(domain.low))

    def write(self, entry: Entry) -> list[Any]:
        return [self._labels[index] for index in self._domain.chosen(entry)]

    def read(self, values: Sequence[Any]) -> Entry:
        raw = sorted(self._labels.index(value) for value in values)
        return self._domain.index(_repair(set(raw), self._domain, self._salt, raw))


class _Booleans:
    """Some of n as n categories of false and true."""

    def __init__(self, name: str, domain: Subset, labels: Sequence[str]) -> None:
        self.names = [f"{name}/{label}" for label in labels]
        self.parameters: list[FlatParameter] = [Category((False, True)) for _ in labels]
        self._domain, self._salt = domain, name
        self.default: Entry = domain.index(range(domain.low))

    def write(self, entry: Entry) -> list[Any]:
        chosen = self._domain.chosen(entry)
        return [index in chosen for index in range(self._domain.n)]

    def read(self, values: Sequence[Any]) -> Entry:
        raw = [index for index, value in enumerate(values) if (False, True).index(value)]
        return self._domain.index(_repair(set(raw), self._domain, self._salt, raw))


class _Scores:
    """The highest of n numbers win; where the number is free, those above a half."""

    def __init__(self, name: str, labels: Sequence[str], domain: Categorical | Subset) -> None:
        self.names = [f"{name}/{label}" for label in labels]
        self.parameters: list[FlatParameter] = [Real(0.0, 1.0) for _ in labels]
        self._domain, self._n = domain, len(labels)
        self._low, self._high, self.default = 1, 1, 0
        if isinstance(domain, Subset):
            self._low, self._high = domain.low, domain.high
            self.default = domain.index(range(domain.low))

    def write(self, entry: Entry) -> list[Any]:
        chosen = self._domain.chosen(entry)
        return [0.75 if index in chosen else 0.25 for index in range(self._n)]

    def read(self, values: Sequence[Any]) -> Entry:
        above = sum(_within(value, 0.0, 1.0) > 0.5 for value in values)
        count = min(max(above, self._low), self._high)
        ranked = sorted(range(self._n), key=lambda index: (-values[index], index))
        chosen = sorted(ranked[:count])
        return chosen[0] if isinstance(self._domain, Categorical) else self._domain.index(chosen)


class _WholeNumber:
    """A grid of whole numbers, one apart."""

    def __init__(self, name: str, domain: Grid) -> None:
        self.names = [name]
        self._low, self._high = int(domain.low), int(domain.high)
        self.parameters: list[FlatParameter] = [Integer(self._low, self._high)]
        self.default: Entry = 0

    def write(self, entry: Entry) -> list[Any]:
        return [self._low + int(entry)]

    def read(self, values: Sequence[Any]) -> Entry:
        return int(_within(values[0], self._low, self._high)) - self._low


class _RealNumber:
    """A bounded number on its own scale; a grid is rounded to when read."""

    def __init__(self, name: str, domain: Grid | Continuous) -> None:
        self.names = [name]
        self.parameters: list[FlatParameter] = [Real(domain.low, domain.high, domain.prior.log)]
        self._domain = domain
        self.default: Entry = domain.from_unit(0.5)

    def write(self, entry: Entry) -> list[Any]:
        value = self._domain.value(entry) if isinstance(self._domain, Grid) else entry
        return [float(value)]

    def read(self, values: Sequence[Any]) -> Entry:
        value = _within(float(values[0]), self._domain.low, self._domain.high)
        return self._domain.nearest(value) if isinstance(self._domain, Grid) else value


class _Quantile:
    """An unbounded number as the quantile of its prior."""

    def __init__(self, name: str, domain: Continuous) -> None:
        self.names = [f"{name} (quantile)"]
        self.parameters: list[FlatParameter] = [Real(_EDGE, 1 - _EDGE)]
        self._domain = domain
        self.default: Entry = domain.from_unit(0.5)

    def write(self, entry: Entry) -> list[Any]:
        return [min(max(self._domain.to_unit(entry), _EDGE), 1 - _EDGE)]

    def read(self, values: Sequence[Any]) -> Entry:
        return self._domain.from_unit(_within(float(values[0]), 0.0, 1.0))


_Part = Union[_OneCategory, _Slots, _Booleans, _Scores, _WholeNumber, _RealNumber, _Quantile]


def _make_part(name: str, domain: Domain, spec: Spec, encoding: str) -> _Part:
    if isinstance(domain, Continuous):
        return _Quantile(name, domain) if math.isinf(domain.high) else _RealNumber(name, domain)
    if isinstance(domain, Grid):
        if encoding == "subsets" and domain.size <= _SUBSETS:
            return _OneCategory(name, [domain.value(index) for index in range(domain.size)])
        whole = all(float(number).is_integer() for number in (domain.low, domain.high))
        linear = domain.step == 1 and not domain.prior.log
        return _WholeNumber(name, domain) if whole and linear else _RealNumber(name, domain)
    if isinstance(domain, Categorical):
        if encoding == "scores" and domain.size > 1:
            return _Scores(name, _option_labels(spec), domain)
        return _OneCategory(name, _option_values(spec))
    labels = _labels(spec.candidates) if isinstance(spec, InputChoice) else []
    return _make_subset_part(name, domain, labels, encoding)


def _make_subset_part(name: str, domain: Subset, labels: Sequence[str], encoding: str) -> _Part:
    fixed = domain.low == domain.high
    if encoding == "scores":
        return _Scores(name, labels, domain)
    if fixed and domain.low == 1:
        return _OneCategory(name, labels)
    if encoding == "subsets" and domain.size <= _SUBSETS:
        subsets = [_subset_label(domain, rank, labels) for rank in range(domain.size)]
        return _OneCategory(name, _labels(subsets))
    few = domain.low <= 3 or domain.low < domain.n / 3
    slots = encoding == "slots" or (encoding in ("auto", "subsets") and few)
    return _Slots(name, domain, labels) if fixed and slots else _Booleans(name, domain, labels)


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(f"{value!r} is not in [{low}, {high}]")
    return value


def _repair(chosen: set[int], domain: Subset, salt: str, raw: Sequence[int]) -> list[int]:
    """The nearest allowed subset; which candidates move is decided by a hash of the raw choice."""
    missing, spare = domain.low - len(chosen), len(chosen) - domain.high
    if missing > 0 or spare > 0:
        order = sorted(range(domain.n), key=lambda index: _shuffle_key(salt, raw, index))
        absent = [index for index in order if index not in chosen]
        present = [index for index in order if index in chosen]
        chosen = chosen | set(absent[: max(missing, 0)])
        chosen = chosen - set(present[: max(spare, 0)])
    return sorted(chosen)


def _shuffle_key(salt: str, raw: Sequence[int], index: int) -> bytes:
    return hashlib.blake2b(f"{salt}|{list(raw)}|{index}".encode(), digest_size=8).digest()


# ---- names and labels ---------------------------------------------------------------------------


def _option_values(spec: Spec) -> list[Any]:
    """Numbers stay numbers, so that plots have an axis; everything else becomes a label."""
    if isinstance(spec, ValueChoice) and all(
        type(option) in (int, float) for option in spec.options
    ):
        return list(spec.options)
    return _option_labels(spec)


def _option_labels(spec: Spec) -> list[str]:
    if isinstance(spec, LayerChoice):
        return _labels(spec.candidates)
    assert isinstance(spec, ValueChoice)
    return _labels([o.name if isinstance(o, NestedOption) else str(o) for o in spec.options])


def _labels(names: Sequence[str]) -> list[str]:
    """The names themselves where they are short and distinct, else led by their index."""
    short = all(0 < len(name) <= _LABEL_LENGTH for name in names)
    if short and len(set(names)) == len(names):
        return list(names)
    return [f"{index}:{name[:_LABEL_LENGTH]}" for index, name in enumerate(names)]


def _subset_label(domain: Subset, rank: int, labels: Sequence[str]) -> str:
    return "{" + ", ".join(labels[index] for index in domain.chosen(rank)) + "}"


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    if len(name) > _NAME_LENGTH:
        digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
        name = f"{name[: _NAME_LENGTH - 20]}...{digest}"
    free, number = name, 2
    while free in taken:
        free, number = f"{name} #{number}", number + 1
    return free
