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

from .architecture_forms import Reader, width
from .domains import Categorical, Entry, Grid, Subset
from .errors import ArchitectureError, Problem, SearchSpaceError
from .json_files import line_of, parse_json, read_text, write_text
from .search_space import IndexVector, SearchSpace
from .space_json import InputChoice, LayerChoice, NestedOption, Spec, ValueChoice


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
    reader = Reader(space)
    try:
        reader.read_keys(architecture)
    except RecursionError:
        raise ArchitectureError("nested too deeply", source) from None
    if reader.problems:
        raise ArchitectureError(reader.problems, source)
    return tuple(reader.entries)


def vector_of(space: SearchSpace, chosen: Mapping[str, Sequence[int]]) -> IndexVector:
    """The canonical index vector in which each key chooses the candidates of these indices.

    Raises:
        ArchitectureError: as :func:`to_vector`.
    """
    return to_vector(
        space, {key: _of_indices(space.specs.get(key), chosen[key]) for key in chosen}
    )


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
    if not isinstance(architecture, (str, Path)):
        kind = type(architecture).__name__
        raise ArchitectureError(f"expected a dict or the path of a JSON file, got a {kind}")
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


def _of_indices(spec: Spec | None, indices: Sequence[int]) -> Any:
    """What chooses the candidates of these indices, in a form that :func:`to_vector` reads."""
    if isinstance(spec, ValueChoice) and len(indices) == 1:
        return spec.options[indices[0]]
    return list(indices)


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
            inner += width(inner_spec)
        if number == entry:
            return content
    raise AssertionError("the entry of a choice is one of its options")


def _with_line(problem: Problem, text: str) -> Problem:
    line = line_of(text, problem.where) if problem.where else None
    return Problem(f"{problem.where} (line {line})", problem.message) if line else problem
