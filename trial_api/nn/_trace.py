"""What one free build of a model space showed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from nas_tuners.contract.constraints import Constraint
from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.space_json import Spec
from nas_tuners.contract.space_json import ValueChoice as ValueSpec

from ._building import FreeBuild, ValueRequest
from ._scoping import Scope, Token
from ._space import specs_of
from ._tree import Context, Site, find_choices
from .wrappers import join

VALUE = "value"
"""What the key of a value choice without its own ends in."""


@dataclass(frozen=True)
class Trace:
    """One build: its keys in order of construction, and where each stands.

    Attributes:
        specs: key -> what may be decided.
        places: key -> the candidates that each place lies in.
        keys: Token -> key, of those who asked without one; ``""`` of what is no part of the model.
        bases: Token -> what a value choice without a key is called after.
        values: How many candidates each value choice has.
        constraints: What refuses architectures.
    """

    specs: Mapping[str, Spec]
    places: Mapping[str, Sequence[Context]]
    keys: Mapping[Token, str]
    bases: Mapping[Token, str]
    values: Mapping[Token, int]
    constraints: Sequence[Constraint]


def trace_of(model: nn.Module, build: FreeBuild, known: Mapping[Token, str]) -> Trace:
    """What a build showed.

    Args:
        model: What was built.
        build: The build.
        known: Keys that other builds have given to those without one.

    Raises:
        SearchSpaceError: if choices with one key differ.
    """
    sites = find_choices(model)
    owners = _owners(build, sites)
    _refuse_moved(owners, known)
    keys = {
        **known,
        **{token: path for token, path in owners.items() if path or token not in known},
    }
    bases = _bases(model, build.requests)
    keys |= _names(bases, keys, taken={*keys.values(), *(site.key for site in sites)})
    specs = _merged(specs_of(sites), build.requests, keys)
    places: dict[str, list[Context]] = {}
    for site in sites:
        places.setdefault(site.key, []).extend(site.contexts)
    for request in build.requests:
        places.setdefault(_key(request.token, keys), []).append(_context(request.scopes, keys))
    ordered = {key: specs[key] for key in _order(build, sites, keys)}
    values = {request.token: len(request.spec.options) for request in build.requests}
    return Trace(ordered, places, keys, bases, values, tuple(build.constraints))


def refuse_confused(first: Trace, other: Trace) -> None:
    """Refuse value choices without keys that are alike, where values decide how many there are.

    What is one of them in one build would have the key of its neighbour in the other.

    Raises:
        SearchSpaceError: naming them.
    """
    ours, theirs = (Counter(token[:-1] for token in trace.bases) for trace in (first, other))
    problems = [
        Problem(
            first.keys[token],
            f"with other values this value choice, which has no key of its own, is for {base!r}: "
            "give it and those with the same candidates a key",
        )
        for token, base in other.bases.items()
        if first.bases.get(token, base) != base and ours[token[:-1]] != theirs[token[:-1]]
    ]
    if problems:
        raise SearchSpaceError(problems)


def _key(token: Token, keys: Mapping[Token, str]) -> str:
    return token if isinstance(token, str) else keys[token]


def _owners(build: FreeBuild, sites: Sequence[Site]) -> dict[Token, str]:
    """The keys of choices that asked what to build; ``""`` where they are no part of the model."""
    by_module = {id(site.choice): site.key for site in sites}
    found: dict[Token, str] = {}
    for token, module in build.owners:
        found[token] = by_module.get(id(module)) or found.get(token, "")
    return found


def _refuse_moved(owners: Mapping[Token, str], known: Mapping[Token, str]) -> None:
    """Refuse choices without a key whose path depends on values, as paths are their keys."""
    problems = [
        Problem(
            path,
            f"with other values this choice, which has no key of its own, is at {known[token]!r}; "
            "give it a key",
        )
        for token, path in owners.items()
        if path and known.get(token, path) not in (path, "")
    ]
    if problems:
        raise SearchSpaceError(problems)


def _bases(model: nn.Module, requests: Sequence[ValueRequest]) -> dict[Token, str]:
    """What value choices without keys are called after: the path of what was registered next."""
    paths: dict[int, str] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(id(module), path)
    return {
        request.token: _base_name(request, paths)
        for request in requests
        if not isinstance(request.token, str)
    }


def _names(
    bases: Mapping[Token, str], known: Mapping[Token, str], *, taken: set[str]
) -> dict[Token, str]:
    """Their keys: with a count, where several are called after the same."""
    named: dict[Token, str] = {}
    for token, base in bases.items():
        if token not in known:
            named[token] = _first_free(base, taken)
            taken.add(named[token])
    return named


def _base_name(request: ValueRequest, paths: Mapping[int, str]) -> str:
    if request.registered is None:
        return VALUE
    parent, name = request.registered
    return join(join(paths.get(id(parent), ""), name), VALUE)


def _first_free(name: str, taken: set[str]) -> str:
    count, free = 1, name
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free


def _context(scopes: Sequence[Scope], keys: Mapping[Token, str]) -> Context:
    return {keys[scope.owner]: scope.indices for scope in scopes if keys[scope.owner]}


def _merged(
    specs: Mapping[str, Spec], requests: Sequence[ValueRequest], keys: Mapping[Token, str]
) -> dict[str, Spec]:
    merged = dict(specs)
    problems = []
    for request in requests:
        key = _key(request.token, keys)
        known = merged.setdefault(key, request.spec)
        if known != request.spec:
            problems.append(Problem(key, _difference(known, request.spec)))
    if problems:
        raise SearchSpaceError(list(dict.fromkeys(problems)))
    return merged


def _difference(known: Spec, other: ValueSpec) -> str:
    if not isinstance(known, ValueSpec):
        return "this is the key of a layer or input choice and of a ValueChoice; name one anew"
    return (
        f"two value choices have this key, one of {list(known.options)} and one of "
        f"{list(other.options)}; give them the same candidates, or one of them another key"
    )


def _order(build: FreeBuild, sites: Sequence[Site], keys: Mapping[Token, str]) -> Iterator[str]:
    """Keys in order of construction where there are values, else as the model defines them."""
    if build.requests:
        by_module = {id(site.choice): site.key for site in sites}
        for item in build.order:
            if isinstance(item, ValueRequest):
                yield _key(item.token, keys)
            elif id(item) in by_module:
                yield by_module[id(item)]
    yield from (site.key for site in sites)  # those that were constructed before, too
