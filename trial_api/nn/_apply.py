"""A model with choices turned into the plain network that an architecture describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from nas_tuners.contract.architecture import load_architecture, read_architecture
from nas_tuners.contract.domains import Categorical, Subset
from nas_tuners.contract.errors import ArchitectureError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._chosen import ChosenInputs, ChosenLayer
from ._input_choice import InputChoice
from ._layer_choice import LayerChoice
from ._space import space_of
from ._super_kernel import CentreConv2d
from ._tree import NO_CHOICE, Site, find_choices, is_choice
from ._wrappers import is_wrapper, join, set_up_anew, state_path, unwrap

SUPERNET_PATHS = "_nas_supernet_paths"
"""An attribute of a plain network: what became of its supernet's state-dict names.

A dict from a prefix in the supernet to the prefix here, None for what is gone; the longest prefix
counts. ``load_supernet_state_dict`` translates checkpoints with it.
"""

ALREADY_APPLIED = (
    "an architecture was already applied to this model; build it anew to apply another"
)


def apply_fixed_architecture(
    model: nn.Module, architecture: Mapping[str, Any] | str | Path
) -> nn.Module:
    """Turn a model into the plain network that an architecture describes.

    Each ``LayerChoice`` is replaced by the chosen layer, each ``InputChoice`` by a pick without
    parameters; what is not chosen is gone. The model is changed in place; it keeps its weights,
    device, mode and the hooks of its layers. Make the optimizer afterwards.

    A layer whose output is left out by an ``InputChoice`` stays: only running the model tells who
    else uses it. Make such a layer a candidate of a ``LayerChoice`` if it shall go; or let the
    module that holds both tell, by a method ``unused_submodules()``: called with the choices
    already settled, it gives the names of submodules that are not needed any more.

    A ``DistributedDataParallel`` wrapper is set up anew in place, on all ranks at once; its
    communication hooks must be registered again.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not.
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
    sites = find_choices(model)
    space = space_of(sites)
    if not sites:
        _refuse_plain(model, architecture)
    return apply_vector(model, sites, space=space, vector=read_architecture(space, architecture))


def apply_vector(
    model: nn.Module, sites: Sequence[Site], *, space: SearchSpace, vector: IndexVector
) -> nn.Module:
    """The plain network of an index vector, made in place."""
    plan = _Plan(_chosen_indices(sites, space, vector))
    root = plan.settle(model, "", "")
    plan.carry_out()
    if sites:
        setattr(unwrap(root), SUPERNET_PATHS, plan.paths)
    return root


def is_applied(model: nn.Module) -> bool:
    """Whether the model is the plain network of an architecture."""
    return hasattr(unwrap(model), SUPERNET_PATHS)


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
        if is_choice(module):
            return self._settle_choice(module, old, new)
        for name, child in module._modules.items():
            if child is None:
                continue
            settled = self.settle(
                child, state_path(module, old, name), state_path(module, new, name)
            )
            if settled is not child:
                self._edits.append((module, name, settled))
        if is_wrapper(module):
            self._wrappers[id(module)] = module
        if hasattr(module, "unused_submodules"):
            self._owners.append((module, old))
        return module

    def carry_out(self) -> None:
        for module, name, settled in self._edits:
            module._modules[name] = settled
        for owner, old in self._owners:
            for name in list(owner.unused_submodules()):  # type: ignore[operator]
                self._drop(owner, name, join(old, name))
        if self._edits:
            for wrapper in self._wrappers.values():  # inner ones first
                set_up_anew(wrapper)

    def _drop(self, owner: nn.Module, name: str, old: str) -> None:
        """Take a submodule out; its entries in the supernet's state dicts are gone too."""
        parent, _, last = name.rpartition(".")
        owner.get_submodule(parent)._modules.pop(last, None)
        inside = [path for path in self.paths if path.startswith(f"{old}.")]
        self.paths |= dict.fromkeys([old, *inside])

    def _settle_choice(self, choice: LayerChoice | InputChoice, old: str, new: str) -> nn.Module:
        chosen = self._chosen[id(choice)]
        if isinstance(choice, InputChoice):
            return self._substitutes.setdefault(id(choice), ChosenInputs(choice, chosen))
        index = chosen[0]
        name = choice.names[index]
        is_bare = choice.reduction != "none" and not choice.return_mask
        inner_old, inner_new = join(old, name), new if is_bare else join(new, name)
        self.paths |= {old: None, inner_old: inner_new}
        layer = self.settle(self._unshared(choice[index]), inner_old, inner_new)
        if is_bare:
            return layer
        return self._substitutes.setdefault(id(choice), ChosenLayer(choice, index, layer))

    def _unshared(self, candidate: nn.Module) -> nn.Module:
        """A candidate, without what it shares with the others; the same one in all its places."""
        if not isinstance(candidate, CentreConv2d):
            return candidate
        return self._substitutes.setdefault(id(candidate), candidate.standalone())


def _chosen_indices(
    sites: Sequence[Site], space: SearchSpace, vector: IndexVector
) -> dict[int, tuple[int, ...]]:
    """The candidates that each active choice (by identity) has chosen."""
    chosen = {}
    for site in sites:
        position = space.first_decision[site.key]
        domain, entry = space.decisions[position].domain, vector[position]
        assert isinstance(domain, (Categorical, Subset)), "models hold choices only"
        if entry is not None:
            chosen[id(site.choice)] = domain.chosen(entry)
    return chosen


def _refuse_plain(model: nn.Module, architecture: Mapping[str, Any] | str | Path) -> None:
    """Say why an architecture cannot be applied to a model without choices."""
    if isinstance(architecture, Mapping):
        content, source = dict(architecture), ""
    else:
        content, source = load_architecture(architecture), str(architecture)
    if not content:
        return
    why = ALREADY_APPLIED if is_applied(model) else NO_CHOICE
    raise ArchitectureError(
        f"no choice is left for {', '.join(map(repr, content))}: {why}", source
    )
