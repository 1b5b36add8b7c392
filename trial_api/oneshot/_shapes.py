"""Finds candidates that do not fit where they stand, after a model failed to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from ..mutators import Mutator, Selection
from ..nn._layer_choice import LayerChoice
from ..nn._tree import Choice


def shape_disagreements(mutator: Mutator, run: Callable[[], object]) -> list[str]:
    """Run a failing model again with every candidate, and tell whose outputs differ in shape.

    Args:
        mutator: Of the model.
        run: Runs the model; what it raises is ignored.
    """
    found: list[str] = []

    def compare(choice: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        found.extend(_differing(choice, args, kwargs))
        return mutator.on_forward_layer_choice(choice, *args, **kwargs)

    choices = [choice for choice in mutator.undedup_mutables if isinstance(choice, LayerChoice)]
    kept, decided = [choice._run for choice in choices], mutator._decided
    for choice in choices:
        choice._run = compare
    mutator._decided = _completed(mutator)
    try:
        with torch.no_grad():
            run()
    except Exception:
        pass  # the failure that is being explained
    finally:
        for choice, own in zip(choices, kept, strict=True):
            choice._run = own
        mutator._decided = decided
    return list(dict.fromkeys(found))


def _completed(mutator: Mutator) -> dict[str, Selection]:
    """The decision, with first candidates for choices inside candidates that are not chosen."""
    selections = {}
    for mutable in mutator.mutables:
        selection = mutator.selection_of(mutable)
        if not selection.indices:
            selection = Selection(selection.length, tuple(range(_least(mutable))))
        selections[mutable.key or ""] = selection
    return selections


def _least(choice: Choice) -> int:
    """How many candidates must run."""
    if isinstance(choice, LayerChoice):
        return 1
    n_chosen = choice.n_chosen
    return n_chosen[0] if isinstance(n_chosen, tuple) else n_chosen or 0


def _differing(choice: LayerChoice, args: Any, kwargs: Any) -> Iterator[str]:
    shapes = {}
    for name, candidate in zip(choice.names, choice, strict=True):
        try:
            output = candidate(*args, **kwargs)
        except Exception as error:
            yield f"{choice.key}: candidate {name!r} fails: {str(error).splitlines()[0]}"
            continue
        if isinstance(output, Tensor):
            shapes[name] = tuple(output.shape)
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name!r} {shape}" for name, shape in shapes.items())
        yield f"{choice.key}: the candidates return different shapes: {listed}"
