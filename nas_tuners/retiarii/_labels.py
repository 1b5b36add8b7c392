"""The names of choices that have none: ``model_1``, ``model_2``, ... in order of construction."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

_LABELS: ContextVar[Iterator[str] | None] = ContextVar("labels", default=None)
_MODEL = "model"


@contextmanager
def numbered(stem: str = _MODEL) -> Iterator[None]:
    """While it lasts, choices are numbered from 1; one model inside of another goes on.

    Args:
        stem: What comes before the numbers.
    """
    if stem == _MODEL and _LABELS.get() is not None:
        yield
        return
    token = _LABELS.set(f"{stem}_{number}" for number in itertools.count(1))
    try:
        yield
    finally:
        _LABELS.reset(token)


def numbered_apart(candidates: Any, label: str) -> Any:
    """Candidates in whose functions choices have numbers of their own.

    Only the chosen one of several functions is called, so they cannot count together.
    """
    if isinstance(candidates, Mapping):
        return {name: _apart(one, f"{label}/{name}") for name, one in candidates.items()}
    if isinstance(candidates, (list, tuple)):
        return [_apart(one, f"{label}/{name}") for name, one in enumerate(candidates)]
    return candidates


def _apart(candidate: Any, stem: str) -> Any:
    is_made = isinstance(candidate, nn.Module) or not callable(candidate)
    return candidate if is_made else functools.partial(_make, candidate, stem)


def _make(candidate: Callable[[], nn.Module], stem: str) -> nn.Module:
    with numbered(stem):
        return candidate()


def key_of(label: str | None, key: str | None) -> str | None:
    """What a choice is called: ``label`` and ``key`` are two words for the same.

    Outside of a model space it is None, for which the path of the choice stands.

    Raises:
        SearchSpaceError: if both are given.
    """
    if label is not None and key is not None:
        raise SearchSpaceError([Problem("label", "a word for `key`; give one of them")])
    labels = _LABELS.get()
    if label is None and key is None and labels is not None:
        return next(labels)
    return key if label is None else label


def refuse_prior(prior: object) -> None:
    """Refuse what tuners have no use for.

    Raises:
        SearchSpaceError: if it is given.
    """
    if prior is not None:
        raise SearchSpaceError(
            [Problem("prior", "take it out: tuners learn which candidates are good")]
        )
