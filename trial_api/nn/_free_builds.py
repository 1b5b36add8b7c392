"""Constructing a whole model space, without memory if it can be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from nas_tuners.contract.errors import NasTunersError, SearchSpaceError

from ._building import FreeBuild, free_build
from ._meta import on_meta_device
from ._scoping import Token

Factory = Callable[[], nn.Module]


class FreeBuilds:
    """Constructs a model space under values that are to be tried; random states stay.

    Args:
        factory: Makes the model.
    """

    def __init__(self, factory: Factory) -> None:
        self._factory = factory
        self._on_meta = True

    def construct(self, trying: Mapping[Token, int]) -> tuple[nn.Module, FreeBuild]:
        """The model, on the meta device unless its constructor computes with tensors.

        Raises:
            SearchSpaceError: if it is no module.
            Exception: what the constructor raises.
        """
        if self._on_meta:
            try:
                return self._constructed(trying, on_meta_device())
            except NasTunersError:
                raise
            except Exception:
                built = self._constructed(trying, nullcontext())
                self._on_meta = False  # only now is it known that the values were not at fault
                return built
        return self._constructed(trying, nullcontext())

    def _constructed(
        self, trying: Mapping[Token, int], device: AbstractContextManager[None]
    ) -> tuple[nn.Module, FreeBuild]:
        build = FreeBuild(trying)
        with torch.random.fork_rng(devices=[]), device, free_build(build):
            return checked_model(self._factory), build


def whole_space(factory: Factory) -> nn.Module:
    """A model with all choices, and the first of each value; random states stay.

    Raises:
        Exception: what the constructor raises.
    """
    return FreeBuilds(factory).construct({})[0]


def checked_model(factory: Factory) -> nn.Module:
    """What a factory makes.

    Raises:
        SearchSpaceError: if it is no module.
    """
    model = factory()
    if not isinstance(model, nn.Module):
        name = getattr(factory, "__qualname__", repr(factory))
        raise SearchSpaceError(f"{name}() must give an nn.Module, but it gives {model!r}")
    return model
