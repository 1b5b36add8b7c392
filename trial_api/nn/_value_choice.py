"""The choice of a plain value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from nas_tuners.contract.errors import Problem, SearchSpaceError
from nas_tuners.contract.space_json import ValueChoice as ValueSpec
from nas_tuners.contract.space_json import json_identity

from ._arguments import check_key
from ._building import present_build

T = TypeVar("T")


def ValueChoice(candidates: Sequence[T], key: str | None = None) -> T:  # noqa: N802
    """One of several values: the value itself, while a model space is constructed.

    What comes back is a plain number, string, ... to be used like any other: as an argument of a
    layer, in arithmetic, in ``if`` and ``for``, in several places. Under an architecture it is the
    chosen one, else the first.

    What is only constructed for some values (``if wide: ...``) is found when the space is read, by
    constructing it under other values; keep what depends on several values at once in a
    ``LayerChoice``, which says so by itself.

    Args:
        candidates: Numbers, strings, booleans, None, or tuples and lists of them.
        key: Choices with equal keys are decided together and must have equal candidates. None
            stands for a key made from the module that the value is used for, such as
            ``"fc1.value"``.

    Raises:
        SearchSpaceError: outside the constructor of a model space, or with everything that is
            wrong with the arguments.

    Example::

        @model_space
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                width = ValueChoice([64, 128, 256], key="width")
                self.hidden = nn.Linear(784, width)
                self.out = nn.Linear(width, 10)
    """
    spec = _spec(candidates, key)
    build = present_build()
    if build is None:
        raise SearchSpaceError(
            f"ValueChoice({list(candidates)}{f', key={key!r}' if key else ''}) stands outside of "
            "a model space, so there is nobody to choose: decorate the class whose __init__ calls "
            "it with @model_space (the outermost one; a subclass with an __init__ of its own, "
            "too), and make the choice in __init__, not in forward or at the top of a file; in an "
            "evaluator's arguments it is nas_tuners.multi_trial.choice([...])"
        )
    return candidates[build.value(key, spec)]


def _spec(candidates: Any, key: object) -> ValueSpec:
    """The checked candidates, as the search-space file has them.

    Raises:
        SearchSpaceError: with everything that is wrong.
    """
    problems = [*check_key(key)]
    if not problems and _are_plain(candidates):
        return ValueSpec(tuple(candidates))
    problems = [*_check(candidates), *problems]
    if problems:
        raise SearchSpaceError([Problem("", text) for text in problems], "ValueChoice")
    return ValueSpec(_as_json(candidates))


def _are_plain(candidates: Any) -> bool:
    """Whether they are different finite numbers and strings, as nearly all are."""
    if not isinstance(candidates, (list, tuple, range)) or not candidates:
        return False
    if not set(map(type, candidates)) <= {int, float, str}:
        return False
    distinct = set(candidates)
    no_numbers = {math.inf, -math.inf} & distinct or any(value != value for value in distinct)
    return len(distinct) == len(candidates) and not no_numbers


def _check(candidates: Any) -> Iterator[str]:
    if not isinstance(candidates, (list, tuple, range)) or not candidates:
        yield f"`candidates` must be a non-empty list of values, but got {candidates!r}"
        return
    try:
        identities = [json_identity(value) for value in _as_json(candidates)]
    except (TypeError, ValueError) as error:
        yield (
            "`candidates` must be numbers, strings, booleans, None, or tuples or lists of them, "
            f"but got {list(candidates)!r} ({error}); layers belong into a LayerChoice"
        )
        return
    if len(set(identities)) < len(identities):
        yield f"a value stands twice in `candidates` {list(candidates)!r}"


def _as_json(candidates: Sequence[Any]) -> tuple[Any, ...]:
    """As the search-space file gives them back: tuples are lists."""
    return tuple(json.loads(json.dumps(list(candidates), allow_nan=False)))
