"""NNI's names: what each does here, and what is said where something is not here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nas_tuners import retiarii
from nas_tuners.contract.errors import ConfigError, NasTunersError, SearchSpaceError
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.results import read_results
from nas_tuners.multi_trial import Regression
from nas_tuners.retiarii import (
    FunctionalEvaluator,
    RetiariiExeConfig,
    RetiariiExperiment,
    basic_unit,
    model_wrapper,
    nn,
    strategy,
)
from nas_tuners.retiarii.experiment import _keywords
from trial_api import apply_fixed_architecture, search_space
from trial_api.nn import model_space


@model_wrapper
class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = nn.ValueChoice([2, 4])
        self.first = nn.LayerChoice([nn.Linear(3, width), nn.Sequential(nn.Linear(3, width))])
        self.named = nn.LayerChoice([nn.ReLU(), nn.Tanh()], label="activation")
        self.blocks = nn.Repeat(
            lambda i: nn.LayerChoice([nn.Identity(), nn.Linear(width, width)]), (1, 3)
        )
        self.skip = nn.InputChoice(2)
        self.last = nn.Linear(width, nn.ValueChoice([5, 6], key="classes"))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(self.named(self.first(x)))
        return self.last(self.skip([x, 2 * x]))


KEYS = ["model_1", "model_2", "activation", "model_3", "model_4", "model_5", "model_6", "model_7"]


def judge(model_cls: Callable[[], nn.Module]) -> float:
    return 1.0


# ---- model spaces -------------------------------------------------------------------------------


def test_choices_are_numbered_as_they_are_constructed() -> None:
    space = search_space(Net)
    assert set(space.specs) == {*KEYS, "classes"}
    assert space.to_dict() == search_space(Net()).to_dict()


def test_numbers_do_not_depend_on_what_is_chosen() -> None:
    space = search_space(Net)
    shortest = dict.fromkeys(KEYS, 0) | {"model_1": 4, "model_3": 1, "model_7": [1]}
    for _ in range(10):  # what is made in vain must not be taken for what is made next
        model = apply_fixed_architecture(Net, {**shortest, "classes": 6})
        assert model(torch.ones(1, 3)).shape == (1, 6)
        assert len(model.blocks) == 1
    assert space.specs.keys() == search_space(Net).specs.keys()


def test_candidates_that_are_made_when_chosen_count_apart() -> None:
    @model_wrapper
    class Lazy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            makers = {
                "one": lambda: nn.Linear(3, nn.ValueChoice([4, 5])),
                "two": lambda: nn.Sequential(
                    nn.Linear(3, nn.ValueChoice([4, 5])), nn.Dropout(nn.ValueChoice([0.1, 0.2]))
                ),
            }
            self.first = nn.LayerChoice(makers)
            self.last = nn.LayerChoice([nn.ReLU, nn.Tanh])

    chosen = {"model_1": "two", "model_1/two_1": 5, "model_1/two_2": 0.2, "model_2": 1}
    assert search_space(Lazy).specs.keys() == {*chosen, "model_1/one_1"}
    for model in (Lazy, Lazy()):
        plain = apply_fixed_architecture(model, chosen)
        assert (plain.first[0].out_features, plain.first[1].p) == (5, 0.2)
        assert isinstance(plain.last, nn.Tanh)


def test_a_space_within_a_space_goes_on_counting() -> None:
    @model_wrapper
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.LayerChoice([nn.ReLU(), nn.Tanh()])
            self.net = Net()

    assert list(search_space(Outer).specs)[:3] == ["model_1", "model_2", "model_3"]


def test_outside_of_a_wrapper_paths_stand_for_labels() -> None:
    @model_space
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.LayerChoice([nn.ReLU(), nn.Tanh()])

    assert list(search_space(Other).specs) == ["act"]


def test_cells_have_labels() -> None:
    @model_wrapper
    class Cells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            operations = {"relu": nn.ReLU, "tanh": nn.Tanh}
            self.cell = nn.Cell(operations, 1, label="normal")
            self.act = nn.LayerChoice([nn.ReLU(), nn.Tanh()])

    keys = ["normal/input_1_0", "normal/op_1_0", "model_1"]
    assert list(search_space(Cells).specs) == keys


def test_all_of_torch_is_there() -> None:
    assert nn.Module is torch.nn.Module
    assert nn.functional is torch.nn.functional
    assert {"Conv2d", "LayerChoice", "Cell"} <= {*dir(nn)}
    with pytest.raises(AttributeError, match=r"neither 'nas_tuners\.retiarii\.nn' nor torch\.nn"):
        nn.Convolution  # noqa: B018


def test_units_are_what_they_are() -> None:
    assert basic_unit(torch.nn.Linear) is torch.nn.Linear
    assert nn.Cell is not None
    assert nn.ModelParameterChoice.__module__ == "nas_tuners.retiarii.nn"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LayerChoice([nn.ReLU()], label="a", key="b"), "label: a word for `key`"),
        (lambda: nn.LayerChoice([nn.ReLU()], prior=[1.0]), "prior: take it out"),
        (lambda: nn.ValueChoice([1, 2]), "outside of a model space"),
    ],
)
def test_mistakes_in_choices(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SearchSpaceError, match=message):
        make()


def test_every_name_is_there() -> None:
    assert {*retiarii.__all__} <= {*dir(retiarii)}
    for name in retiarii.__all__:
        assert getattr(importlib.import_module("nas_tuners.retiarii"), name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'fixed_arch'"):
        retiarii.fixed_arch  # noqa: B018


# ---- strategies ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "tuner", "args"),
    [
        (strategy.Random(dedup=True), "RandomTuner", {"dedup": True}),
        (strategy.GridSearch(shuffle=False), "GridSearchTuner", {}),
        (strategy.GridSearch(seed=3), "RandomTuner", {"seed": 3}),
        (
            strategy.RegularizedEvolution(population_size=20, sample_size=5),
            "RegularizedEvolutionTuner",
            {"population_size": 20, "sample_size": 5, "dedup": True},
        ),
        (strategy.TPE(), "tpe", {}),
        (strategy.PolicyBasedRL(2, 10), "PPOTuner", {"trials_per_update": 10}),
    ],
)
def test_strategies_are_tuners(made: strategy.Strategy, tuner: str, args: dict[str, Any]) -> None:
    assert (made.tuner, made.args) == (tuner, args)
    experiment = RetiariiExperiment(Net(), FunctionalEvaluator(judge), [], made)
    assert experiment is not None
    assert make_config(made).tuner.name == tuner, "with all the checks of a configuration"


def make_config(made: strategy.Strategy, **attributes: Any) -> Any:
    from nas_tuners.multi_trial.config import make_config

    config = RetiariiExeConfig("local")
    for name, value in attributes.items():
        setattr(config, name, value)
    return make_config(_keywords(config, made), name="Net")


def test_strategies_that_end_by_themselves() -> None:
    evolution = strategy.RegularizedEvolution("minimize", cycles=30)
    assert make_config(evolution).max_trials == 30
    assert make_config(evolution, max_trial_number=20).max_trials == 20
    assert make_config(evolution).optimize_mode == "minimize"
    assert make_config(strategy.PolicyBasedRL(2, 10)).max_trials == 20
    assert make_config(strategy.TPE()).max_trials is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: strategy.Random(variational=True), "variational: take it out"),
        (lambda: strategy.Random(model_filter=len), r"model_filter: .*constrain\(fn\)"),
        (lambda: strategy.RegularizedEvolution(on_failure="worst"), "on_failure: take it out"),
        (lambda: strategy.PolicyBasedRL(policy_fn=len), "policy_fn: take it out"),
    ],
)
def test_options_that_are_not_here(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_one_shot_strategies_are_trainers() -> None:
    with pytest.raises(AttributeError, match=r"trial_api\.oneshot\.DartsTrainer"):
        strategy.DARTS()


# ---- experiments --------------------------------------------------------------------------------


@model_wrapper
class Line(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = nn.ValueChoice([2, 4], label="width")
        self.layers = nn.Sequential(nn.Linear(3, width), nn.Linear(width, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.mark.slow
def test_an_evaluator_may_say_what_is_best(tmp_path: Path) -> None:
    x = torch.arange(24.0).reshape(8, 3)
    evaluator = Regression((x, x.sum(1)), (x, x.sum(1)), max_epochs=1)
    experiment = RetiariiExperiment(Line, evaluator, [], strategy.GridSearch(shuffle=False))
    config = RetiariiExeConfig("local")
    config.experiment_working_directory = tmp_path
    experiment.run(config)
    [best] = experiment.export_top_models(optimize_mode="minimize")
    [folder] = tmp_path.glob("Line-*")
    results = read_results(ExperimentFolder(folder))
    assert best == min(results.trials, key=lambda trial: trial.value).architecture
    assert len({trial.value for trial in results.trials}) == 2
    with pytest.raises(ConfigError, match="optimize_mode: the search was to minimize: leave it"):
        experiment.export_top_models(optimize_mode="maximize")


def test_attributes_become_keys() -> None:
    config = make_config(
        strategy.Random(),
        experiment_name="it",
        max_trial_number=4,
        trial_concurrency=2,
        max_experiment_duration="2h",
        trial_gpu_number=0,
        execution_engine="base",
    )
    assert (config.name, config.max_trials, config.concurrency) == ("it", 4, 2)
    assert config.max_duration == 7200
    assert config.gpus.per_trial == 0


def test_misspelt_attributes() -> None:
    config = RetiariiExeConfig("local")
    with pytest.raises(AttributeError, match="has no 'max_trial_num'; did you mean 'max_trial_nu"):
        config.max_trial_num = 4
    with pytest.raises(AttributeError, match="did you mean 'use_active_gpu'"):
        config.training_service.use_activ_gpu = True


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RetiariiExeConfig("remote"), "not on 'remote'; for clusters"),
        (
            lambda: RetiariiExperiment(Net(), FunctionalEvaluator(judge), [len], None),
            "applied_mutators: there are none",
        ),
        (
            lambda: RetiariiExperiment(Net(), FunctionalEvaluator(judge), [], "random"),
            "strategy: must be one of nas_tuners.retiarii.strategy, got 'random'",
        ),
        (
            lambda: RetiariiExperiment(
                Net(), FunctionalEvaluator(judge), [], strategy.TPE()
            ).export_top_models(),
            "has not run yet",
        ),
        (
            lambda: make_config(strategy.TPE(), execution_engine="cgo"),
            "execution_engine: must be 'py' or 'base'",
        ),
        (
            lambda: make_config(strategy.TPE(), trial_concurrency=0),
            "concurrency: must be a whole number of at least 1",
        ),
        (
            lambda: make_config(strategy.Random(), max_trial_number=0),
            "max_trials: must be a whole number of at least 1",
        ),
    ],
)
def test_mistakes_in_experiments(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(NasTunersError, match=message):
        make()
