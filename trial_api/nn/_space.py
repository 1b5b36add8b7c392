"""The search space that a model holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from nas_tuners.contract import space_json
from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace

from ._layer_choice import LayerChoice
from ._tree import Choice, Site, find_choices

Conditions = dict[str, dict[str, tuple[int, ...]]]


def search_space(model: nn.Module) -> SearchSpace:
    """Read the search space of a model; the model is not changed.

    Keys stand in order of definition. A choice inside a candidate of another is conditional on
    that candidate.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not.

    Raises:
        SearchSpaceError: if choices share a key but not their form, if one's key is the path of
            another that has none, or if choices are nested under their own key.

    Example::

        space = search_space(Net())
        print(space.dumps())
    """
    return space_of(find_choices(model))


def space_of(sites: Sequence[Site]) -> SearchSpace:
    """The search space of choices that were found."""
    first: dict[str, Site] = {}
    problems = []
    for site in sites:
        known = first.setdefault(site.key, site)
        if known is not site:
            problems += [Problem(site.key, text) for text in _disagreement(known, site)]
    if problems:
        raise SearchSpaceError(problems)
    specs = {key: _spec(site.choice) for key, site in first.items()}
    return SearchSpace.from_specs(specs, active_if=_conditions(sites))


def only_choices(space: SearchSpace) -> SearchSpace:
    """The part of a space that models decide: without numbers and values."""
    kinds = (space_json.LayerChoice, space_json.InputChoice)
    specs = {key: spec for key, spec in space.specs.items() if isinstance(spec, kinds)}
    active_if = {key: parents for key, parents in space.active_if.items() if key in specs}
    return SearchSpace.from_specs(specs, active_if=active_if)


def _spec(choice: Choice) -> space_json.LayerChoice | space_json.InputChoice:
    if isinstance(choice, LayerChoice):
        return space_json.LayerChoice(tuple(choice.names))
    return space_json.InputChoice(tuple(choice.choose_from), choice.n_chosen)


def _shape(choice: Choice) -> str:
    """What choices with the same key must have in common, in words."""
    if isinstance(choice, LayerChoice):
        return f"a LayerChoice of {len(choice)}"
    return f"an InputChoice of {choice.n_chosen} from {choice.n_candidates}"


def _disagreement(first: Site, other: Site) -> Iterator[str]:
    """Why two choices cannot share their key."""
    if first.is_unnamed or other.is_unnamed:
        unnamed, named = (first, other) if first.is_unnamed else (other, first)
        yield (
            f"this is the key of the choice at {named.path!r} and the path of another without a "
            f"key of its own; give the one at {unnamed.path!r} a key: the same one if they shall "
            "be decided together"
        )
    if _shape(first.choice) != _shape(other.choice):
        yield (
            f"choices with the same key must agree, but {first.path!r} is {_shape(first.choice)} "
            f"and {other.path!r} is {_shape(other.choice)}"
        )


def _conditions(sites: Sequence[Site]) -> Conditions:
    """The condition of each key: what holds in all of its places.

    Places in different candidates of one parent join their indices; a parent that not all
    places have drops out. So a key that matters is always active.
    """
    places: dict[str, list[Mapping[str, int]]] = {}
    for site in sites:
        places.setdefault(site.key, []).extend(site.contexts)
    full = {key: _joined(contexts) for key, contexts in places.items()}
    return {key: _shortest(parents, full) for key, parents in full.items() if parents}


def _joined(contexts: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    return {
        parent: tuple(sorted({context[parent] for context in contexts}))
        for parent in contexts[0]
        if all(parent in context for context in contexts)
    }


def _shortest(
    parents: Mapping[str, tuple[int, ...]], full: Conditions
) -> dict[str, tuple[int, ...]]:
    """Without the ancestors that follow from a nearer parent's own condition."""
    implied = {
        ancestor
        for parent in parents
        for ancestor, allowed in full[parent].items()
        if set(allowed) <= set(parents.get(ancestor, ()))
    }
    return {parent: allowed for parent, allowed in parents.items() if parent not in implied}
