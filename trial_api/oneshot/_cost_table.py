"""Arithmetic on tables of costs: expectations, architectures, files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

import torch
from torch import Tensor

from nas_tuners.contract.architecture import read_architecture
from nas_tuners.contract.errors import (
    ConfigError,
    Problem,
    SearchSpaceError,
    SpaceMismatchError,
    did_you_mean,
)
from nas_tuners.contract.json_files import parse_json, read_text, write_text
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.space_json import LayerChoice, ValueChoice

CostTable = dict[str, list[float]]
"""From the key of each layer choice to a cost a candidate."""

Costs = Union[Mapping[str, Sequence[float]], Mapping[str, Tensor]]
"""A table, or its rows as tensors."""


def expected_cost(
    costs: Costs, probabilities: Mapping[str, Tensor], *, fixed: float = 0.0
) -> Tensor:
    """The expected cost of an architecture whose choices are drawn independently.

    For each key the probabilities times the costs, summed over candidates and keys; differentiable
    with respect to the probabilities.

    Cai, Zhu, Han: ProxylessNAS, ICLR 2019 (https://arxiv.org/abs/1812.00332), section 3.3.1. With
    a Gumbel-softmax sample in the place of probabilities it is the latency of a sampled
    architecture of FBNet (https://arxiv.org/abs/1812.03443), section 3.3.

    Args:
        costs: A table, or what :func:`cost_tensors` makes of it, which spares a copy to the device
            at every call.
        probabilities: A vector for each key of the table. Other keys, such as those of input
            choices, cost nothing.
        fixed: What every architecture costs besides.

    Returns:
        A tensor without dimensions, of the probabilities' type and device.

    Raises:
        SpaceMismatchError: with every key that is missing or of another length.

    Example::

        p = {key: alpha.softmax(0) for key, alpha in alphas.items()}
        loss = loss + 0.1 * expected_cost(costs, p)
    """
    _check_rows(costs, {key: len(vector) for key, vector in probabilities.items()})
    if not costs:
        return torch.tensor(fixed)
    terms = [
        probabilities[key] @ torch.as_tensor(row).to(probabilities[key])
        for key, row in costs.items()
    ]
    return torch.stack(terms).sum() + fixed


def cost_tensors(
    costs: Costs, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
) -> dict[str, Tensor]:
    """The rows of a table as tensors, to be made once and used in every step.

    Args:
        costs: A table.
        device: Of the tensors.
        dtype: Of the tensors; None stands for torch's default.
    """
    dtype = dtype or torch.get_default_dtype()
    return {key: torch.as_tensor(row, device=device, dtype=dtype) for key, row in costs.items()}


def architecture_cost(
    costs: Mapping[str, Sequence[float]],
    space: SearchSpace,
    architecture: Mapping[str, Any] | str | Path,
    *,
    fixed: float = 0.0,
) -> float:
    """The cost of one architecture: the chosen candidates', and what every architecture costs.

    Args:
        costs: A table for the space.
        space: ``search_space(model)``.
        architecture: A dict or a JSON file, as for ``apply_fixed_architecture``.
        fixed: What :func:`fixed_cost` gave.

    Raises:
        SpaceMismatchError: if the table is not one of the space.
        ArchitectureError: if the architecture is not one of the space.

    Example::

        architecture_cost(costs, search_space(model), {"conv": "conv3x3", "act": 1})
    """
    check_costs(costs, space)
    vector = read_architecture(space, architecture)
    entries = {key: vector[position] for key, position in space.first_decision.items()}
    return fixed + math.fsum(
        row[int(entries[key] or 0)] for key, row in costs.items() if entries[key] is not None
    )


def save_costs(costs: Mapping[str, Sequence[float]], path: str | Path) -> None:
    """Write a table as JSON, whole or not at all.

    Args:
        costs: A table.
        path: The file; missing folders are made.

    Example::

        save_costs(costs, "latency.json")
    """
    content = {key: [float(cost) for cost in row] for key, row in costs.items()}
    write_text(Path(path), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def load_costs(path: str | Path, space: SearchSpace | None = None) -> CostTable:
    """Read a table that :func:`save_costs` wrote.

    Args:
        path: The file.
        space: ``search_space(model)``, if the table shall be checked against it.

    Raises:
        ConfigError: if the file cannot be read, or holds no table; with every wrong row.
        SpaceMismatchError: if the table is not one of the space.

    Example::

        costs = load_costs("latency.json", search_space(model))
    """
    try:
        content = parse_json(read_text(Path(path)), str(path))
    except SearchSpaceError as error:
        raise ConfigError(error.problems, error.source) from None
    problems = _malformed(content)
    if problems:
        raise ConfigError(problems, str(path))
    if space is not None:
        check_costs(content, space, source=str(path))
    return {key: [float(cost) for cost in row] for key, row in content.items()}


def check_costs(
    costs: Mapping[str, Sequence[float]], space: SearchSpace, *, source: str = "the cost table"
) -> None:
    """Check that a table has a cost for every candidate of every layer choice, and no others.

    There may be rows for value choices and depths, too.

    Raises:
        SpaceMismatchError: with every missing and foreign key and wrong length.
    """
    sizes = {
        key: len(spec.candidates)
        for key, spec in space.specs.items()
        if isinstance(spec, LayerChoice)
    }
    values = {
        key: len(spec.options)
        for key, spec in space.specs.items()
        if isinstance(spec, ValueChoice)
    }
    foreign = [
        Problem(key, f"no layer choice of the space{did_you_mean(key, sizes)}")
        for key in costs
        if key not in sizes | values
    ]
    missing = [Problem(key, "missing: no costs") for key in sizes if key not in costs]
    lengths = _wrong_lengths(costs, sizes | values)
    if foreign or missing or lengths:
        raise SpaceMismatchError([*foreign, *missing, *lengths], source)


def _check_rows(costs: Costs, sizes: Mapping[str, int]) -> None:
    missing = [
        Problem(key, f"missing: no probabilities{did_you_mean(key, sizes)}")
        for key in costs
        if key not in sizes
    ]
    problems = [*missing, *_wrong_lengths(costs, sizes)]
    if problems:
        raise SpaceMismatchError(problems, "probabilities and cost table")


def _wrong_lengths(costs: Costs, sizes: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(key, f"expected {sizes[key]} costs, a candidate each, but got {len(row)}")
        for key, row in costs.items()
        if key in sizes and len(row) != sizes[key]
    ]


def _malformed(content: Any) -> list[Problem]:
    if not isinstance(content, dict):
        return [Problem("", f"expected a JSON object of keys, got a {type(content).__name__}")]
    return [
        Problem(key, f"expected a list of finite numbers >= 0, but got {row!r}")
        for key, row in content.items()
        if not (isinstance(row, list) and row and all(map(_is_cost, row)))
    ]


def _is_cost(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and value >= 0
