"""What a controller decides, in which order, and what it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

import torch
from torch import Tensor

from nas_tuners.contract.domains import Subset
from nas_tuners.contract.search_space import SearchSpace

from ..nn._input_choice import InputChoice
from ..nn._layer_choice import LayerChoice
from ..nn._scope import MutableScope
from ..nn._tree import Choice, is_choice
from ._mutator import size_of
from ._tree import MutableTree

_NORMAL_CELL = "normal_"  # in the keys of cell spaces, which have "reduce_" besides

Source = Union[str, int]
"""What an input is known by: the key of an earlier decision or scope, else a learned vector."""


@dataclass(frozen=True)
class Decision:
    """One key.

    Attributes:
        key: Of the choice.
        size: How many candidates it has.
        low, high: How many of them are chosen.
        layer: Which output layer scores the candidates; None for an input choice.
        bias: What is added to the candidates' logits; empty for nothing.
        sources: What the inputs of an input choice are known by.
        is_open: Whether an input choice takes any number of inputs.
        active_if: Key -> candidates of which one must be chosen there.
    """

    key: str
    size: int
    low: int
    high: int
    layer: int | None
    bias: tuple[float, ...]
    sources: tuple[Source, ...]
    is_open: bool
    active_if: Mapping[str, tuple[int, ...]]

    def active(self, masks: Mapping[str, Tensor]) -> Tensor | None:
        """In which samples the key matters; None where it always does.

        Args:
            masks: What was decided so far, of shape (samples, candidates).
        """
        chosen = [masks[key][:, list(allowed)].any(1) for key, allowed in self.active_if.items()]
        return torch.stack(chosen).all(0) if chosen else None


@dataclass(frozen=True)
class Exit:
    """The end of a scope, from which later choices may take their inputs."""

    key: str


@dataclass(frozen=True)
class Plan:
    """The steps in order of definition.

    Attributes:
        steps: Decisions and ends of scopes.
        layers: The sizes of the output layers.
        vectors: How many learned vectors stand for inputs.
    """

    steps: tuple[Decision | Exit, ...]
    layers: tuple[int, ...]
    vectors: int


def plan_of(mutables: MutableTree, space: SearchSpace, *, branch_bias: float) -> Plan:
    """The plan for a model.

    Layer choices whose candidates have the same names share an output layer, as the layers of the
    authors' spaces do; the others have their own, so sizes may differ.

    Args:
        mutables: Of the model.
        space: Of the model.
        branch_bias: See :class:`ControllerMutator`.
    """
    planner = _Planner(space, branch_bias)
    planner.visit(mutables)
    sizes = tuple(len(names) for names in planner.layers)
    return Plan(tuple(planner.steps), sizes, len(planner.vectors))


class _Planner:
    def __init__(self, space: SearchSpace, branch_bias: float) -> None:
        self.steps: list[Decision | Exit] = []
        self.layers: dict[tuple[str, ...], int] = {}
        self.vectors: dict[str, int] = {}
        self._space = space
        self._branch_bias = branch_bias
        self._known: set[str] = set()

    def visit(self, tree: MutableTree) -> None:
        mutable = tree.mutable
        if mutable is not None and is_choice(mutable) and mutable.key not in self._known:
            self._add(self._decision(mutable))
        for child in tree.children:
            self.visit(child)
        if isinstance(mutable, MutableScope) and mutable.key not in self._known:
            self._add(Exit(mutable.key))

    def _add(self, step: Decision | Exit) -> None:
        self.steps.append(step)
        self._known.add(step.key)

    def _decision(self, choice: Choice) -> Decision:
        key = choice.key or ""
        domain: Any = self._space.decisions[self._space.first_decision[key]].domain
        inputs = isinstance(domain, Subset)
        return Decision(
            key=key,
            size=size_of(choice),
            low=domain.low if inputs else 1,
            high=domain.high if inputs else 1,
            layer=self._layer(choice) if isinstance(choice, LayerChoice) else None,
            bias=_bias(choice, self._branch_bias) if isinstance(choice, LayerChoice) else (),
            sources=self._sources(choice) if isinstance(choice, InputChoice) else (),
            is_open=isinstance(choice, InputChoice) and choice.n_chosen is None,
            active_if=self._space.active_if.get(key, {}),
        )

    def _layer(self, choice: LayerChoice) -> int:
        return self.layers.setdefault(tuple(choice.names), len(self.layers))

    def _sources(self, choice: InputChoice) -> tuple[Source, ...]:
        return tuple(self._source(choice, place) for place in range(choice.n_candidates))

    def _source(self, choice: InputChoice, place: int) -> Source:
        """By name, if it has one of its own within the choice; else by its place."""
        name = choice.choose_from[place]
        named = name != InputChoice.NO_KEY and choice.choose_from.count(name) == 1
        if named and name in self._known:
            return name
        known_by = name if named else f"{choice.key}[{place}]"
        return self.vectors.setdefault(known_by, len(self.vectors))


def _bias(choice: LayerChoice, size: float) -> tuple[float, ...]:
    """In normal cells, for convolutions and against the rest."""
    if not size or _NORMAL_CELL not in (choice.key or ""):
        return ()
    return tuple(size if "conv" in name.lower() else -size for name in choice.names)
