from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError, TrainingError
from tests.trial_api.mutators.told import Told
from tests.trial_api.oneshot.small import data, trainer
from trial_api import LayerChoice
from trial_api.mutators import RandomMutator
from trial_api.oneshot import BaseTrainer, Phase
from trial_api.oneshot._data import TRAIN
from trial_api.oneshot._shapes import shape_disagreements


class Odd(nn.Module):
    """Two candidates fit, one is too wide for the head."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LayerChoice(
            {"fits": nn.Linear(4, 4), "wide": nn.Linear(4, 5), "too": nn.Tanh()}, key="layer"
        )
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x))


class SinglePath(BaseTrainer):
    """The least that a trainer can be: a decision a step."""

    def _phases(self, epoch):
        return [Phase("path", self._step, (TRAIN,), self._steps(TRAIN))]

    def _step(self, batch):
        self.mutator.reset()
        return self._train_weights(batch)


def single_path(model: nn.Module, mutator) -> SinglePath:
    return SinglePath(
        model,
        F.cross_entropy,
        None,
        torch.optim.SGD(model.parameters(), 0.1),
        1,
        data(),
        None,
        mutator=mutator,
        search_fraction=0.0,
        options={"batch_size": 4, "progress": False, "device": "cpu", "seed": 0},
    )


def test_a_mixture_names_the_candidates():
    with pytest.raises(SearchSpaceError) as caught:
        trainer(Odd()).train()
    assert str(caught.value) == (
        "layer: candidate 'wide' returned shape (4, 5), but 'fits' returned (4, 4); candidates "
        "that are mixed must agree"
    )


def test_a_single_path_names_the_candidates():
    model = Odd()
    with pytest.raises(TrainingError) as caught:
        single_path(model, RandomMutator(model, seed=0)).train()
    assert str(caught.value) == (
        "the model failed; layer: the candidates return different shapes: "
        "'fits' (4, 4), 'wide' (4, 5), 'too' (4, 4)"
    )
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_other_failures_are_left_as_they_are():
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = LayerChoice([nn.Linear(4, 2), nn.Linear(4, 2)], key="layer")

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x) @ torch.ones(7, 7)

    model = Breaks()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        single_path(model, RandomMutator(model, seed=0)).train()


def test_a_candidate_that_cannot_run_is_named():
    model = nn.Sequential(
        LayerChoice({"fits": nn.Linear(4, 2), "needs": nn.Linear(3, 2)}, key="k")
    )
    mutator = Told(model)
    mutator.apply_on_model({"k": [False, True]})
    (found,) = shape_disagreements(mutator, lambda: model(torch.ones(2, 4)))
    assert found.startswith(
        "k: candidate 'needs' fails: mat1 and mat2 shapes cannot be multiplied"
    )


class Inner(nn.Module):
    """A choice inside a candidate, whose inner choice another decision leaves without one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = LayerChoice({"a": nn.Linear(4, 4), "b": nn.Linear(4, width)}, key="inner")
        self.outer = LayerChoice(
            {"plain": nn.Identity(), "deep": nn.Sequential(inner, nn.Tanh())}, key="outer"
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(x) @ torch.ones(4, 4)


def test_nested_candidates_are_compared_too():
    model = Inner(width=3)
    mutator = Told(model)
    mutator.apply_on_model({"outer": [False, True], "inner": [False, True]})
    found = shape_disagreements(mutator, lambda: model(torch.ones(2, 4)))
    assert "inner: the candidates return different shapes: 'a' (2, 4), 'b' (2, 3)" in found


def test_an_inactive_choice_is_not_blamed():
    model = Inner(width=4)
    mutator = Told(model)
    mutator.apply_on_model({"outer": [True, False], "inner": [False, False]})
    assert shape_disagreements(mutator, lambda: model(torch.ones(2, 4))) == []


def test_the_model_is_bound_as_before():
    model = Odd()
    mutator = Told(model)
    mutator.reset()
    with pytest.raises(RuntimeError):
        model(torch.ones(2, 9))
    shape_disagreements(mutator, lambda: model(torch.ones(2, 4)))
    assert model(torch.ones(2, 4)).shape == (2, 2)
    mutator.remove()
    assert not model.layer.is_bound


@pytest.mark.parametrize("error", [torch.cuda.OutOfMemoryError])
def test_a_lack_of_memory_is_nobodys_shape(error):
    class Full(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = LayerChoice([nn.Linear(4, 2)], key="layer")
            self.runs = 0

        def forward(self, x: Tensor) -> Tensor:
            self.runs += 1
            raise error("out of memory")

    model = Full()
    with pytest.raises(error):
        single_path(model, RandomMutator(model, seed=0)).train()
    assert model.runs == 1
