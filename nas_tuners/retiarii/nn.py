"""All of ``torch.nn``, and choices under NNI's names: ``label`` is another word for ``key``."""

# ruff: noqa: N802 - functions that stand for classes

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch.nn

import trial_api.nn

from ._labels import key_of, numbered_apart, refuse_prior

T = TypeVar("T")
M = TypeVar("M", bound=torch.nn.Module)


def LayerChoice(
    candidates: Any,
    *,
    prior: None = None,
    label: str | None = None,
    key: str | None = None,
    **options: Any,
) -> trial_api.nn.LayerChoice:
    """One of several layers: :class:`trial_api.LayerChoice`."""
    refuse_prior(prior)
    name = key_of(label, key)
    if name is not None:
        candidates = numbered_apart(candidates, name)
    return trial_api.nn.LayerChoice(candidates, key=name, **options)


def InputChoice(
    n_candidates: int | None = None,
    n_chosen: int | None = 1,
    reduction: str = "sum",
    *,
    prior: None = None,
    label: str | None = None,
    key: str | None = None,
    **options: Any,
) -> trial_api.nn.InputChoice:
    """Some of several inputs: :class:`trial_api.InputChoice`; one, if not said otherwise."""
    refuse_prior(prior)
    return trial_api.nn.InputChoice(
        n_candidates, n_chosen=n_chosen, reduction=reduction, key=key_of(label, key), **options
    )


def ValueChoice(
    candidates: Sequence[T],
    *,
    prior: None = None,
    label: str | None = None,
    key: str | None = None,
) -> T:
    """One of several values: :func:`trial_api.ValueChoice`, the chosen value itself."""
    refuse_prior(prior)
    return trial_api.nn.ValueChoice(candidates, key=key_of(label, key))


def ModelParameterChoice(
    candidates: Sequence[T],
    *,
    prior: None = None,
    default: T | None = None,
    label: str | None = None,
    key: str | None = None,
) -> T:
    """The same as :func:`ValueChoice`; the default is tried no sooner than the others."""
    return ValueChoice(candidates, prior=prior, label=label, key=key)


def Repeat(
    blocks: Any, depth: Any, *, label: str | None = None, key: str | None = None
) -> trial_api.nn.Repeat:
    """Several blocks: :class:`trial_api.Repeat`. A function is called for each of them, always.

    So the choices in the blocks have the same numbers, however many of the blocks are chosen.
    """
    name = key_of(label, key)
    return trial_api.nn.Repeat(_made(blocks, depth), depth, key=name)


def _labelled(cls: Callable[..., M]) -> Callable[..., M]:
    """What makes a module of ours and knows labels."""

    @functools.wraps(cls, updated=())
    def make(*args: Any, label: str | None = None, key: str | None = None, **kwargs: Any) -> M:
        name = key_of(label, key)
        return cls(*args, **kwargs, **({} if name is None else {"key": name}))

    return make


Cell = _labelled(trial_api.nn.Cell)
NasBench101Cell = _labelled(trial_api.nn.NasBench101Cell)
NasBench201Cell = _labelled(trial_api.nn.NasBench201Cell)


def __getattr__(name: str) -> Any:
    try:
        return getattr(torch.nn, name)
    except AttributeError:
        raise AttributeError(f"neither {__name__!r} nor torch.nn has {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(torch.nn)})


def _made(blocks: Any, depth: Any) -> Any:
    """The blocks of a function; what is no function as it is."""
    if isinstance(blocks, (torch.nn.Module, Sequence, Mapping)) or not callable(blocks):
        return blocks
    make: Callable[[int], torch.nn.Module] = blocks
    deepest = max(depth) if isinstance(depth, Sequence) else depth
    return [make(position) for position in range(deepest)]
