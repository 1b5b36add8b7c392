"""The table of docs/spaces.md: how large each space is, and what its networks cost.

::

    python -m benchmarks.spaces.facts    # writes it anew
"""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple

import torch

import search_spaces
from nas_tuners import SearchSpace
from nas_tuners.contract.architecture import to_architecture, to_vector
from nas_tuners.contract.domains import Subset
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.search_space import IndexVector
from nas_tuners.contract.space_json import InputChoice, LayerChoice, Spec, ValueChoice
from trial_api import ArchitectureProfiler

PAGE = Path(__file__).parents[2] / "docs" / "spaces.md"
TABLE = re.compile(r"(?<=<!-- facts -->\n).*(?=<!-- /facts -->)", re.DOTALL)

CIFAR, IMAGENET = (1, 3, 32, 32), (1, 3, 224, 224)
INPUTS: dict[str, tuple[int, ...]] = {
    "darts": CIFAR,
    "enas_macro": CIFAR,
    "enas_micro": CIFAR,
    "fbnet": IMAGENET,
    "mobilenet_v3": IMAGENET,
    "nas_bench_101": CIFAR,
    "nas_bench_201": CIFAR,
    "proxyless_nas": IMAGENET,
    "shufflenet": IMAGENET,
    "tabular_mlp": (1, 8),
    "text_nas": (1, 64),
    "vision_transformer": CIFAR,
}
"""What one example of each space's data looks like, with the default arguments."""

LEAST = ("none", "zero", "skip", "max_pool_3x3", "max_pool_3", "mb3_k3", "k3_e1_g2", "shuffle_3x3")
MOST = (
    "conv_5x5",
    "sep_conv_5x5",
    "nor_conv_3x3",
    "mb6_k7",
    "k5_e6",
    "xception_3x3",
    "conv_7",
    "batch",
)
"""Layers that cost least and most among those they stand with; the first that is a candidate."""

LEAN_CELL = {(0, 1), (1, 2), (1, 3), (1, 4), (1, 6), (2, 6), (3, 6), (4, 6)}
FULL_CELL = {*pairwise(range(7)), (0, 2), (0, 3), (0, 4)}
"""The cells of NAS-Bench-101 that cost least (of pools) and most (of 3x3 convolutions)."""

VARIED: dict[str, list[tuple[int, str, int]]] = {
    "enas_micro": [(0, "node0_y_input", 0)],  # else an input is left over, which costs
    "shufflenet": [(0, "block1", 3), (1, "block1", 2)],  # with more parameters, less to multiply
}
"""Where an extreme in parameters is none in multiply-adds: which of the two, keys, candidate."""


class Facts(NamedTuple):
    """A row of the table.

    Attributes:
        keys: Decisions.
        size: Architectures.
        parameters: Of the smallest and the largest network.
        multiply_adds: The same.
    """

    keys: int
    size: int | float
    parameters: tuple[int, int]
    multiply_adds: tuple[int, int]


def facts_of(name: str) -> Facts:
    """Read a space and build its extremes, on the meta device."""
    profiler = profiler_of(name)
    space = profiler.search_space
    costs = [profiler(to_architecture(space, vector)) for vector in extremes(name, space)]
    parameters = sorted(cost.parameters for cost in costs)
    multiply_adds = sorted(cost.multiply_adds for cost in costs)
    return Facts(
        len(space.specs),
        space.size,
        (parameters[0], parameters[-1]),
        (multiply_adds[0], multiply_adds[-1]),
    )


def profiler_of(name: str) -> ArchitectureProfiler:
    """Tells what the architectures of a space cost, for one example."""
    kind = torch.long if name == "text_nas" else torch.float
    example = torch.ones(INPUTS[name], dtype=kind)
    return ArchitectureProfiler(getattr(search_spaces, name), example)


def extremes(name: str, space: SearchSpace) -> list[IndexVector]:
    """Architectures among which the cheapest and the dearest are, whatever is counted.

    Those of the cheapest and dearest layers, least and largest values, fewest and most inputs.
    """
    if name == "nas_bench_101":
        cells = [(LEAN_CELL, "maxpool3x3"), (FULL_CELL, "conv3x3-bn-relu")]
        return [_cell(space, *cell) for cell in cells]
    ends = [_extreme(space, LEAST, most=False), _extreme(space, MOST, most=True)]
    varied = [_varied(space, ends[end], key, entry) for end, key, entry in VARIED.get(name, ())]
    return ends + varied


def table() -> str:
    lines = [
        "| space | decisions | architectures | parameters | multiply-adds | of an input |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    return "\n".join([*lines, *(row(name, facts_of(name)) for name in INPUTS)]) + "\n"


def row(name: str, facts: Facts) -> str:
    shape = " x ".join(map(str, INPUTS[name][1:]))
    return (
        f"| [`{name}`](#{name}) | {facts.keys} | {_count(facts.size)} "
        f"| {_range(facts.parameters)} | {_range(facts.multiply_adds)} | {shape} |"
    )


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    write_text(PAGE, TABLE.sub(table(), page))


def _extreme(space: SearchSpace, preferred: tuple[str, ...], *, most: bool) -> IndexVector:
    entries = (_entry(spec, preferred, most=most) for spec in space.specs.values())
    return space.canonical([*entries])


def _varied(space: SearchSpace, vector: IndexVector, key: str, candidate: int) -> IndexVector:
    """With another candidate for all keys that end so."""
    entries = zip(space.specs, vector, strict=True)
    return tuple(candidate if name.endswith(key) else entry for name, entry in entries)


def _cell(space: SearchSpace, edges: set[tuple[int, int]], operation: str) -> IndexVector:
    """The graph with these edges, of one operation."""
    chosen: dict[str, object] = {f"cell/op_{node}": operation for node in range(1, 6)}
    for pair in combinations(range(7), 2):
        chosen[f"cell/edge_{pair[0]}_{pair[1]}"] = pair in edges
    return to_vector(space, chosen)


def _entry(spec: Spec, preferred: tuple[str, ...], *, most: bool) -> int:
    if isinstance(spec, InputChoice):
        return _inputs(spec.domain, most=most)
    if isinstance(spec, LayerChoice):
        known = [name for name in preferred if name in spec.candidates]
        return spec.candidates.index(known[0]) if known else 0
    assert isinstance(spec, ValueChoice), "the zoo has no hyper-parameters"
    return spec.options.index(max(spec.options) if most else min(spec.options))


def _inputs(domain: Subset, *, most: bool) -> int:
    """As many of the first, or as few of the last: these leave fewer outputs unused."""
    if most:
        return domain.index(range(domain.high))
    return domain.index(range(domain.n - domain.low, domain.n))


def _count(size: int | float) -> str:
    return f"{size:,}" if size < 1e9 else f"{size:.2g}".replace("e+", " * 10^")


def _range(ends: tuple[int, int]) -> str:
    return " to ".join(map(_short, ends))


def _short(count: int) -> str:
    """Three digits and a unit."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return str(count)


if __name__ == "__main__":
    main()
