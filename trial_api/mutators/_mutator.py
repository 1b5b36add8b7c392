"""Mutators that decide for the whole model at once, which is all that most algorithms do."""

from __future__ import annotations

import abc
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from nas_tuners.contract.architecture import to_architecture, vector_of
from nas_tuners.contract.errors import (
    ArchitectureError,
    Problem,
    SearchSpaceError,
    UndecidedError,
    did_you_mean,
)

from ..nn._input_choice import InputChoice, inputs_in_order
from ..nn._layer_choice import LayerChoice
from ..nn._reduction import reduce_outputs
from ..nn._tree import Choice
from ._base import BaseMutator
from ._reduction import reduce_weighted
from ._selection import Mask, Selection, read_mask, strengths_of

_logger = logging.getLogger(__name__)


class Mutator(BaseMutator):
    """Decides for the whole model: :meth:`reset`, then the model runs like any other.

    Subclasses write :meth:`sample_search` and :meth:`sample_final`, which give a mask for each key
    of ``self.mutables``: booleans (a list, an array, a tensor) select candidates, floats weigh
    them. Unselected candidates are not run.

    Example::

        class First(Mutator):
            def sample_search(self):
                return {m.key: [i == 0 for i in range(size_of(m))] for m in self.mutables}

            def sample_final(self):
                return self.sample_search()


        mutator = First(model)
        for x, y in loader:
            mutator.reset()
            criterion(model(x), y).backward()
        mutator.export()  # {"conv": "conv3x3", ...}
    """

    stays_on_host: ClassVar[bool] = False
    """Whether trainers leave the parameters on the CPU, where decisions are taken."""

    _decided: Mapping[str, Selection] | None = None

    @abc.abstractmethod
    def sample_search(self) -> Mapping[str, Mask]:
        """A decision to train or to try: key -> mask."""

    @abc.abstractmethod
    def sample_final(self) -> Mapping[str, Mask]:
        """The decision that the search has come to: key -> mask."""

    def reset(self) -> None:
        """Decide anew, for all forward passes until the next call."""
        self.apply_on_model(self.sample_search())

    def apply_on_model(self, masks: Mapping[str, Mask]) -> None:
        """Decide as told, for all forward passes until the next call or :meth:`reset`.

        Raises:
            ArchitectureError: with every missing and unknown key, or for a wrong mask.
        """
        self._decided = self._read(masks)

    def export(self) -> dict[str, Any]:
        """The final decision, as ``apply_fixed_architecture`` and people read it.

        Names where they are unique, else indices; of weights, the largest count. The model is
        left as it is. A warning tells if it breaks a constraint of the model space.

        Raises:
            ArchitectureError: if the decision is none of the search space.
        """
        vector = vector_of(self.search_space, self._indices_of(self._final()))
        broken = self.search_space.broken_constraint(vector)
        if broken is not None:
            _logger.warning(
                "the architecture that %s has come to breaks the constraint %r of the model space",
                type(self).__name__,
                broken.name,
            )
        return to_architecture(self.search_space, vector)

    def status(self) -> dict[str, list[bool] | list[float]]:
        """The present decision as lists, a boolean or a weight a candidate: for logs.

        Whatever is on a GPU is fetched at once.
        """
        decided = self._current()
        return {
            key: [bool(entry) for entry in one] if decided[key].weights is None else one
            for key, one in strengths_of(decided).items()
        }

    def preferences(self) -> dict[str, list[float]] | None:
        """What the search thinks of each candidate at present, a number each: for logs.

        None where that is not known, as of what is drawn from no distribution, or a costly one.
        :meth:`status` tells what was drawn then.
        """
        return None

    def on_forward_layer_choice(self, mutable: LayerChoice, *args: Any, **kwargs: Any) -> Any:
        selection = self.selection_of(mutable)
        layers: list[Any] = list(mutable._modules.values())
        outputs = [layers[index](*args, **kwargs) for index in selection.indices]
        return _reduce(mutable, selection, outputs)

    def on_forward_input_choice(self, mutable: InputChoice, inputs: Any) -> Any:
        selection = self.selection_of(mutable)
        candidates = inputs_in_order(inputs, mutable.choose_from)
        return _reduce(mutable, selection, [candidates[index] for index in selection.indices])

    def selection_of(self, mutable: Choice) -> Selection:
        """What was decided for a choice.

        Raises:
            UndecidedError: before the first :meth:`reset`.
        """
        assert mutable.key is not None, "bound choices have keys"
        return self._current()[mutable.key]

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles keep the decision, without the graph that it may come from."""
        state = dict(self.__dict__)
        if self._decided is not None:
            state["_decided"] = {key: one.detached() for key, one in self._decided.items()}
        return state

    def _current(self) -> Mapping[str, Selection]:
        if self._decided is None:
            raise UndecidedError("nothing is decided yet; call reset() of the mutator first")
        return self._decided

    def _final(self) -> dict[str, Selection]:
        return self._read(self.sample_final())

    def _read(self, masks: Mapping[str, Mask]) -> dict[str, Selection]:
        sizes = {mutable.key or "": size_of(mutable) for mutable in self.mutables}
        problems = [
            Problem(key, f"unknown key{did_you_mean(key, sizes)}")
            for key in masks
            if key not in sizes
        ]
        selections = {}
        for key, size in sizes.items():
            try:
                selections[key] = read_mask(masks[key], length=size)
            except KeyError:
                problems.append(Problem(key, "missing: no mask"))
            except ValueError as error:
                problems.append(Problem(key, str(error)))
        if problems:
            raise ArchitectureError(problems, type(self).__name__)
        return selections

    def _indices_of(self, decision: Mapping[str, Selection]) -> dict[str, list[int]]:
        """The candidates that a final decision selects, as the search space counts them."""
        return {key: list(self._chosen(key, one)) for key, one in decision.items()}

    def _chosen(self, key: str, selection: Selection) -> tuple[int, ...]:
        """What a final decision selects: of weights, as many of the largest as may be chosen."""
        if selection.weights is None:
            return selection.indices
        domain: Any = self.search_space.decisions[self.search_space.first_decision[key]].domain
        count = getattr(domain, "high", 1)
        strengths = selection.strengths()
        ranked = sorted(range(selection.length), key=lambda index: -strengths[index])
        return tuple(sorted(index for index in ranked[:count] if strengths[index] > 0))


def size_of(mutable: Choice) -> int:
    """How many candidates a choice has."""
    return mutable.n_candidates if isinstance(mutable, InputChoice) else len(mutable)


def _reduce(mutable: Choice, selection: Selection, outputs: list[Any]) -> Any:
    if selection.weights is None:
        output = reduce_outputs(outputs, mutable.reduction)
    else:
        output = _mixture(mutable, selection, outputs)
    return (output, selection.mask()) if mutable.return_mask else output


def _mixture(mutable: Choice, selection: Selection, outputs: list[Any]) -> Any:
    assert selection.weights is not None
    names = mutable.choose_from if isinstance(mutable, InputChoice) else mutable.names
    try:
        return reduce_weighted(
            outputs,
            selection.weights,
            reduction=mutable.reduction,
            names=[names[index] for index in selection.indices],
        )
    except SearchSpaceError as error:
        raise SearchSpaceError(error.problems, str(mutable.key)) from None
