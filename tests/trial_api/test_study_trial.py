"""Architectures from the trials of ordinary Optuna studies."""

from __future__ import annotations

from collections.abc import Iterator

import optuna
import pytest
from torch import nn

from nas_tuners import RandomTuner, TunerSampler
from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import SpaceMismatchError
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import (
    ARCHITECTURE_ATTR,
    ENCODING_ATTR,
    SEARCH_SPACE_ATTR,
)
from tests.trial_api.networks import ARCHITECTURE, Nested, Net, images
from trial_api import InputChoice, LayerChoice, get_and_apply_next_architecture, search_space


@pytest.fixture(autouse=True)
def _quiet_optuna() -> Iterator[None]:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(level)


def objective(trial: optuna.Trial) -> float:
    rate = trial.suggest_float("lr", 0.01, 1.0, log=True)
    model = get_and_apply_next_architecture(Net(), trial=trial)
    return rate * model(images()).square().mean().item() + sum(
        module.kernel_size[0] for module in model.modules() if isinstance(module, nn.Conv2d)
    )


@pytest.mark.parametrize(
    "sampler",
    [
        optuna.samplers.RandomSampler(seed=0),
        optuna.samplers.TPESampler(seed=0, n_startup_trials=4),
    ],
)
def test_any_sampler_searches_a_model(sampler):
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=12)
    assert study.best_params["conv"] == "conv3x3"
    assert set(study.best_params) == {"lr", "conv", "act", "skip"}
    assert study.best_trial.user_attrs[ARCHITECTURE_ATTR].keys() == {"conv", "act", "skip"}
    assert optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
    ).keys() >= {"conv"}


def test_the_study_records_the_space_once():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=2)
    assert study.user_attrs == {
        SEARCH_SPACE_ATTR: search_space(Net()).to_dict(),
        ENCODING_ATTR: "auto",
    }


def test_the_noted_architecture_is_the_one_that_ran():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = []

    def kernels(trial):
        model = get_and_apply_next_architecture(Net(), trial=trial)
        seen.append((model.conv.kernel_size[0], model.skip.chosen))
        return 0.0

    study.optimize(kernels, n_trials=8)
    noted = [trial.user_attrs[ARCHITECTURE_ATTR] for trial in study.trials]
    assert [(int(arch["conv"][-1]), arch["skip"]) for arch in noted] == seen
    assert len({str(arch) for arch in noted}) > 1
    for arch in noted:
        to_vector(search_space(Net()), arch)


def test_pruning():
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.ThresholdPruner(upper=4.0),
    )

    def pruned_objective(trial):
        model = get_and_apply_next_architecture(Net(), trial=trial)
        trial.report(float(model.conv.kernel_size[0]), step=0)
        if trial.should_prune():
            raise optuna.TrialPruned
        return 0.0

    study.optimize(pruned_objective, n_trials=10)
    states = {trial.params["conv"]: trial.state for trial in study.trials}
    assert states == {
        "conv3x3": optuna.trial.TrialState.COMPLETE,
        "conv5x5": optuna.trial.TrialState.PRUNED,
    }
    assert all(ARCHITECTURE_ATTR in trial.user_attrs for trial in study.trials)


def test_another_space_is_refused_before_anything_is_suggested():
    study = optuna.create_study(study_name="s")
    study.optimize(objective, n_trials=1)
    trial = study.ask()
    with pytest.raises(SpaceMismatchError, match="block: only in the model") as caught:
        get_and_apply_next_architecture(Nested(), trial=trial)
    assert "conv: only in the study 's'" in str(caught.value)
    assert trial.params == {}


def test_a_study_that_searches_more_than_the_model():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    rate = {"lr": {"_type": "loguniform", "_value": [0.01, 1.0]}}
    study.set_user_attr(SEARCH_SPACE_ATTR, rate | search_space(Net()).to_dict())
    trial = study.ask()
    trial.set_user_attr(ARCHITECTURE_ATTR, {"lr": 0.5, "conv": "conv5x5"})
    get_and_apply_next_architecture(Net(), trial=trial)
    noted = trial.user_attrs[ARCHITECTURE_ATTR]
    assert noted.keys() == {"lr", "conv", "act", "skip"}
    assert (noted["lr"], noted["conv"]) == (0.5, trial.params["conv"])


@pytest.mark.parametrize("encoding", ["auto", "scores"])
def test_a_tuner_that_searches_a_model_and_a_rate_together(encoding):
    rate = {"lr": {"_type": "loguniform", "_value": [0.01, 1.0]}}
    space = SearchSpace(search_space(Net()).to_dict() | rate)
    sampler = TunerSampler(RandomTuner(seed=0), space, encoding=encoding)
    study = optuna.create_study(sampler=sampler)

    def joint(trial):
        model = get_and_apply_next_architecture(Net(), trial=trial)
        return model.conv.kernel_size[0] * trial.suggest_float("lr", 0.01, 1.0, log=True)

    study.optimize(joint, n_trials=5)
    assert study.user_attrs[SEARCH_SPACE_ATTR] == space.to_dict()
    assert {frozenset(trial.params) for trial in study.trials} == {
        frozenset(FlatEncoding(space, encoding).parameters)
    }


@pytest.mark.parametrize("encoding", ["auto", "slots", "booleans", "subsets", "scores"])
def test_the_study_s_encoding_is_used(encoding):
    def make():
        return nn.ModuleDict({"pick": InputChoice(5, n_chosen=2), "op": LayerChoice([nn.ReLU()])})

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.set_user_attr(ENCODING_ATTR, encoding)
    trial = study.ask()
    model = get_and_apply_next_architecture(make(), trial=trial)
    flat = FlatEncoding(search_space(make()), encoding)
    assert list(trial.params) == list(flat.parameters)
    assert len(model["pick"].chosen) == 2
    assert study.user_attrs[ENCODING_ATTR] == encoding


def test_fixed_and_frozen_trials():
    values = FlatEncoding(search_space(Net())).encode(to_vector(search_space(Net()), ARCHITECTURE))
    fixed = optuna.trial.FixedTrial(values)
    assert get_and_apply_next_architecture(Net(), trial=fixed).conv.kernel_size == (5, 5)
    assert fixed.user_attrs[ARCHITECTURE_ATTR] == {"conv": "conv5x5", "act": "1", "skip": [1]}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(objective, n_trials=3)
    best = get_and_apply_next_architecture(Net(), trial=study.best_trial)
    assert (
        f"conv{best.conv.kernel_size[0]}x{best.conv.kernel_size[0]}" == study.best_params["conv"]
    )


def test_enqueued_trials():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = search_space(Net())
    study.enqueue_trial(FlatEncoding(space).encode(to_vector(space, ARCHITECTURE)))
    study.optimize(objective, n_trials=1)
    assert study.trials[0].user_attrs[ARCHITECTURE_ATTR]["conv"] == "conv5x5"


def test_nested_choices_are_flat_and_static_in_the_study():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def nested(trial):
        return float(
            isinstance(get_and_apply_next_architecture(Nested(), trial).block, nn.Identity)
        )

    study.optimize(nested, n_trials=10)
    assert {frozenset(trial.params) for trial in study.trials} == {
        frozenset({"block", "block.deep.1", "block.direct"})
    }
    plain = next(trial for trial in study.trials if trial.value == 1.0)
    assert plain.user_attrs[ARCHITECTURE_ATTR] == {"block": "plain"}


def test_a_study_in_a_database_is_joined_again(tmp_path):
    storage = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="s", storage=storage)
    for _ in range(2):
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.load_study(study_name="s", storage=storage, sampler=sampler)
        study.optimize(objective, n_trials=1)
    assert len(study.trials) == 2
