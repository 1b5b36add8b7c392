"""Architectures: every accepted written form, and index vectors.

``to_vector`` is the one function that reads a decision, whoever wrote it. For a key it accepts

- what tuners emit: ``{"_value": "conv3x3", "_idx": 1}`` (``_value`` may be missing, ``_idex`` is
  read as ``_idx``), and plain values for ``choice`` and numbers;
- what people write: a candidate's name or index, a list of names or of indices, or a list of
  booleans with one entry a candidate.

``to_parameters`` and ``to_architecture`` print the two forms.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .domains import Categorical, Continuous, Entry, Grid, Subset, is_finite_number
from .errors import ArchitectureError, Problem, SearchSpaceError, did_you_mean
from .json_files import line_of, parse_json, read_text, write_text
from .search_space import IndexVector, SearchSpace
from .space_json import InputChoice, LayerChoice, NestedOption, Spec, ValueChoice, option_identity

_INDEX_NAMES = ("_idx", "_idex")


def to_vector(
    space: SearchSpace, architecture: Mapping[str, Any], *, source: str = ""
) -> IndexVector:
    """The canonical index vector of an architecture in any accepted form.

    Keys that are inactive under the architecture may be missing and are ignored.

    Raises:
        ArchitectureError: with every missing, unknown or wrong key.
    """
    if not isinstance(architecture, Mapping):
        kind = type(architecture).__name__
        raise ArchitectureError(f"expected an object of keys, got a {kind}", source)
    reader = _Reader(space)
    try:
        reader.read_keys(architecture)
    except RecursionError:
        raise ArchitectureError("nested too deeply", source) from None
    if reader.problems:
        raise ArchitectureError(reader.problems, source)
    return tuple(reader.entries)


def to_parameters(space: SearchSpace, vector: IndexVector) -> dict[str, Any]:
    """What a tuner emits for a canonical vector; inactive keys are left out."""
    parameters = {}
    for key, spec in space.specs.items():
        position = space.first_decision[key]
        entry = vector[position]
        if entry is not None:
            parameters[key] = _print_parameter(space, spec, position, vector, entry)
    return parameters


def to_architecture(space: SearchSpace, vector: IndexVector) -> dict[str, Any]:
    """What ``export`` writes and people edit: names where they are unique, else indices."""
    architecture = {}
    for key, spec in space.specs.items():
        position = space.first_decision[key]
        entry = vector[position]
        if entry is None:
            continue
        if isinstance(spec, (LayerChoice, InputChoice)):
            unique = len(set(spec.candidates)) == len(spec.candidates)
            chosen = [spec.candidates[i] if unique else i for i in spec.domain.chosen(entry)]
            architecture[key] = chosen if isinstance(spec, InputChoice) else chosen[0]
        else:
            architecture[key] = _print_parameter(space, spec, position, vector, entry)
    return architecture


def first_candidates(space: SearchSpace) -> IndexVector:
    """The architecture of a trial without a tuner.

    The first candidate of each choice; the first ``n_chosen`` inputs, or all if any number may be
    chosen (the most that a range allows); the median of each number.
    """
    vector: list[Entry | None] = [None] * len(space.decisions)
    for position in space.order:
        if space.is_active(position, vector):
            domain = space.decisions[position].domain
            if isinstance(domain, Subset):
                vector[position] = domain.index(range(domain.high))
            elif isinstance(domain, Categorical):
                vector[position] = 0
            else:
                vector[position] = domain.from_unit(0.5)
    return tuple(vector)


def load_architecture(path: str | Path) -> dict[str, Any]:
    """The JSON object in an architecture file (not yet checked against a space).

    Raises:
        ArchitectureError: if the file is missing, unreadable, or not a JSON object.
    """
    path = Path(path)
    try:
        content = parse_json(read_text(path), str(path))
    except SearchSpaceError as error:
        raise ArchitectureError(error.problems, error.source) from None
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise ArchitectureError(f"expected a JSON object of keys, got a {kind}", str(path))
    return content


def read_architecture(
    space: SearchSpace, architecture: Mapping[str, Any] | str | Path
) -> IndexVector:
    """:func:`to_vector` for a dict or a file; a file's problems carry line numbers.

    Raises:
        ArchitectureError: with every problem.
    """
    if isinstance(architecture, Mapping):
        return to_vector(space, architecture)
    content = load_architecture(architecture)
    try:
        return to_vector(space, content, source=str(architecture))
    except ArchitectureError as error:
        text = Path(architecture).read_text(encoding="utf-8")
        located = [_with_line(problem, text) for problem in error.problems]
        raise ArchitectureError(located, str(architecture)) from None


def save_architecture(architecture: Mapping[str, Any], path: str | Path) -> None:
    """Write an architecture file, whole or not at all."""
    write_text(Path(path), json.dumps(architecture, indent=2, ensure_ascii=False) + "\n")


# ---- reading ------------------------------------------------------------------------------------


class _Reader:
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
                self.wrong(str(key), f"unknown key{did_you_mean(key, space.specs)}")
        first_of = {position: key for key, position in space.first_decision.items()}
        for position in space.order:
            key = first_of.get(position, "")
            if position not in first_of or not space.is_active(position, self.entries):
                continue
            if key in architecture:
                self.read(space.specs[key], key, position, architecture[key])
            else:
                self.wrong(key, f"missing; expected {_expectation(space.specs[key])}")

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
                        expected = _expectation(inner_spec)
                        self.wrong(f"{where}/{option.name}/{key}", f"missing; expected {expected}")
                inner += _width(inner_spec)
        if isinstance(spec.options[index], NestedOption):
            known = {"_name", *spec.options[index].keys}
            for key in given:
                if key not in known:
                    self.wrong(f"{where}/{key}", f"unknown key{did_you_mean(key, known)}")


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


# ---- printing -----------------------------------------------------------------------------------


def _print_parameter(
    space: SearchSpace, spec: Spec, position: int, vector: IndexVector, entry: Entry
) -> Any:
    if isinstance(spec, LayerChoice):
        return {"_value": spec.candidates[int(entry)], "_idx": int(entry)}
    if isinstance(spec, InputChoice):
        chosen = spec.domain.chosen(entry)
        return {"_value": [spec.candidates[index] for index in chosen], "_idx": list(chosen)}
    if not isinstance(spec, ValueChoice):
        return spec.domain.value(entry) if isinstance(spec.domain, Grid) else entry
    inner = position + 1
    for number, option in enumerate(spec.options):
        if not isinstance(option, NestedOption):
            if number == entry:
                return copy.deepcopy(option)  # its receiver may change it
            continue
        content: dict[str, Any] = {"_name": option.name}
        for key, inner_spec in option.keys.items():
            value = vector[inner]
            if number == entry and value is not None:
                content[key] = _print_parameter(space, inner_spec, inner, vector, value)
            inner += _width(inner_spec)
        if number == entry:
            return content
    raise AssertionError("the entry of a choice is one of its options")


def _width(spec: Spec) -> int:
    """How many decisions a key has."""
    if not isinstance(spec, ValueChoice):
        return 1
    nested = [option for option in spec.options if isinstance(option, NestedOption)]
    return 1 + sum(_width(inner) for option in nested for inner in option.keys.values())


def _expectation(spec: Spec) -> str:
    if isinstance(spec, LayerChoice):
        return f"one of {list(spec.candidates)!r}"
    if isinstance(spec, InputChoice):
        low, high = spec.domain.low, spec.domain.high
        count = f"{low}" if low == high else f"{low} to {high}"
        return f"{count} of {list(spec.candidates)!r}"
    if isinstance(spec, ValueChoice):
        return f"one of {_plain_options(spec)}"
    return f"a number in {_number_range(spec.domain)}"


def _plain_options(spec: ValueChoice) -> str:
    plain = [{"_name": o.name} if isinstance(o, NestedOption) else o for o in spec.options]
    return repr(plain)


def _number_range(domain: Grid | Continuous) -> str:
    step = f" in steps of {domain.step}" if domain.step else ""
    return f"[{domain.low}, {domain.high}]{step}"


def _with_line(problem: Problem, text: str) -> Problem:
    line = line_of(text, problem.where) if problem.where else None
    return Problem(f"{problem.where} (line {line})", problem.message) if line else problem


def _is_index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
