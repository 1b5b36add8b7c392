"""A model with choices turned into the plain network that is chosen."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from torch import nn

from nas_tuners.contract.domains import Categorical, Subset
from nas_tuners.contract.errors import ArchitectureError, Problem
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._binding import Bindable
from ._chosen import ChosenInputs, ChosenLayer, in_turn
from ._input_choice import InputChoice
from ._layer_choice import LayerChoice
from ._repeat import Repeat
from ._super_kernel import CentreConv2d
from ._tree import Site
from .applied import SUPERNET_PATHS
from .wrappers import is_wrapper, join, set_up_anew, state_path, submodule, unwrap

Chosen = Mapping[str, "tuple[int, ...] | None"]
"""key -> the candidates that are chosen; None where it is inactive."""


def chosen_indices(space: SearchSpace, vector: IndexVector) -> Chosen:
    """What an index vector chooses of layers, inputs and values."""
    chosen: dict[str, tuple[int, ...] | None] = {}
    for key, position in space.first_decision.items():
        domain, entry = space.decisions[position].domain, vector[position]
        if entry is None:
            chosen[key] = None
        elif isinstance(domain, (Categorical, Subset)):
            chosen[key] = domain.chosen(entry)
    return chosen


def settle(model: nn.Module, sites: Sequence[Site], chosen: Chosen) -> nn.Module:
    """The plain network, made in place; the chosen layer where the whole model is a choice.

    Raises:
        ArchitectureError: for choices whose key is not among what is chosen.
    """
    unknown = [site for site in sites if site.key not in chosen]
    if unknown:
        raise ArchitectureError([Problem(site.key, _unknown(site)) for site in unknown])
    return settle_choices(model, {id(site.choice): chosen[site.key] or () for site in sites})


def settle_choices(model: nn.Module, chosen: Mapping[int, Sequence[int]]) -> nn.Module:
    """The same, of the candidates that each choice (by identity) has chosen.

    Raises:
        KeyError: if the model holds another choice; it is left as it was then.
    """
    plan = _Plan(chosen)
    root = plan.settle(model, "", "")
    plan.carry_out()
    setattr(unwrap(root), SUPERNET_PATHS, plan.paths)
    return root


class _Plan:
    """What to put where. The model stays as it is until :meth:`carry_out`."""

    def __init__(self, chosen: Mapping[int, Sequence[int]]) -> None:
        self.paths: dict[str, str | None] = {}
        self._chosen = chosen
        self._substitutes: dict[int, nn.Module] = {}
        self._edits: list[tuple[nn.Module, str, nn.Module]] = []
        self._wrappers: dict[int, nn.Module] = {}
        self._owners: list[tuple[nn.Module, str]] = []

    def settle(self, module: nn.Module, old: str, new: str) -> nn.Module:
        """What a module becomes; ``old`` and ``new`` are its prefixes before and after."""
        if isinstance(module, Repeat):
            return self._settle_repeat(module, old, new)
        if isinstance(module, InputChoice):
            return self._settle_inputs(module)
        if isinstance(module, LayerChoice):
            return self._settle_layers(module, old, new)
        place = join
        if is_wrapper(module):
            self._wrappers[id(module)] = module
            place = functools.partial(state_path, module)
        for name, child in module._modules.items():
            if child is None or not (child._modules or isinstance(child, Bindable)):
                continue  # most modules are plain layers
            settled = self.settle(child, place(old, name), place(new, name))
            if settled is not child:
                self._edits.append((module, name, settled))
        if hasattr(type(module), "unused_submodules"):
            self._owners.append((module, old))
        return module

    def carry_out(self) -> None:
        for module, name, settled in self._edits:
            module._modules[name] = settled
        removed = set()
        for owner, old in self._owners:
            for name in list(owner.unused_submodules()):  # type: ignore[operator]
                parent, _, last = name.rpartition(".")
                self.paths[join(old, name)] = None
                if submodule(owner, parent)._modules.pop(last, None) is not None:
                    removed.add(join(old, name))
        if removed:
            self._forget(removed)
        if self._edits:
            for wrapper in self._wrappers.values():  # inner ones first
                set_up_anew(wrapper)

    def _forget(self, removed: set[str]) -> None:
        """Entries inside of these submodules in the supernet's state dicts are gone, too."""
        for path in self.paths:
            prefix = path
            while prefix and prefix not in removed:
                prefix = prefix.rpartition(".")[0]
            if prefix:
                self.paths[path] = None

    def _settle_repeat(self, repeat: Repeat, old: str, new: str) -> nn.Module:
        """A plain sequence; the same one in all its places."""
        depth = repeat.depths[self._chosen[id(repeat)][0] if repeat.is_choice else 0]
        gone = range(depth, repeat.depths[-1])
        self.paths |= dict.fromkeys(join(old, str(position)) for position in gone)
        blocks = [
            self.settle(block, join(old, str(position)), join(new, str(position)))
            for position, block in enumerate(repeat.blocks[:depth])
        ]
        sequence = in_turn(blocks)
        sequence.training = repeat.training
        return self._substitutes.setdefault(id(repeat), sequence)

    def _settle_inputs(self, choice: InputChoice) -> nn.Module:
        chosen = self._chosen[id(choice)]
        return self._substitutes.setdefault(id(choice), ChosenInputs(choice, chosen))

    def _settle_layers(self, choice: LayerChoice, old: str, new: str) -> nn.Module:
        index = self._chosen[id(choice)][0]
        name = choice.names[index]
        is_bare = choice.reduction != "none" and not choice.return_mask
        inner_old, inner_new = join(old, name), new if is_bare else join(new, name)
        self.paths[old], self.paths[inner_old] = None, inner_new
        layer = self.settle(self._unshared(choice[name]), inner_old, inner_new)
        if is_bare:
            return layer
        return self._substitutes.setdefault(id(choice), ChosenLayer(choice, index, layer))

    def _unshared(self, candidate: nn.Module) -> nn.Module:
        """A candidate, without what it shares with the others; the same one in all its places."""
        if not isinstance(candidate, CentreConv2d):
            return candidate
        return self._substitutes.setdefault(id(candidate), candidate.standalone())


def _unknown(site: Site) -> str:
    return (
        f"the model holds this choice at {site.path!r}, but the search space that was read does "
        "not: it depends on other decisions in a way that reading did not meet. Construct it "
        "always, or put what depends on it into a LayerChoice or Repeat"
    )
