"""The model as a tree: where its choices stand, and under which paths and keys.

Wrappers are no part of a path, so that a model has the same keys with and without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard, Union

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ._input_choice import InputChoice
from ._layer_choice import LayerChoice
from ._repeat import Repeat
from .wrappers import is_wrapper, join

Choice = Union[LayerChoice, InputChoice]

Context = Mapping[str, tuple[int, ...]]
"""The candidates, key -> indices, that a place in the model lies in."""

ROOT_KEY = "model"
"""The key of a choice that is the whole model and has none of its own."""

NO_CHOICE = (
    "the model holds no choice (LayerChoice, InputChoice, Repeat, ValueChoice); those in plain "
    "lists or dicts are not part of it: use nn.ModuleList or nn.ModuleDict"
)


@dataclass
class Site:
    """A choice and where it stands.

    ``contexts`` has an entry a place: the candidates that the place lies in.
    """

    choice: Choice
    key: str
    path: str
    contexts: list[Context] = field(default_factory=list)

    @property
    def is_unnamed(self) -> bool:
        """Whether the key is only the path."""
        return not self.choice.has_own_key


def find_choices(model: nn.Module) -> list[Site]:
    """Every choice of the model once, in order of definition, depth first.

    Raises:
        SearchSpaceError: if the model is no module, or a choice lies inside a candidate of a
            choice with the same key.
    """
    if not isinstance(model, nn.Module):
        raise SearchSpaceError(f"`model` must be an nn.Module, but got {model!r}")
    finder = _Finder()
    finder.visit(model, "", {})
    if finder.problems:
        raise SearchSpaceError(finder.problems)
    return list(finder.sites.values())


def is_choice(module: nn.Module) -> TypeGuard[Choice]:
    if isinstance(module, Repeat):
        return module.is_choice
    return isinstance(module, (LayerChoice, InputChoice))


def children(module: nn.Module, path: str) -> Iterator[tuple[str, str, nn.Module]]:
    """Name, path and module of each child; a wrapper's child has the wrapper's own path."""
    inside = is_wrapper(module)
    for name, child in module._modules.items():
        if child is not None:
            yield name, path if inside else join(path, name), child


class _Finder:
    """Walks every path of the tree, as a state dict does, and notes the choices."""

    def __init__(self) -> None:
        self.sites: dict[int, Site] = {}
        self.problems: list[Problem] = []

    def visit(self, module: nn.Module, path: str, context: Context) -> None:
        if isinstance(module, Repeat):
            self._visit_blocks(module, path, context)
        elif not is_choice(module):
            if not module._modules:
                return
            for _, inner, child in children(module, path):
                self.visit(child, inner, context)
        else:
            key = self._note(module, path, context)
            for index, (_, inner, child) in enumerate(children(module, path)):
                self.visit(child, inner, {**context, key: (index,)})

    def _visit_blocks(self, repeat: Repeat, path: str, context: Context) -> None:
        key = self._note(repeat, path, context) if repeat.is_choice else ""
        for position, (_, inner, block) in enumerate(children(repeat, path)):
            needed = repeat.needed_for(position)
            is_always_there = len(needed) == len(repeat.depths)
            there = context if is_always_there else {**context, key: needed}
            # Copies of one block have the keys of the first.
            self.visit(block, join(path, "0") if repeat.decides_together else inner, there)

    def _note(self, choice: Choice, path: str, context: Context) -> str:
        new = Site(choice, choice.key or path or ROOT_KEY, path)
        site = self.sites.setdefault(id(choice), new)
        site.contexts.append(context)
        if site.key in context:
            message = f"the choice at {path!r} lies inside a candidate of a choice with this key"
            self.problems.append(Problem(site.key, message))
        return site.key
