"""Reading one key's decision in any form in which it may be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .domains import Continuous, Entry, Grid, is_finite_number
from .errors import Problem, did_you_mean
from .search_space import SearchSpace
from .space_json import InputChoice, LayerChoice, NestedOption, Spec, ValueChoice, option_identity

_INDEX_NAMES = ("_idx", "_idex")


class Reader:
    """Fills a vector key by key and collects what is wrong."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.entries: list[Entry | None] = [None] * len(space.decisions)
        self.problems: list[Problem] = []

    def wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def read_keys(self, architecture: Mapping[str, Any]) -> None:
        space = self.space
        for key in architecture:
            if key not in space.specs:
                hint = did_you_mean(key, space.specs) or "; there is none like it: take it out"
                self.wrong(str(key), f"unknown key{hint}")
        first_of = {position: key for key, position in space.first_decision.items()}
        for position in space.order:
            key = first_of.get(position, "")
            if position not in first_of or not space.is_active(position, self.entries):
                continue
            if key in architecture:
                self.read(space.specs[key], key, position, architecture[key])
            else:
                self.wrong(key, f"missing; expected {expectation(space.specs[key])}")

    def read(self, spec: Spec, where: str, position: int, given: Any) -> None:
        try:
            if isinstance(spec, LayerChoice):
                self.entries[position] = _read_layer(spec, given)
            elif isinstance(spec, InputChoice):
                self.entries[position] = _read_inputs(spec, given)
            elif isinstance(spec, ValueChoice):
                self._read_value(spec, where, position, given)
            else:
                self.entries[position] = _read_number(spec.domain, given)
        except _WrongError as error:
            self.wrong(where, str(error))

    def _read_value(self, spec: ValueChoice, where: str, position: int, given: Any) -> None:
        index = _read_option(spec, given)
        self.entries[position] = index
        inner = position + 1
        for number, option in enumerate(spec.options):
            if not isinstance(option, NestedOption):
                continue
            for key, inner_spec in option.keys.items():
                if number == index:
                    if key in given:
                        self.read(inner_spec, f"{where}/{option.name}/{key}", inner, given[key])
                    else:
                        expected = expectation(inner_spec)
                        self.wrong(f"{where}/{option.name}/{key}", f"missing; expected {expected}")
                inner += width(inner_spec)
        if isinstance(spec.options[index], NestedOption):
            known = {"_name", *spec.options[index].keys}
            for key in given:
                if key not in known:
                    self.wrong(f"{where}/{key}", f"unknown key{did_you_mean(key, known)}")


def expectation(spec: Spec) -> str:
    if isinstance(spec, LayerChoice):
        return f"one of {list(spec.candidates)!r}"
    if isinstance(spec, InputChoice):
        low, high = spec.domain.low, spec.domain.high
        count = f"{low}" if low == high else f"{low} to {high}"
        names = spec.candidates if any(spec.candidates) else range(len(spec.candidates))
        return f"{count} of {list(names)!r}"
    if isinstance(spec, ValueChoice):
        return f"one of {_plain_options(spec)}"
    return f"a number in {_number_range(spec.domain)}"


def width(spec: Spec) -> int:
    """How many decisions a key has."""
    if not isinstance(spec, ValueChoice):
        return 1
    nested = [option for option in spec.options if isinstance(option, NestedOption)]
    return 1 + sum(width(inner) for option in nested for inner in option.keys.values())


class _WrongError(Exception):
    """The message about one key, on its way to the list."""


def _read_layer(spec: LayerChoice, given: Any) -> int:
    chosen = _read_chosen(spec.candidates, given)
    if len(chosen) != 1:
        raise _WrongError(f"exactly one candidate must be chosen, got {given!r}")
    return chosen[0]


def _read_inputs(spec: InputChoice, given: Any) -> int:
    chosen = _read_chosen(spec.candidates, given)
    domain = spec.domain
    if not domain.low <= len(chosen) <= domain.high:
        rule = f"{domain.low}" if domain.low == domain.high else f"{domain.low} to {domain.high}"
        raise _WrongError(f"{rule} of {domain.n} inputs must be chosen, got {given!r}")
    return domain.index(chosen)


def _read_chosen(names: Sequence[str], given: Any) -> list[int]:
    """The sorted indices that any written form chooses."""
    if isinstance(given, Mapping):
        return _read_indexed(names, given)
    if isinstance(given, (str, int, float)):
        return [_read_one(names, given)]
    if not isinstance(given, (list, tuple)):
        raise _WrongError(f"expected a name, an index, or a list of them, got {given!r}")
    if given and all(isinstance(item, bool) for item in given):
        if len(given) != len(names):
            raise _WrongError(f"a mask needs {len(names)} booleans, got {len(given)}: {given!r}")
        return [index for index, on in enumerate(given) if on]
    kinds = {type(item) for item in given}
    if len(kinds) > 1:
        raise _WrongError(f"a list must hold names, or indices, or booleans, got {given!r}")
    chosen = [_read_one(names, item) for item in given]
    if len(set(chosen)) < len(chosen):
        raise _WrongError(f"the same candidate is chosen twice in {given!r}")
    return sorted(chosen)


def _read_one(names: Sequence[str], given: Any) -> int:
    if isinstance(given, bool):
        raise _WrongError(f"give a name or an index, not the boolean {given!r}")
    if isinstance(given, int):
        if not 0 <= given < len(names):
            raise _WrongError(f"index {given} is out of range 0..{len(names) - 1}")
        return given
    if isinstance(given, float):
        raise _WrongError(f"{given!r} is not a name or an index; indices are whole numbers")
    if not isinstance(given, str):
        raise _WrongError(f"{given!r} is not a name or an index")
    if names.count(given) > 1:
        raise _WrongError(f"{names.count(given)} candidates are named {given!r}; give the index")
    if given not in names:
        known = ", ".join(map(repr, names))
        raise _WrongError(f"no candidate {given!r}{did_you_mean(given, names)} (known: {known})")
    return names.index(given)


def _read_indexed(names: Sequence[str], given: Mapping[str, Any]) -> list[int]:
    """``{"_value": ..., "_idx": ...}``."""
    known = ("_value", *_INDEX_NAMES)
    for name in given:
        if name not in known:
            raise _WrongError(f"unknown field {name!r}{did_you_mean(name, known)}")
    indices = [given[name] for name in _INDEX_NAMES if name in given]
    if len(indices) == 2 and indices[0] != indices[1]:
        raise _WrongError(f"_idx {indices[0]!r} and _idex {indices[1]!r} contradict each other")
    if not indices:
        if "_value" not in given:
            raise _WrongError("neither _idx nor _value is given")
        if isinstance(given["_value"], Mapping):
            raise _WrongError(f"_value must be a name or a list of names, got {given['_value']!r}")
        return _read_chosen(names, given["_value"])
    index, value = indices[0], given.get("_value")
    several = isinstance(index, (list, tuple))
    if not all(map(_is_index, index if several else [index])):
        raise _WrongError(f"_idx must be an index or a list of indices, got {index!r}")
    chosen = _read_chosen(names, index)
    if value is not None:
        in_order = [index] if _is_index(index) else list(index)
        written = list(value) if isinstance(value, (list, tuple)) else [value]
        if written != [names[i] for i in in_order]:
            raise _WrongError(
                f"_value {value!r} contradicts _idx {index!r}, "
                f"which is {[names[i] for i in in_order]!r}"
            )
    return chosen


def _read_option(spec: ValueChoice, given: Any) -> int:
    named = isinstance(given, Mapping) and "_name" in given
    try:
        identity = f"_name {given['_name']}" if named else option_identity(given)
    except (TypeError, ValueError):
        raise _WrongError(f"{given!r} is not a JSON value") from None
    known = [option_identity(option) for option in spec.options]
    if identity not in known:
        raise _WrongError(f"{given!r} is none of the options {_plain_options(spec)}")
    return known.index(identity)


def _read_number(domain: Grid | Continuous, given: Any) -> Entry:
    if not is_finite_number(given):
        raise _WrongError(f"expected a finite number, got {given!r}")
    if isinstance(domain, Continuous):
        if not domain.contains(given):
            raise _WrongError(f"{given!r} is not in {_number_range(domain)}")
        return given
    index = domain.index(given)
    if index is None:
        raise _WrongError(f"{given!r} is not in {_number_range(domain)}")
    return index


def _plain_options(spec: ValueChoice) -> str:
    plain = [{"_name": o.name} if isinstance(o, NestedOption) else o for o in spec.options]
    return repr(plain)


def _number_range(domain: Grid | Continuous) -> str:
    step = f" in steps of {domain.step}" if domain.step else ""
    return f"[{domain.low}, {domain.high}]{step}"


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
