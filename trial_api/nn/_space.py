"""The search space of the choices that a model holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nas_tuners.contract import space_json
from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace

from ._layer_choice import LayerChoice
from ._repeat import Repeat
from ._tree import Choice, Context, Site

Conditions = dict[str, dict[str, tuple[int, ...]]]


def space_of(sites: Sequence[Site]) -> SearchSpace:
    """The search space of choices that were found.

    Keys stand in order of definition. A choice inside a candidate of another is conditional on
    that candidate.

    Raises:
        SearchSpaceError: if choices share a key but not their form, or if one's key is the path
            of another that has none.
    """
    places: dict[str, list[Context]] = {}
    for site in sites:
        places.setdefault(site.key, []).extend(site.contexts)
    return SearchSpace.from_specs(specs_of(sites), active_if=conditions(places))


def specs_of(sites: Sequence[Site]) -> dict[str, space_json.Spec]:
    """What may be decided by choices that were found.

    Raises:
        SearchSpaceError: as :func:`space_of`.
    """
    first: dict[str, Site] = {}
    problems = []
    for site in sites:
        known = first.setdefault(site.key, site)
        if known is not site:
            problems += [Problem(site.key, text) for text in _disagreement(known, site)]
    if problems:
        raise SearchSpaceError(problems)
    return {key: _spec(site.choice) for key, site in first.items()}


def part_for_model(space: SearchSpace, model: SearchSpace) -> SearchSpace:
    """The part of an experiment's space that is for the model.

    All layers and inputs; of the values those that the model has, and those that decide whether
    these are there. Others may be read by the script itself.
    """
    kinds = (space_json.LayerChoice, space_json.InputChoice)
    waiting = [
        key for key, spec in space.specs.items() if isinstance(spec, kinds) or key in model.specs
    ]
    for key in waiting:  # grows
        waiting += [parent for parent in space.active_if.get(key, ()) if parent not in waiting]
    specs = {key: spec for key, spec in space.specs.items() if key in waiting}
    active_if = {key: parents for key, parents in space.active_if.items() if key in specs}
    return SearchSpace.from_specs(specs, active_if=active_if)


def _spec(choice: Choice) -> space_json.Spec:
    if isinstance(choice, Repeat):
        return space_json.ValueChoice(tuple(choice.depths))
    if isinstance(choice, LayerChoice):
        return space_json.LayerChoice(tuple(choice.names))
    return space_json.InputChoice(tuple(choice.choose_from), choice.n_chosen)


def _shape(choice: Choice) -> str:
    """What choices with the same key must have in common, in words."""
    if isinstance(choice, Repeat):
        return f"a Repeat of {choice.depths}"
    if isinstance(choice, LayerChoice):
        return f"a LayerChoice of {len(choice)}"
    return f"an InputChoice of {choice.n_chosen} from {choice.n_candidates}"


def _disagreement(first: Site, other: Site) -> Iterator[str]:
    """Why two choices cannot share their key."""
    if first.is_unnamed != other.is_unnamed:
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


def conditions(places: Mapping[str, Sequence[Context]]) -> Conditions:
    """The condition of each key: what holds in all of its places.

    Places in different candidates of one parent join their indices; a parent that not all
    places have drops out. So a key that matters is always active.
    """
    full = {key: _joined(contexts) for key, contexts in places.items()}
    return {key: _shortest(parents, full) for key, parents in full.items() if parents}


def _joined(contexts: Sequence[Context]) -> dict[str, tuple[int, ...]]:
    return {
        parent: tuple(sorted({index for context in contexts for index in context[parent]}))
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
