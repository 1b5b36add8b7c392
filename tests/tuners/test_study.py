"""A search space in an Optuna study: readable, within every limit, and never mixed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import SpaceMismatchError
from nas_tuners.contract.flat_encoding import ENCODINGS, FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._spaces import SPACES
from nas_tuners.testing._tuner_suite import score
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner
from nas_tuners.tuners._reinforce import ReinforceTuner
from nas_tuners.tuners._study import attach_space, distributions

# What people write: long paths as keys, repr() as names, the same name often, many candidates.
AWKWARD = SearchSpace(
    {
        "backbone." + "block." * 120 + "op": {
            "_type": "layer_choice",
            "_value": [f"Conv2d(3, {i}, kernel_size=(3, 3), stride=(1, 1), " * 2 for i in (1, 2)],
        },
        "wide": {"_type": "layer_choice", "_value": [f"op{i}" for i in range(300)]},
        "any": {"_type": "input_choice", "_value": {"candidates": [""] * 12, "n_chosen": None}},
        "some": {
            "_type": "input_choice",
            "_value": {"candidates": list("abcdefghij"), "n_chosen": 3},
        },
        "mixed": {"_type": "choice", "_value": [None, True, 1.5, "x", [1, 2], {"a": 1}]},
    }
)


def _optimize(
    sampler: optuna.samplers.BaseSampler, encoding: FlatEncoding, trials: int, storage: Any = None
) -> optuna.Study:
    study = optuna.create_study(storage=storage, sampler=sampler, direction="maximize")
    for _ in range(trials):
        trial = study.ask(distributions(encoding))
        vector = encoding.decode(trial.params)
        trial.set_user_attr("architecture", to_architecture(encoding.space, vector))
        study.tell(trial, score(vector))
    return study


def test_awkward_spaces_live_in_a_database(tmp_path: Path) -> None:
    encoding = FlatEncoding(AWKWARD)
    assert all(len(name) <= 512 for name in encoding.parameters)
    sampler = TunerSampler(
        RegularizedEvolutionTuner(population_size=5, sample_size=2, seed=0), AWKWARD
    )
    url = f"sqlite:///{tmp_path}/s.db"
    study = _optimize(sampler, encoding, 10, url)
    read = optuna.load_study(study_name=study.study_name, storage=url)
    vectors = [encoding.decode(trial.params) for trial in read.trials]
    assert len(set(vectors)) == 10
    assert all(AWKWARD.invalid_entries(vector) == [] for vector in vectors)


@pytest.mark.parametrize("encoding_name", ENCODINGS)
@pytest.mark.parametrize(
    "space_name", ["layers", "inputs", "conditional", "numbers", "continuous"]
)
def test_stock_samplers_and_importances_work(space_name: str, encoding_name: str) -> None:
    encoding = FlatEncoding(SearchSpace(SPACES[space_name]), encoding_name)
    study = _optimize(optuna.samplers.TPESampler(seed=0, n_startup_trials=6), encoding, 14)
    importances = optuna.importance.get_param_importances(study)
    assert importances.keys() <= encoding.parameters.keys()


def test_every_parameter_is_in_every_trial_with_the_same_distribution() -> None:
    encoding = FlatEncoding(SearchSpace(SPACES["conditional"]))
    study = _optimize(optuna.samplers.RandomSampler(seed=0), encoding, 20)
    assert all(trial.distributions == study.trials[0].distributions for trial in study.trials)
    assert optuna.search_space.intersection_search_space(study.trials) == distributions(encoding)


def test_a_study_keeps_its_space_and_its_encoding() -> None:
    study = optuna.create_study()
    space = SearchSpace(SPACES["inputs"])
    assert attach_space(study, space, "booleans").encoding == "booleans"
    assert attach_space(study, space, "slots").encoding == "booleans"
    content = space.to_dict()
    del content["two"]
    smaller = SearchSpace(content)
    with pytest.raises(SpaceMismatchError, match="two: only in study"):
        attach_space(study, smaller)


def test_a_wrong_encoding_leaves_no_trace() -> None:
    study = optuna.create_study()
    space = SearchSpace(SPACES["inputs"])
    with pytest.raises(ValueError, match="`encoding` must be one of"):
        attach_space(study, space, "slot")
    assert attach_space(study, space, "slots").encoding == "slots"


def test_the_order_of_keys_is_that_of_the_study() -> None:
    """Vectors and notes of one process mean the same to another that knows the keys otherwise."""
    study = optuna.create_study()
    space = SearchSpace(SPACES["layers"])
    turned = SearchSpace(dict(reversed(space.to_dict().items())))
    assert turned == space
    attach_space(study, space)
    assert attach_space(study, turned).space.decisions == space.decisions


def test_tuners_that_know_the_keys_in_another_order_share_notes() -> None:
    space = SearchSpace(SPACES["layers"])
    turned = SearchSpace(dict(reversed(space.to_dict().items())))
    study, states = optuna.create_study(direction="maximize"), []
    for own in (space, turned, space):
        study.sampler = TunerSampler(ReinforceTuner(seed=0), own)
        encoding = attach_space(study, own)
        trial = study.ask(distributions(encoding))
        study.tell(trial, score(encoding.decode(trial.params)))
        following = study.sampler._following
        assert following is not None
        states.append(following[2].propose(99, study.trials))
    again = TunerSampler(ReinforceTuner(seed=0), turned)
    again.infer_relative_search_space(study, study.trials[0])
    follower = again._follower_of(study, attach_space(study, turned))
    assert follower.propose(99, study.trials) == states[-1]
