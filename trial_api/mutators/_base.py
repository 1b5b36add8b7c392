"""The interface between the choices of a supernet and what decides them."""

from __future__ import annotations

import abc
from typing import Any, NoReturn

from torch import nn

from nas_tuners.contract.errors import MutatorError, SearchSpaceError

from ..nn._input_choice import InputChoice
from ..nn._layer_choice import LayerChoice
from ..nn._scope import MutableScope
from ..nn._supernet import make_supernet, supernet_space
from ..nn._tree import NO_CHOICE, Choice, find_choices
from ._tree import MutableTree, mutable_tree


class BaseMutator(nn.Module, abc.ABC):
    """Runs the choices of a model, which becomes a supernet until :meth:`remove`.

    Subclasses say how a choice runs: :meth:`on_forward_layer_choice` and
    :meth:`on_forward_input_choice`. Most algorithms only decide which candidates run with which
    weights; they extend :class:`Mutator`.

    The mutator holds the model, but not as a submodule: ``mutator.parameters()`` are the
    architecture's alone, ``model.parameters()`` the weights' alone.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not. One with value choices
            gets the largest layers first, see :func:`~trial_api.nn.make_supernet`.

    Attributes:
        model: The model.
        mutables: Its choices, each key once, in order of definition; ``mutables.children`` is the
            tree of scopes and choices.
        search_space: What may be decided.

    Raises:
        SearchSpaceError: if the model has no choices, some with one key differ, or something
            depends on values that is no part of something larger.
        MutatorError: if another mutator is bound to the model.
    """

    model: nn.Module
    mutables: MutableTree

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        make_supernet(model)  # where values are to be chosen
        sites = find_choices(model)
        self.search_space = supernet_space(model)
        if not sites:
            raise SearchSpaceError(
                f"{NO_CHOICE}. Choices made inside forward are not part of it either: make them "
                "in __init__"
            )
        for site in sites:
            if site.choice.is_bound:
                raise MutatorError(
                    f"the choice at {site.path!r} is bound to a mutator already; call remove() of "
                    "that mutator first (of a trainer: trainer.mutator.remove()), or build the "
                    "model anew"
                )
        self.__dict__["model"] = model  # as an attribute it would be a submodule
        for site in sites:
            site.choice.bind(site.key, self._runner(site.choice))
        self.mutables = mutable_tree(model)
        self._is_bound = True
        self._hooks = [hook for scope in self.mutables.scopes() for hook in self._watch(scope)]

    @abc.abstractmethod
    def on_forward_layer_choice(self, mutable: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        """Run a layer choice: what its ``forward`` returns."""

    @abc.abstractmethod
    def on_forward_input_choice(self, mutable: InputChoice, inputs: Any) -> Any:
        """Run an input choice on a list of tensors, or a dict of them by name."""

    def enter_mutable_scope(self, scope: MutableScope) -> None:
        """Called before a scope runs."""

    def exit_mutable_scope(self, scope: MutableScope) -> None:
        """Called after a scope ran, also when it raised."""

    def remove(self) -> None:
        """Unbind the choices: the model is as it was, with the weights that it has now."""
        if not self._is_bound:
            return  # the choices may be another mutator's by now
        self._is_bound = False
        for choice in self.undedup_mutables:
            choice.unbind()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    @property
    def is_bound(self) -> bool:
        """Whether it runs the choices of the model: until :meth:`remove`."""
        return self._is_bound

    @property
    def undedup_mutables(self) -> list[Choice]:
        """Every choice, also those that share the key of an earlier one."""
        return list(self.mutables.choices())

    def graph(self, inputs: Any) -> dict[str, Any]:
        """The graph of the model with all candidates: :func:`~trial_api.record_graph`.

        Args:
            inputs: A tensor; or a tuple of arguments, or a dict of keyword arguments.

        Example::

            with open("logs/1/graph.json", "w") as file:
                json.dump(mutator.graph(torch.randn(2, 3, 32, 32)), file)
        """
        from ..graph import record_graph  # which needs the profiler

        return record_graph(self.model, inputs)

    def forward(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: the model is what runs."""
        raise MutatorError("a mutator does not run; call the model that it is bound to")

    def _runner(self, choice: Choice) -> Any:
        if isinstance(choice, LayerChoice):
            return self.on_forward_layer_choice
        return self.on_forward_input_choice

    def _watch(self, scope: MutableScope) -> list[Any]:
        """Hooks around a scope, where a subclass wants to know."""
        hooks = []
        if type(self).enter_mutable_scope is not BaseMutator.enter_mutable_scope:
            enter = _Enter(self)
            hooks.append(scope.register_forward_pre_hook(enter))
        if type(self).exit_mutable_scope is not BaseMutator.exit_mutable_scope:
            hooks.append(scope.register_forward_hook(_Exit(self), always_call=True))
        return hooks


class _Enter:
    """A hook that pickles, unlike a function made here."""

    def __init__(self, mutator: BaseMutator) -> None:
        self.mutator = mutator

    def __call__(self, scope: Any, _inputs: Any) -> None:
        self.mutator.enter_mutable_scope(scope)


class _Exit:
    def __init__(self, mutator: BaseMutator) -> None:
        self.mutator = mutator

    def __call__(self, scope: Any, _inputs: Any, _output: Any) -> None:
        self.mutator.exit_mutable_scope(scope)
