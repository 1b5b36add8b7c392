from __future__ import annotations

import inspect

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from nas_tuners.contract.errors import ConfigError, MutatorError, SpaceMismatchError
from tests.trial_api.oneshot.small import SmallNet, accuracy, data, trainer
from trial_api.mutators import SoftmaxMutator
from trial_api.oneshot import DartsTrainer, ProxylessTrainer


@pytest.mark.parametrize(
    "options",
    [
        {"batchsize": 3},  # the shared options refuse
        {"dataset_train": None},  # the loaders
        {"unrolled": "twice"},  # the algorithm, when all the rest is made
    ],
)
def test_after_a_mistake_the_same_model_is_taken(options):
    model = SmallNet()
    with pytest.raises(ConfigError):
        trainer(model, **options)
    assert not model.layer.is_bound
    trainer(model, epochs=1).train()


def test_a_table_of_another_model_leaves_the_model_free():
    model = SmallNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(SpaceMismatchError):
        ProxylessTrainer(
            model, F.cross_entropy, accuracy, optimizer, 1, data(), cost={"other": [2.0, 3.0]}
        )
    assert not model.layer.is_bound


def test_a_mutator_of_a_failed_trainer_is_not_taken_again():
    model = SmallNet()
    mutator = SoftmaxMutator(model)
    with pytest.raises(ConfigError):
        trainer(model, mutator=mutator, batchsize=3)
    with pytest.raises(ConfigError, match=r"mutator: must be bound to the model .*; make a new"):
        trainer(model, mutator=mutator)
    trainer(model, mutator=SoftmaxMutator(model))


def test_a_trainer_keeps_its_model():
    made = trainer()
    assert made.mutator.is_bound
    with pytest.raises(MutatorError, match=r"of a trainer: trainer\.mutator\.remove\(\)"):
        trainer(made.model)
    made.mutator.remove()
    trainer(made.model)
    with pytest.raises(MutatorError, match="removed from the model; make a new trainer"):
        made.train()


def test_constructors_keep_their_signatures():
    assert "unrolled" in inspect.signature(DartsTrainer).parameters
