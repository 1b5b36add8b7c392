"""What stands in a model more than once: modules in several places, tied parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from torch import nn

from ..nn.wrappers import submodule
from ._paths import is_leaf, own_tensors

Tie = tuple[str, str]
"""A later path and the first one, seen from the module that ties them."""


@dataclass
class Sharing:
    """What the constructors of a model tie together.

    Attributes:
        places: The parent (by identity) and the name of each place where a module stands again.
        ties: By the identity of the module that ties: what.
    """

    places: set[tuple[int, str]] = field(default_factory=set)
    ties: dict[int, list[Tie]] = field(default_factory=dict)


def sharing(
    model: nn.Module,
    is_class: Callable[[nn.Module], bool],
    vanishes: Callable[[nn.Module], bool],
) -> Sharing:
    """What a model shares.

    Args:
        model: The whole.
        is_class: Whether the code has a class for a module, whose constructor may tie.
        vanishes: Whether the code does without a module.
    """
    found = Sharing()
    modules = {id(model): ""}
    tensors: dict[int, str] = {}
    _tie_tensors(found, model, "", tensors, is_class)
    for parent, name, path, module in _places(model, modules):
        if modules[id(module)] == path:
            _tie_tensors(found, model, path, tensors, is_class)
        else:
            found.places.add((id(parent), name))
            if not vanishes(module):
                _tie(found, model, (path, modules[id(module)]), is_class)
    return found


def _tie_tensors(
    found: Sharing,
    model: nn.Module,
    path: str,
    first: dict[int, str],
    is_class: Callable[[nn.Module], bool],
) -> None:
    """Tie what a module has of its own to where it was seen first."""
    for name, tensor in own_tensors(submodule(model, path)).items():
        here = f"{path}.{name}" if path else name
        seen = first.setdefault(id(tensor), here)
        if seen != here:
            _tie(found, model, (here, seen), is_class)


def _places(
    module: nn.Module, first: dict[int, str], path: str = ""
) -> Iterator[tuple[nn.Module, str, str, nn.Module]]:
    """Parent, name, path and module of each place; nothing inside of a place that is no first."""
    for name, child in module._modules.items():
        if child is None:
            continue
        here = f"{path}.{name}" if path else name
        is_first = first.setdefault(id(child), here) == here
        yield module, name, here, child
        if is_first:
            yield from _places(child, first, here)


def _tie(
    found: Sharing, model: nn.Module, paths: Tie, is_class: Callable[[nn.Module], bool]
) -> None:
    """Let the innermost class around both places tie them."""
    parts = [path.split(".") for path in paths]
    common = takewhile(
        lambda pair: pair[0] == pair[1], zip(parts[0][:-1], parts[1][:-1], strict=False)
    )
    owner, depth, module = model, 0, model
    for number, (name, _) in enumerate(common, 1):
        module = module._modules[name] or module
        if is_leaf(module):
            return  # a layer of torch ties what is inside it
        if is_class(module):
            owner, depth = module, number
    later, first = (".".join(part[depth:]) for part in parts)
    found.ties.setdefault(id(owner), []).append((later, first))
