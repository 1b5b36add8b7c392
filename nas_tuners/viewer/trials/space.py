"""What the trials of a study decide: of this project's spaces, and of anybody's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nas_tuners.contract.architecture import to_architecture, to_parameters, to_vector
from nas_tuners.contract.domains import Categorical, Grid, Subset
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.contract.space_json import (
    InputChoice,
    LayerChoice,
    NestedOption,
    Spec,
    ValueChoice,
)
from nas_tuners.contract.study_attributes import (
    ARCHITECTURE_ATTR,
    ENCODING_ATTR,
    SEARCH_SPACE_ATTR,
)

from .rows import RawTrial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_LABEL_LENGTH = 60
_REMEMBERED = 20_000  # architectures whose entries are kept: trials repeat each other

Entries = Sequence[Any]
"""One a key: an index, a list of indices, a number, or None where inactive or not known."""


class Decoder(Protocol):
    """Reads what trials decide.

    Attributes:
        keys: What is decided; may grow.
        labels: Categorical key -> the names of its candidates.
        space: The search-space JSON; None if there is none.
    """

    keys: list[str]
    labels: dict[str, list[str]]
    space: dict[str, Any] | None

    def entries(self, trial: RawTrial) -> Entries:
        """One a key."""

    def architecture(self, trial: RawTrial) -> dict[str, Any]:
        """As people write it; empty if it is not known."""

    def parameters(self, trial: RawTrial) -> dict[str, Any]:
        """As the trial's process got them, where that is known."""


def decoder_of(
    attributes: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    space: SearchSpace | None = None,
) -> Decoder:
    """The right one for a study.

    Args:
        attributes: The study's user attributes.
        distributions: name -> the range of a parameter; grows while trials are read.
        space: What is searched, if somebody else knows it.
    """
    if space is None and isinstance(attributes.get(SEARCH_SPACE_ATTR), Mapping):
        try:
            space = SearchSpace(attributes[SEARCH_SPACE_ATTR])
        except SearchSpaceError:
            space = None
    if space is None:
        return ParameterDecoder(distributions)
    encoding = str(attributes.get(ENCODING_ATTR, "auto"))
    return SpaceDecoder(space, encoding, distributions)


class SpaceDecoder:
    """Of a study that searches a space of this project."""

    def __init__(
        self, space: SearchSpace, encoding: str, distributions: Mapping[str, BaseDistribution]
    ) -> None:
        self.space: dict[str, Any] | None = space.to_dict()
        self.keys = [decision.name for decision in space.decisions]
        self.labels = {
            decision.name: labels_of(spec)
            for decision, spec in zip(space.decisions, space.decision_specs, strict=True)
            if isinstance(decision.domain, (Categorical, Subset))
        }
        self._space, self._distributions = space, distributions
        try:
            self._encoding = FlatEncoding(space, encoding)
        except ValueError:  # of a later version
            self._encoding = FlatEncoding(space)
        self._quick = [_QuickKey.of(key, spec) for key, spec in space.specs.items()]
        self._all_quick = len(space.specs) == len(space.decisions)
        self._known: dict[str, Entries] = {}

    def entries(self, trial: RawTrial) -> Entries:
        recorded = trial.attributes.get(ARCHITECTURE_ATTR)
        if not isinstance(recorded, Mapping):
            return self._of_vector(self._vector(trial))
        if self._all_quick and (entries := self._quickly(recorded)) is not None:
            return entries
        identity = json.dumps(recorded)
        if identity not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[identity] = self._of_vector(self._vector(trial))
        return self._known[identity]

    def architecture(self, trial: RawTrial) -> dict[str, Any]:
        recorded = trial.attributes.get(ARCHITECTURE_ATTR)
        if isinstance(recorded, Mapping):
            return dict(recorded)
        vector = self._vector(trial)
        return {} if vector is None else to_architecture(self._space, vector)

    def parameters(self, trial: RawTrial) -> dict[str, Any]:
        vector = self._vector(trial)
        return {} if vector is None else to_parameters(self._space, vector)

    def _vector(self, trial: RawTrial) -> IndexVector | None:
        recorded = trial.attributes.get(ARCHITECTURE_ATTR)
        if isinstance(recorded, Mapping):
            try:
                return to_vector(self._space, recorded)
            except ArchitectureError:
                return None
        try:
            return self._encoding.decode(written(trial, self._distributions))
        except (KeyError, ValueError):
            return None  # a trial that others added

    def _quickly(self, recorded: Mapping[str, Any]) -> list[Any] | None:
        """Where all is written as this project records it, inactive keys left out; else None.

        Ten times as quick as reading every form in which an architecture may be written.
        """
        try:
            return [quick.entry(recorded.get(quick.key)) for quick in self._quick]
        except (KeyError, TypeError):
            return None

    def _of_vector(self, vector: IndexVector | None) -> Entries:
        if vector is None:
            return [None] * len(self.keys)
        entries: list[Any] = []
        for entry, decision in zip(vector, self._space.decisions, strict=True):
            domain = decision.domain
            if entry is None:
                entries.append(None)
            elif isinstance(domain, Subset):
                entries.append(list(domain.chosen(entry)))
            else:
                entries.append(domain.value(entry) if isinstance(domain, Grid) else entry)
        return entries


class _QuickKey:
    """Reads one key where it is written as this project records it.

    Args:
        key: The key.
        index: What may be written -> the index of the candidate; None for numbers.
    """

    def __init__(self, key: str, index: Mapping[Any, int] | None) -> None:
        self.key, self._index = key, index

    @classmethod
    def of(cls, key: str, spec: Spec) -> _QuickKey:
        if isinstance(spec, (LayerChoice, InputChoice)):
            names = spec.candidates
            unique = len(set(names)) == len(names)
            return cls(key, {name: i for i, name in enumerate(names)} if unique else {})
        if isinstance(spec, ValueChoice):
            plain = all(type(option) in (int, float, str) for option in spec.options)
            options = [(type(option), option) for option in spec.options]
            return cls(key, {o: i for i, o in enumerate(options)} if plain else {})
        return cls(key, None)

    def entry(self, written: Any) -> Any:
        """The entry.

        Raises:
            KeyError: if it is written in another way.
            TypeError: the same.
        """
        if written is None:
            return None
        if self._index is None:
            if type(written) not in (int, float):
                raise TypeError(written)
            return written
        if type(written) is list:
            return sorted([self._index[name] for name in written])
        found = self._index.get(written)
        return self._index[type(written), written] if found is None else found


class ParameterDecoder:
    """Of any study: its parameters as Optuna has them."""

    space: dict[str, Any] | None = None

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self.keys: list[str] = []
        self.labels: dict[str, list[str]] = {}
        self._distributions = distributions
        self._place: dict[str, int] = {}
        self._whole: set[int] = set()  # places whose entries are whole numbers

    def entries(self, trial: RawTrial) -> Entries:
        for name in trial.parameters:
            if name not in self._place:
                self._add(name)
        entries: list[Any] = [None] * len(self.keys)
        for name, value in trial.parameters.items():
            place = self._place[name]
            entries[place] = int(value) if place in self._whole else value
        return entries

    def architecture(self, trial: RawTrial) -> dict[str, Any]:
        return written(trial, self._distributions)

    def parameters(self, trial: RawTrial) -> dict[str, Any]:
        values = written(trial, self._distributions)
        return {
            name: {"_value": value, "_idx": int(trial.parameters[name])}
            if name in self.labels or _is_category(self._distributions[name])
            else value
            for name, value in values.items()
        }

    def _add(self, name: str) -> None:
        from optuna.distributions import FloatDistribution

        distribution = self._distributions[name]
        place = self._place[name] = len(self.keys)
        self.keys.append(name)
        if _is_category(distribution):
            names = [str(choice) for choice in distribution.choices]  # type: ignore[attr-defined]
            self.labels[name] = distinct_labels(names)
        if not isinstance(distribution, FloatDistribution):
            self._whole.add(place)


def written(trial: RawTrial, distributions: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """The parameters of a trial as its script saw them."""
    return {
        name: distributions[name].to_external_repr(value)
        for name, value in trial.parameters.items()
        if name in distributions
    }


def labels_of(spec: Spec) -> list[str]:
    """The names of a key's candidates."""
    if isinstance(spec, (LayerChoice, InputChoice)):
        return distinct_labels(spec.candidates)
    assert isinstance(spec, ValueChoice)
    options = spec.options
    return distinct_labels([o.name if isinstance(o, NestedOption) else str(o) for o in options])


def distinct_labels(names: Sequence[str]) -> list[str]:
    """The names themselves where they are short and distinct, else led by their index."""
    short = [name[:_LABEL_LENGTH] for name in names]
    if all(short) and len(set(short)) == len(short):
        return short
    return [f"{index}: {name}" if name else str(index) for index, name in enumerate(short)]


def _is_category(distribution: BaseDistribution) -> bool:
    from optuna.distributions import CategoricalDistribution

    return isinstance(distribution, CategoricalDistribution)
