"""Where two search spaces differ that must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import Problem, SpaceMismatchError, did_you_mean
from .space_json import json_identity

if TYPE_CHECKING:
    from .search_space import SearchSpace

_ADVICE = (
    "a changed model needs a new experiment or study, and where there is a search-space file, a "
    "new one (nas-tuners ss-gen)"
)


def check_same_space(
    ours: SearchSpace, theirs: SearchSpace, *, ours_is: str, theirs_is: str, where: str = ""
) -> None:
    """Raise a key-by-key difference unless two spaces are equal.

    Args:
        ours: A space.
        theirs: Another one, which may have its keys in another order.
        ours_is: What messages call ours, in a few words, as they say it for each key.
        theirs_is: The same of theirs.
        where: Where theirs is from, such as a file's path, which is said once.

    Raises:
        SpaceMismatchError: naming each key that is missing, added or different.
    """
    mine, other = ours.to_dict(), theirs.to_dict()
    problems = [
        Problem(key, f"only in {ours_is}{did_you_mean(key, other.keys() - mine.keys())}")
        for key in mine
        if key not in other
    ]
    problems += [Problem(key, f"only in {theirs_is}") for key in other if key not in mine]
    problems += [
        Problem(key, _difference(mine[key], other[key], ours_is=ours_is, theirs_is=theirs_is))
        for key in mine
        if key in other and json_identity(mine[key]) != json_identity(other[key])
    ]
    if problems:
        place = f" ({where})" if where else ""
        head = f"{ours_is} and {theirs_is}{place} do not agree; {_ADVICE}"
        raise SpaceMismatchError(problems, head)


def _difference(
    one: Mapping[str, Any], other: Mapping[str, Any], *, ours_is: str, theirs_is: str
) -> str:
    """Of two specs the fields that are not the same; of most, the candidates alone."""
    names = [
        name
        for name in {**one, **other}
        if json_identity(one.get(name)) != json_identity(other.get(name))
    ]
    ours, theirs = (
        json.dumps(spec["_value"] if names == ["_value"] else _part(spec, names))
        for spec in (one, other)
    )
    return f"{ours_is} has {ours}, {theirs_is} has {theirs}"


def _part(spec: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: spec[name] for name in names if name in spec}
