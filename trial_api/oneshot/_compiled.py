"""Compiling what of a supernet is the same in every step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Union

import torch

from ..mutators import Mutator
from ..nn._layer_choice import LayerChoice


def compile_supernet(
    mutator: Mutator, options: Union[bool, Mapping[str, Any]], *, whole: bool
) -> None:
    """Compile a mutator's model in place, which leaves names of parameters as they are.

    Args:
        mutator: Of the supernet.
        options: Whether at all; a dict has arguments for ``torch.compile``.
        whole: As one graph, where a step always runs the same; else each candidate by itself.
    """
    if not options:
        return
    arguments: dict[str, Any] = {} if options is True else dict(options)
    if whole:
        mutator.model.compile(**arguments)
        return
    for choice in mutator.undedup_mutables:
        for candidate in choice if isinstance(choice, LayerChoice) else ():
            candidate.compile(**arguments)


@contextmanager
def quiet_compiler() -> Iterator[None]:
    """Without a warning of the compiler about its own look at the mixture's weights."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The .grad attribute of a Tensor that is not a leaf")
        yield


def uncompiled() -> AbstractContextManager[Any]:
    """A compiled supernet would be compiled anew for every architecture that is judged."""
    return torch.compiler.set_stance("force_eager")  # type: ignore[no-any-return]
