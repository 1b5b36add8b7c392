"""What the candidate operations of a cell are made by."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Union

from torch import nn

Maker = Callable[..., nn.Module]
Operation = Union[nn.Module, Maker]
OpCandidates = Union[Sequence[Operation], Mapping[str, Operation], nn.ModuleList, nn.ModuleDict]


@dataclass(frozen=True)
class Makers:
    """How the candidates of a cell's places are made.

    Attributes:
        by_name: A function for each candidate.
        in_place: The candidates whose function takes ``(node, op, input)``.
    """

    by_name: Mapping[str, Maker]
    in_place: frozenset[str]

    @property
    def per_input(self) -> bool:
        """Whether candidates are made for the state that they read."""
        return bool(self.in_place)

    def at(self, *place: int) -> dict[str, Callable[[], nn.Module]]:
        """The functions for a place: node, operation and, where they need it, input."""
        return {
            name: partial(make, *place) if name in self.in_place else make
            for name, make in self.by_name.items()
        }


def makers_of(candidates: Any, *, has_key: bool) -> tuple[Makers, list[str]]:
    """What makes the candidates, and what is wrong with them."""
    given = named(candidates)
    makers = Makers(
        {name: _maker(candidate) for name, candidate in given.items()},
        frozenset(name for name, candidate in given.items() if _takes(candidate, 3)),
    )
    if not given:
        return makers, [_nothing(candidates)]
    return makers, list(_check(given, makers, has_key=has_key))


def named(candidates: Any) -> dict[str, Any]:
    """Candidates by name; none where they are neither a list nor a dict."""
    if isinstance(candidates, (Mapping, nn.ModuleDict)):
        return dict(candidates.items())
    if isinstance(candidates, (list, tuple, nn.ModuleList)):
        return {str(number): candidate for number, candidate in enumerate(candidates)}
    return {}


def check_makers(makers: Mapping[str, Any], given: object) -> Iterator[str]:
    """What is wrong with functions of numbers of features, made from what was given."""
    if not makers:
        yield _nothing(given)
    for name, make in makers.items():
        if isinstance(make, nn.Module) or not callable(make):
            yield f"candidate {name!r} must be a function that makes a module, but got {make!r}"


def _nothing(candidates: object) -> str:
    return f"`op_candidates` must be a non-empty list or dict, but got {candidates!r}"


def _check(given: Mapping[str, Any], makers: Makers, *, has_key: bool) -> Iterator[str]:
    for name, candidate in given.items():
        known = isinstance(candidate, nn.Module) or _takes(candidate, 0) or _takes(candidate, 3)
        if not known:
            yield (
                f"candidate {name!r} must be a module, or a function without arguments or of "
                f"(node, op, input) that makes one, but got {candidate!r}"
            )
    if makers.per_input and not has_key:
        yield (
            f"candidate {min(makers.in_place)!r} is made for each input by itself, and all of "
            "them are decided together: give the cell a key"
        )


def _maker(candidate: Any) -> Maker:
    if isinstance(candidate, nn.Module):
        return partial(copy.deepcopy, candidate)
    make: Maker = candidate
    return make


def _takes(candidate: Any, count: int) -> bool:
    """Whether it is a function of so many arguments; one that needs none counts as such."""
    if isinstance(candidate, nn.Module) or not callable(candidate):
        return False
    try:
        parameters = inspect.signature(candidate).parameters.values()
    except ValueError:  # of something built in
        return count == 0
    required = [
        parameter
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == count
