"""What relaxed architectures do with input choices.

Three kinds:

- Its candidates are the outputs of layer choices (``choose_from`` names their keys): all inputs
  run, with weight one, and the strongest sources win at the end. A source is as strong as its
  most probable candidate that is no zero operation (DARTS, section 2.4).
- It takes exactly one of other inputs: logits and their softmax, like a layer choice.
- It takes any number of other inputs: an independent gate each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nas_tuners.contract.domains import Subset
from nas_tuners.contract.search_space import SearchSpace

from ..nn._input_choice import InputChoice
from ..nn._layer_choice import LayerChoice
from ._mutator import size_of
from ._selection import Selection
from ._tree import MutableTree

ZERO_NAMES = ("none", "zero")
"""Candidates with these names are zero operations: no input, when an architecture is chosen."""


@dataclass(frozen=True)
class Roles:
    """The keys of a model by what a relaxation does with them.

    Attributes:
        one: Keys of which one candidate is chosen: layer choices, input choices of one.
        gated: Input choices of several, with a gate an input.
        derived: Input choices that follow from the layer choices that they choose from.
    """

    one: dict[str, int]
    gated: dict[str, int]
    derived: dict[str, tuple[str, ...]]


def roles_of(mutables: MutableTree) -> Roles:
    roles = Roles({}, {}, {})
    layers = {mutable.key for mutable in mutables if isinstance(mutable, LayerChoice)}
    for mutable in mutables:
        key = mutable.key or ""
        if isinstance(mutable, InputChoice) and layers.issuperset(mutable.choose_from):
            roles.derived[key] = tuple(mutable.choose_from)
        elif isinstance(mutable, LayerChoice) or mutable.n_chosen == 1:
            roles.one[key] = size_of(mutable)
        else:
            roles.gated[key] = size_of(mutable)
    return roles


def chosen_by_strength(domain: Subset, strengths: Sequence[float], *, above: float) -> Selection:
    """The strongest inputs: as many as are above a bound, within what the choice allows."""
    count = sum(strength > above for strength in strengths)
    count = max(domain.low, min(count, domain.high))
    ranked = sorted(range(domain.n), key=lambda index: -strengths[index])
    return Selection(domain.n, tuple(sorted(ranked[:count])))


def final_selections(
    space: SearchSpace,
    roles: Roles,
    *,
    names: Mapping[str, Sequence[str]],
    probabilities: Mapping[str, Sequence[float]],
    zero_names: Collection[str],
    edges: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Selection]:
    """The architecture that probabilities have come to.

    Args:
        space: Of the model.
        roles: Of its keys.
        names: The candidates' names of the layer choices.
        probabilities: key -> one a candidate, for the keys of one and the gated ones.
        zero_names: Candidates that count as no operation. Where a choice's output goes to an
            input choice that can leave it out, they are not chosen: the operation of an edge is
            the best other one.
        edges: key -> a factor for the strength of each source, for derived input choices.
    """
    optional = {
        source
        for key, sources in roles.derived.items()
        if _subset(space, key).low < len(sources)
        for source in sources
    }
    best = {
        key: _best(
            probabilities[key],
            names.get(key, ()),
            zero_names if key in optional else (),
        )
        for key in roles.one
    }
    selections = {key: Selection(n, (best[key],)) for key, n in roles.one.items()}
    for key in roles.gated:
        selections[key] = chosen_by_strength(_subset(space, key), probabilities[key], above=0.5)
    for key, sources in roles.derived.items():
        strengths = [probabilities[source][best[source]] for source in sources]
        if edges is not None:
            strengths = [s * factor for s, factor in zip(strengths, edges[key], strict=True)]
        selections[key] = chosen_by_strength(_subset(space, key), strengths, above=0.0)
    return {key: selections[key] for key in space.specs}


def _best(probabilities: Sequence[float], names: Sequence[str], excluded: Collection[str]) -> int:
    allowed = [i for i in range(len(probabilities)) if not (names and names[i] in excluded)]
    return max(allowed or range(len(probabilities)), key=lambda index: probabilities[index])


def _subset(space: SearchSpace, key: str) -> Subset:
    domain: Any = space.decisions[space.first_decision[key]].domain
    assert isinstance(domain, Subset)
    return domain


def names_of(mutables: MutableTree) -> dict[str, list[str]]:
    """The candidates' names of the layer choices."""
    return {m.key or "": m.names for m in mutables if isinstance(m, LayerChoice)}


def relaxed_selections(
    roles: Roles, space: SearchSpace, weights: Mapping[str, Tensor]
) -> dict[str, Selection]:
    """All candidates of all keys, with the weights given; derived ones may go without."""
    selections = {}
    for key in space.specs:
        if key in weights:
            row = weights[key]
            selections[key] = Selection(len(row), tuple(range(len(row))), row.unbind())
        else:
            n = len(roles.derived[key])
            selections[key] = Selection(n, tuple(range(n)))
    return selections
