"""Turning a model into the plain network that an architecture describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from nas_tuners.contract.architecture import load_architecture, read_architecture
from nas_tuners.contract.errors import ArchitectureError

from ._subject import ModelOrFactory, Subject, subject_of
from ._tree import NO_CHOICE
from .applied import ALREADY_APPLIED


def apply_fixed_architecture(
    model: ModelOrFactory, architecture: Mapping[str, Any] | str | Path
) -> nn.Module:
    """Turn a model into the plain network that an architecture describes.

    Each ``LayerChoice`` is replaced by the chosen layer, each ``InputChoice`` by a pick without
    parameters, each ``Repeat`` by its first blocks; what is not chosen is gone. The model is
    changed in place; it keeps its weights, device, mode and the hooks of its layers. Make the
    optimizer afterwards.

    A model space with value choices is constructed anew, in place: on its device, with new weights
    or, if it is a supernet, with its part of them. Of a class, or a function without arguments,
    nothing but what is chosen is ever made.

    A layer whose output is left out by an ``InputChoice`` stays: only running the model tells who
    else uses it. Make such a layer a candidate of a ``LayerChoice`` if it shall go; or let the
    module that holds both tell, by a method ``unused_submodules()``: called with the choices
    already settled, it gives the names of submodules that are not needed any more.

    A ``DistributedDataParallel`` wrapper is set up anew in place, on all ranks at once; its
    communication hooks must be registered again.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not; or a class, or a
            function without arguments, that makes one.
        architecture: A dict or a JSON file: for each key a candidate's name or index, a list of
            names, of indices or of booleans, or what a tuner emits. Keys that are not the model's,
            such as a learning rate searched with it, must be taken out.

    Returns:
        The model; the chosen layer where the whole model is one ``LayerChoice``.

    Raises:
        ArchitectureError: with every missing, unknown or wrong key; nothing is changed then.
        SearchSpaceError: if the model's choices contradict each other.

    Example::

        model = apply_fixed_architecture(Net(), {"conv": "conv3x3", "skip": [False, True]})
    """
    subject = subject_of(model)
    if not subject.space.specs:
        _refuse_plain(subject, architecture)
    return subject.apply(read_architecture(subject.space, architecture))


def _refuse_plain(subject: Subject, architecture: Mapping[str, Any] | str | Path) -> None:
    """Say why an architecture cannot be applied to a model without choices."""
    if isinstance(architecture, Mapping):
        content, source = dict(architecture), ""
    else:
        content, source = load_architecture(architecture), str(architecture)
    if not content:
        return
    why = ALREADY_APPLIED if subject.is_applied else NO_CHOICE
    raise ArchitectureError(
        f"no choice is left for {', '.join(map(repr, content))}: {why}", source
    )
