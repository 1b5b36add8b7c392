"""Which layers of a model space depend on which values, found by building it under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from random import Random
from typing import Any

from torch import nn

from nas_tuners.contract.errors import NasTunersError, Problem, SearchSpaceError
from nas_tuners.contract.search_space import SearchSpace

from ._free_builds import FreeBuilds
from ._looks import Look, look_problems, looks_of
from ._scoping import Token
from ._super_layers import Configuration
from ._tree import find_choices
from .blueprint import read_blueprint

_MOST = 1000  # configurations of a layer
_ROUNDS = 3  # of looking for larger candidates
_DRAWN = 4  # builds under values drawn at random, to see whether what was read holds

Indices = Mapping[str, int]
"""key -> a candidate."""


@dataclass(frozen=True)
class SuperLayer:
    """A module that depends on values.

    Attributes:
        path: In the model.
        keys: Of the values.
        configurations: A candidate of each -> what the module is then; equal ones are one object.
        is_layer: Whether it is one of torch's; of others only parameters vary.
    """

    path: str
    keys: tuple[str, ...]
    configurations: Mapping[tuple[int, ...], Configuration]
    is_layer: bool


@dataclass(frozen=True)
class Survey:
    """What there is to know for making a supernet.

    Attributes:
        space: Of the model.
        options: key -> the candidates of each value.
        undecided: What the model is as long as nobody chooses.
        largest: The candidates whose build holds all others, as construction asks for them.
        layers: What depends on values.
    """

    space: SearchSpace
    options: Mapping[str, Sequence[Any]]
    undecided: Mapping[str, Look]
    largest: Mapping[Token, int]
    layers: Sequence[SuperLayer]


def survey(factory: Callable[[], nn.Module]) -> Survey:
    """Build a model space under each candidate of each value, and see what differs.

    Raises:
        SearchSpaceError: with everything that cannot be a part of something larger.
    """
    surveyor = _Surveyor(factory)
    surveyor.find_largest()
    surveyor.refuse([*surveyor.misfits()])
    dependent = surveyor.dependent()
    surveyor.cover(dependent)
    layers = [surveyor.super_layer(path, keys) for path, keys in dependent.items()]
    surveyor.refuse([*surveyor.surprises(layers)])
    tokens = surveyor.tokens
    return Survey(
        surveyor.space,
        {key: list(options) for key, options in surveyor.options.items()},
        surveyor.undecided,
        {tokens[key]: index for key, index in surveyor.base.items()},
        layers,
    )


@dataclass(frozen=True)
class _Build:
    """The model under some candidates."""

    under: Indices
    looks: Mapping[str, Look]

    @property
    def size(self) -> int:
        return sum(prod(shape) for look in self.looks.values() for shape in look.shapes.values())


class _Surveyor:
    def __init__(self, factory: Callable[[], nn.Module]) -> None:
        self._free_builds = FreeBuilds(factory)
        blueprint = read_blueprint(factory)
        self.space = blueprint.space
        model, build = self._free_builds.construct({})
        self.undecided = looks_of(model)
        requests = build.requests
        self.tokens = {
            blueprint.keys.get(one.token, str(one.token)): one.token for one in requests
        }
        self.options: dict[str, Sequence[Any]] = {
            blueprint.keys.get(one.token, str(one.token)): one.spec.options for one in requests
        }
        self.base = {key: _numeric_largest(options) for key, options in self.options.items()}
        self.builds: list[_Build] = []
        known = self.options.keys() | {site.key for site in find_choices(model)}
        self.refuse([Problem(key, _SOMETIMES) for key in self.space.specs if key not in known])

    @property
    def first(self) -> _Build:
        """The largest build, the others are compared to."""
        return self.builds[0]

    def find_largest(self) -> None:
        """Build under each candidate alone, until no other one makes the model larger."""
        self._build_alone()
        for _ in range(_ROUNDS):
            largest = {key: self._largest(key) for key in self.options}
            if largest == self.base:
                return
            self.base = largest
            self._build_alone()

    def misfits(self) -> Iterator[Problem]:
        """Why a build under another candidate is no part of the largest."""
        for build in self.builds[1:]:
            key = self._changed(build)
            apart = self.first.looks.keys() ^ build.looks.keys()
            if apart:
                yield Problem(key, _other_modules(apart))
                continue
            for path, look in self.first.looks.items():
                yield from look_problems(path, look, build.looks[path], key)

    def dependent(self) -> dict[str, tuple[str, ...]]:
        """path -> the values that the module depends on, for those that depend on any."""
        keys: dict[str, dict[str, None]] = {}
        for build in self.builds[1:]:
            for path, look in self.first.looks.items():
                if look != build.looks[path]:
                    keys.setdefault(path, {})[self._changed(build)] = None
        return {path: tuple(of_path) for path, of_path in keys.items()}

    def cover(self, dependent: Mapping[str, tuple[str, ...]]) -> None:
        """Build under what layers of several values may still be, many of them at once."""
        for keys in dependent.values():
            count = prod(len(self.options[key]) for key in keys)
            if count > _MOST:
                text = f"a layer depends on these values, {count} ways in all; at most {_MOST} can"
                raise SearchSpaceError(text, ", ".join(keys))
        planned: list[dict[str, int]] = []
        for need in self._needs(dependent.values()):
            if any(_agrees(need, build.under, whole=True) for build in self.builds):
                continue
            fitting = next((one for one in planned if _agrees(need, one, whole=False)), None)
            if fitting is None:
                planned.append(dict(need))
            else:
                fitting.update(need)
        self.builds += [self._build({**self.base, **plan}) for plan in planned]
        self.refuse([*self._misfits_of_several(dependent)])

    def _misfits_of_several(self, dependent: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
        for build in self.builds:
            apart = self.first.looks.keys() ^ build.looks.keys()
            if apart:
                yield Problem(sorted(apart)[0], _TOGETHER)
                return
        for path, keys in dependent.items():
            for need in self._needs([keys]):
                other = self._look(path, need)
                yield from look_problems(path, self.first.looks[path], other, ", ".join(keys))

    def super_layer(self, path: str, keys: tuple[str, ...]) -> SuperLayer:
        looks = {tuple(need.values()): self._look(path, need) for need in self._needs([keys])}
        varying = _varying([*looks.values()])
        distinct: list[Configuration] = []
        configurations = {}
        for candidates, look in looks.items():
            configuration = look.configuration(varying)
            if configuration not in distinct:
                distinct.append(configuration)
            configurations[candidates] = distinct[distinct.index(configuration)]
        return SuperLayer(path, keys, configurations, self.first.looks[path].is_layer)

    def surprises(self, layers: Sequence[SuperLayer]) -> Iterator[Problem]:
        """Modules that are not what was read, under values drawn at random."""
        keys = {layer.path: layer.keys for layer in layers}
        rng = Random(0)
        for _ in range(_DRAWN):
            under = {key: rng.randrange(len(options)) for key, options in self.options.items()}
            build = self._build(under)
            apart = self.first.looks.keys() ^ build.looks.keys()
            if apart:
                yield Problem(sorted(apart)[0], _TOGETHER)
                return
            for path, look in build.looks.items():
                need = {key: under[key] for key in keys.get(path, ())}
                if look != self._look(path, need):
                    yield Problem(path, _TOGETHER)

    def refuse(self, problems: Sequence[Problem]) -> None:
        if problems:
            raise SearchSpaceError(
                list(dict.fromkeys(problems)), "the values of this model cannot share weights"
            )

    def _needs(self, groups: Iterable[tuple[str, ...]]) -> Iterator[dict[str, int]]:
        """Every combination of candidates of each group of keys."""
        for keys in dict.fromkeys(groups):
            for candidates in product(*(range(len(self.options[key])) for key in keys)):
                yield dict(zip(keys, candidates, strict=True))

    def _look(self, path: str, need: Indices) -> Look:
        return next(
            build.looks[path] for build in self.builds if _agrees(need, build.under, whole=True)
        )

    def _changed(self, build: _Build) -> str:
        """The one value of a build that is not as in the first one."""
        return next(key for key, index in build.under.items() if index != self.first.under[key])

    def _largest(self, key: str) -> int:
        """The candidate that makes the model largest; the present one, if others do as well."""
        builds = [build for build in self.builds[1:] if self._changed(build) == key]
        return max([self.first, *builds], key=lambda build: build.size).under[key]

    def _build_alone(self) -> None:
        self.builds = [self._build(self.base)]
        for key, options in self.options.items():
            others = [index for index in range(len(options)) if index != self.base[key]]
            self.builds += [self._build({**self.base, key: index}) for index in others]

    def _build(self, under: Indices) -> _Build:
        trying = {self.tokens[key]: index for key, index in under.items()}
        try:
            looks = looks_of(self._free_builds.construct(trying)[0])
        except NasTunersError:
            raise
        except Exception as error:
            values = {key: self.options[key][index] for key, index in under.items()}
            raise SearchSpaceError(
                f"the model cannot be constructed with {values}: {error}. A supernet needs every "
                "combination of the values that a layer depends on"
            ) from error
        known = self.builds[0].looks if self.builds else {}
        return _Build(
            dict(under), {path: _kept(known.get(path), look) for path, look in looks.items()}
        )


def _kept(known: Look | None, look: Look) -> Look:
    """One of two that are equal, as most are: so that many builds take little memory."""
    return known if known is not None and known == look else look


def _numeric_largest(options: Sequence[Any]) -> int:
    if all(isinstance(option, (int, float)) for option in options):
        return max(range(len(options)), key=lambda index: options[index])
    return 0


def _agrees(need: Indices, given: Indices, *, whole: bool) -> bool:
    """Whether candidates are as needed; those that are not given may be, unless it is whole."""
    return all(given.get(key, None if whole else index) == index for key, index in need.items())


def _varying(looks: Sequence[Look]) -> set[str]:
    """Names of attributes and tensors that are not the same in all."""
    first = looks[0]
    attributes = {
        name
        for name in first.attributes
        if any(look.attributes.get(name) != first.attributes[name] for look in looks)
    }
    shapes = {
        name
        for name in first.shapes
        if any(look.shapes[name] != first.shapes[name] for look in looks)
    }
    return attributes | shapes


def _other_modules(apart: Iterable[str]) -> str:
    return (
        "which modules there are depends on it "
        f"({sorted(apart)[0]!r} is there for some candidates only); put what depends on it into a "
        "LayerChoice or a Repeat"
    )


_SOMETIMES = (
    "this choice is there for some values only; construct it always, or put it into a LayerChoice "
    "or a Repeat"
)

_TOGETHER = (
    "depends on several values together in a way that does not show when they change one by one; "
    "put what depends on them into a LayerChoice"
)
