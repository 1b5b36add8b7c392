"""Decisions of supernets whose model spaces have constraints."""

from __future__ import annotations

import copy
import itertools
import logging
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import SearchSpaceError
from trial_api import InputChoice, LayerChoice, model_space
from trial_api.mutators import (
    BinaryGateMutator,
    ControllerMutator,
    EdgeNormalizedMutator,
    GumbelSoftmaxMutator,
    HardGumbelMutator,
    Mutator,
    SoftmaxMutator,
)

KEYS = ("a", "b", "c", "d")
DIFFERENTIABLE = [
    BinaryGateMutator,
    EdgeNormalizedMutator,
    GumbelSoftmaxMutator,
    HardGumbelMutator,
    SoftmaxMutator,
]


@model_space
class Chain(nn.Module):
    """Four layers of three candidates."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                LayerChoice({"small": nn.Tanh(), "large": nn.ReLU(), "none": nn.Identity()}, key=k)
                for k in KEYS
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


@model_space
class Cell(nn.Module):
    """Operations on edges of which two are kept, and any number of other inputs."""

    def __init__(self) -> None:
        super().__init__()
        operations = {"conv": nn.Tanh(), "skip": nn.Identity()}
        self.edges = nn.ModuleList([LayerChoice(dict(operations), key=f"e{i}") for i in range(4)])
        self.kept = InputChoice(choose_from=["e0", "e1", "e2", "e3"], n_chosen=2, key="kept")
        self.some = InputChoice(n_candidates=4, n_chosen=None, key="some")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.kept([edge(x) for edge in self.edges]) + self.some([x] * 4)
        return result


def chain(predicate: Callable[[dict[str, Any]], bool], **options: Any) -> Chain:
    model = Chain()
    model.constrain(predicate, **options)  # type: ignore[operator]
    return model


def at_most_one_is_large(architecture: dict[str, Any]) -> bool:
    return [*architecture.values()].count("large") <= 1


def few_are_kept(architecture: dict[str, Any]) -> bool:
    """Against all that is likeliest in the test below."""
    return "e0" not in architecture["kept"] and len(architecture["some"]) == 1


def set_logits(mutator: Any, rows: dict[str, list[float]]) -> None:
    tables = {**mutator.logits.one.rows(), **mutator.logits.gates.rows()}
    with torch.no_grad():
        for key, row in rows.items():
            tables[key].copy_(torch.tensor(row))


# ---- mutators with probabilities ----------------------------------------------------------------


@pytest.mark.parametrize("kind", DIFFERENTIABLE)
def test_the_likeliest_that_fits_is_exported(kind: Any) -> None:
    """All layers would be large; the one that is most certain of it stays so."""
    model = chain(at_most_one_is_large)
    mutator = kind(model, seed=0)
    large = dict(zip(KEYS, (1.0, 2.0, 4.0, 3.0), strict=True))
    logits = {key: [0.0, up, -1.0] for key, up in large.items()}
    set_logits(mutator, logits)
    assert mutator.export() == {"a": "small", "b": "small", "c": "large", "d": "small"}
    assert mutator.export() == _likeliest(logits)


@pytest.mark.parametrize("sharpness", [0.1, 3.0, 30.0])
def test_it_is_found_however_certain_the_probabilities_are(sharpness: float) -> None:
    wanted = {"a": "none", "b": "none", "c": "small", "d": "none"}
    mutator = SoftmaxMutator(chain(lambda architecture: architecture == wanted), seed=0)
    set_logits(mutator, {key: [-sharpness, sharpness, 0.0] for key in KEYS})
    assert mutator.export() == wanted


def test_a_constraint_that_holds_changes_nothing() -> None:
    free, bound = SoftmaxMutator(Chain(), seed=3), SoftmaxMutator(chain(lambda _: True), seed=3)
    assert bound.export() == free.export()


def test_inputs_are_within_the_constraints_too() -> None:
    model = Cell()
    model.constrain(few_are_kept)  # type: ignore[operator]
    mutator = SoftmaxMutator(model, seed=0)
    edges = {f"e{i}": [3.0 - i, 0.0] for i in range(4)}
    set_logits(mutator, {**edges, "some": [1.0, 4.0, 2.0, 3.0]})
    exported = mutator.export()
    assert few_are_kept(exported)
    assert exported["e0"] == exported["e1"] == "conv"


@pytest.mark.parametrize("kind", [SoftmaxMutator, ControllerMutator])
def test_where_nothing_fits_the_search_for_it_ends(kind: Any) -> None:
    calls: list[object] = []
    model = chain(lambda architecture: bool(calls.append(architecture)), name="no", attempts=50)
    mutator = kind(model, seed=0)
    with pytest.raises(SearchSpaceError, match=r"none of \d+ .*\(\d+ by no\): relax"):
        mutator.export()
    assert len(calls) < 100


def _likeliest(logits: dict[str, list[float]]) -> dict[str, str]:
    """By looking at all of them."""
    names = ("small", "large", "none")
    fitting = [
        dict(zip(KEYS, architecture, strict=True))
        for architecture in itertools.product(names, repeat=len(KEYS))
        if architecture.count("large") <= 1
    ]
    return max(fitting, key=lambda one: math.fsum(logits[k][names.index(one[k])] for k in one))


# ---- the controller -----------------------------------------------------------------------------


def test_a_controller_draws_what_fits() -> None:
    model = chain(at_most_one_is_large)
    mutator = ControllerMutator(model, seed=0)
    space = mutator.search_space
    samples = mutator.sample(100)
    decided = [
        {key: space.specs[key].candidates[one.indices[0]] for key, one in decision.items()}  # type: ignore[union-attr]
        for decision in samples.decisions
    ]
    assert len(decided) == 100
    assert all(map(at_most_one_is_large, decided))
    assert len({str(one) for one in decided}) > 20
    assert len(samples.entropies) == len(samples.skip_penalties) == 100
    for decision, log_probability in list(zip(samples.decisions, samples.log_probabilities))[:5]:  # noqa: B905
        torch.testing.assert_close(mutator.log_probability(decision), log_probability)
    assert samples.log_probabilities.requires_grad


def test_a_controller_that_redraws_is_as_reproducible_as_ever() -> None:
    mutator = ControllerMutator(chain(at_most_one_is_large), seed=1)
    again = copy.deepcopy(mutator)
    assert mutator.sample(20).decisions == again.sample(20).decisions
    assert mutator.sample(5, seed=3).decisions == again.sample(5, seed=3).decisions
    mutator.reset()
    again.reset()
    assert mutator.status() == again.status()


def test_a_controller_comes_to_what_fits() -> None:
    mutator = ControllerMutator(chain(lambda architecture: True), seed=0)
    likeliest = mutator.export()
    other = ControllerMutator(chain(lambda architecture: architecture != likeliest), seed=0)
    assert other.export() != likeliest
    assert other.export() == other.export()


# ---- other mutators -----------------------------------------------------------------------------


class Largest(Mutator):
    def sample_search(self) -> dict[str, list[bool]]:
        return {key: [False, True, False] for key in KEYS}

    sample_final = sample_search


def test_a_mutator_that_knows_no_constraints_exports_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = chain(at_most_one_is_large)
    mutator = Largest(model)
    with caplog.at_level(logging.WARNING):
        assert mutator.export() == dict.fromkeys(KEYS, "large")
    assert "Largest has come to breaks the constraint 'at_most_one_is_large'" in caplog.text
    assert not mutator.search_space.fits(to_vector(mutator.search_space, mutator.export()))
