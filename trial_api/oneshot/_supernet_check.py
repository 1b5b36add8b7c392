"""Whether a supernet of values runs as the networks that it stands for, seen on a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import NasTunersError, TrainingError
from nas_tuners.contract.search_space import IndexVector

from ..mutators import Mutator, Selection
from ..mutators._gates import GatedSelection, float_tensors
from ..mutators._mutator import size_of
from ..mutators._random import selections_of
from ..nn._checkpoint import load_supernet_state_dict
from ..nn._subject import Subject, subject_of
from ..nn._value_decision import ValueDecision
from ..nn.space_record import make_another, record_of
from ..profiling._running import evaluating
from ..training.batches import Batch, check_call

_DRAWN = 32
_TOLERANCE = 1e-3  # of the largest output

_Run = Callable[[Batch, IndexVector], Any]


@dataclass(frozen=True)
class _Words:
    """What to say where an architecture does not run as it must."""

    message: str
    differs: str
    fails: str

    def of_difference(self, decision: object, difference: float) -> str:
        what = f"{self.differs} by up to {difference:.2g}"
        return self.message.format(decision=decision, what=what)

    def of_failure(self, decision: object, error: Exception) -> str:
        what = f"{self.fails} ({type(error).__name__}: {error})"
        return self.message.format(decision=decision, what=what)


_NETWORK = _Words("with {decision} {what}", differs="", fails="the model fails")

_ALONE = _Words(
    "the supernet does not run as the networks that it holds: with {decision} {what}. Something "
    "depends on a value without showing it: a function or a constant made from it, a weight that "
    "is used without calling its layer, or a lazy layer. Put what depends on it into a "
    "LayerChoice",
    differs="its output differs from that of the network built alone, with its part of the "
    "weights,",
    fails="it fails, but not the network built alone",
)

_MIXED = _Words(
    "this trainer mixes the candidates of values, with zeros in the place of channels that narrow "
    "ones lack; but with {decision} {what}. The model concatenates, averages, normalizes or "
    "reshapes such channels outside of torch's layers. Take a trainer that runs one candidate at "
    "a time, such as SposTrainer or EnasTrainer",
    differs="these zeros change the output",
    fails="it fails",
)


class SupernetCheck:
    """Compares a few random architectures, each question once, when it first matters.

    Args:
        mutator: Of the model.
    """

    def __init__(self, mutator: Mutator) -> None:
        self._mutator = mutator
        self._record = record_of(mutator.model)
        is_supernet = self._record is not None and self._record.supernet is not None
        self._knows_alone = self._knows_mixed = not is_supernet

    def __call__(self, batch: Batch) -> None:
        """Check on a batch what was not checked before; nothing is changed.

        Raises:
            TrainingError: if outputs differ, or the model fails.
        """
        if not self._knows_alone:
            self._compare(batch, self._alone, _NETWORK, self._decided, _ALONE)
            self._knows_alone = True
        if not self._knows_mixed and _mixes_values(self._mutator):
            self._compare(batch, self._decided, _ALONE, self._mixed, _MIXED)
            self._knows_mixed = True

    def _compare(
        self, batch: Batch, one: _Run, of_one: _Words, other: _Run, of_other: _Words
    ) -> None:
        with _aside(self._mutator):
            for vector in self._vectors():
                expected = self._output(one, batch, vector, of_one)
                output = self._output(other, batch, vector, of_other)
                difference = _difference(expected, output)
                if difference > _TOLERANCE:
                    decision = to_architecture(self._mutator.search_space, vector)
                    raise TrainingError(of_other.of_difference(decision, difference))

    def _vectors(self) -> Iterator[IndexVector]:
        """Random architectures, until each value was seen with two candidates.

        One of them is not the largest, with which nothing would show.
        """
        space = self._mutator.search_space
        values = [one.key for one in self._mutator.mutables if isinstance(one, ValueDecision)]
        seen: dict[str, set[int]] = {key or "": set() for key in values}
        for seed in range(_DRAWN):
            vector = space.sample_fitting(Random(seed))
            decided = selections_of(space, vector)
            news = [
                (known, index)
                for key, known in seen.items()
                for index in decided[key].indices
                if len(known) < 2 and index not in known
            ]
            for known, index in news:
                known.add(index)
            if news:
                yield vector

    def _output(self, run: _Run, batch: Batch, vector: IndexVector, words: _Words) -> Any:
        try:
            return run(batch, vector)
        except (NasTunersError, torch.cuda.OutOfMemoryError):
            raise
        except Exception as error:
            if isinstance(error, TypeError):
                check_call(self._mutator.model, batch, error)
            decision = to_architecture(self._mutator.search_space, vector)
            raise TrainingError(words.of_failure(decision, error)) from error

    @functools.cached_property
    def _subject(self) -> Subject:
        assert self._record is not None, "only supernets are compared"
        return subject_of(functools.partial(make_another, type(self._mutator.model), self._record))

    def _decided(self, batch: Batch, vector: IndexVector) -> Any:
        self._mutator.apply_on_model(selections_of(self._mutator.search_space, vector))
        return _run(self._mutator.model, batch)

    def _alone(self, batch: Batch, vector: IndexVector) -> Any:
        model = self._mutator.model
        network = self._subject.apply(vector)
        load_supernet_state_dict(network, model.state_dict(), strict=False)
        weight = next(model.parameters(), torch.empty(0))
        return _run(network.to(weight).eval(), batch)

    def _mixed(self, batch: Batch, vector: IndexVector) -> Any:
        decided = selections_of(self._mutator.search_space, vector)
        weight = next(self._mutator.model.parameters(), torch.empty(0))
        for choice in self._mutator.mutables:
            if isinstance(choice, ValueDecision):
                key = choice.key or ""
                decided[key] = _as_mixture(decided[key], size_of(choice), weight)
        self._mutator.apply_on_model(decided)
        with torch.enable_grad():  # zeros count where gradients are wanted
            return _run(self._mutator.model, batch)


def _as_mixture(selection: Selection, size: int, like: Tensor) -> Selection:
    """All candidates, with weights that are zero but for the one that is chosen."""
    weights = torch.zeros(size, dtype=like.dtype, device=like.device)
    weights[list(selection.indices)] = 1
    return Selection(size, tuple(range(size)), weights.requires_grad_().unbind())


def _mixes_values(mutator: Mutator) -> bool:
    decided = [
        mutator.selection_of(choice)
        for choice in mutator.mutables
        if isinstance(choice, ValueDecision)
    ]
    return any(
        one.weights is not None or len(one.indices) > 1 or isinstance(one, GatedSelection)
        for one in decided
    )


@contextmanager
def _aside(mutator: Mutator) -> Iterator[None]:
    """Evaluation without gradients; modes, buffers, decision and random numbers are put back."""
    before: Mapping[str, Selection] | None = mutator._decided
    device = next((one.device for one in mutator.model.parameters()), torch.device("cpu"))
    try:
        with (
            evaluating(mutator.model),
            torch.autocast(device.type, enabled=False),
            torch.no_grad(),
        ):
            yield
    finally:
        mutator._decided = before


def _run(model: nn.Module, batch: Batch) -> Any:
    """The same random numbers each time, where evaluation draws any."""
    torch.manual_seed(0)
    model.eval()
    return model(*batch.args, **batch.kwargs)


def _difference(one: Any, other: Any) -> float:
    """The largest difference of all tensors, over the largest number of the first."""
    pairs = list(zip(float_tensors(one), float_tensors(other), strict=True))
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max((_relative(a.detach(), b.detach()) for a, b in pairs if a.numel()), default=0.0)


def _relative(one: Tensor, other: Tensor) -> float:
    largest = one.abs().max().clamp_min(torch.finfo(one.dtype).tiny)
    return float((one - other).abs().max() / largest)
