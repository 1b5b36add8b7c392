"""PPO keeps the rules of tuners, and learns as it says."""

from __future__ import annotations

import json
import math
from random import Random
from typing import Any

import pytest
import torch

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._ppo import PPOTuner

SPACE = SearchSpace(SPACES["layers"])


class TestPPOTuner(TunerSuite):
    budget = 32
    learning_budget = 120

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return PPOTuner(**({"trials_per_update": 10, "epochs_per_update": 2} | options))


def _tuner(space: SearchSpace = SPACE, **options: Any) -> PPOTuner:
    tuner = PPOTuner(**({"seed": 0, "trials_per_update": 4} | options))
    tuner.update_search_space(space)
    return tuner


def _updates(tuner: PPOTuner, number: int) -> int:
    tuner.generate_parameters(number)
    note = tuner.proposal_note(number)
    assert note is not None
    updates: int = note["updates"]
    return updates


def _ask(tuner: PPOTuner, numbers: range) -> None:
    for number in numbers:
        tuner.generate_parameters(number)


def _answer(tuner: PPOTuner, number: int, value: float | None) -> None:
    tuner.tell(number, tuner.proposed_vector(number), value, tuner.proposal_note(number))


def test_it_learns_from_whichever_results_come_first() -> None:
    tuner = _tuner()
    _ask(tuner, range(40))
    for number in (31, 2, 17):
        _answer(tuner, number, float(number))
    assert _updates(tuner, 100) == 0
    _answer(tuner, 39, 1.0)
    assert _updates(tuner, 101) == 1


def test_failed_trials_are_left_out_of_the_batch() -> None:
    tuner, without = _tuner(), _tuner()
    for each in (tuner, without):
        _ask(each, range(12))
    for number in range(8):
        if number % 2:
            _answer(tuner, number, None)
        else:
            _answer(tuner, number, float(number))
            _answer(without, number, float(number))
    assert _updates(tuner, 100) == _updates(without, 100) == 1
    assert tuner._learner is not None
    assert without._learner is not None
    drawn = tuner._learner.sampler.draw(Random(0))
    assert drawn == without._learner.sampler.draw(Random(0))


def test_foreign_results_say_what_is_good_and_are_not_imitated() -> None:
    """They do not fill the batch, but they change what its results are worth."""
    tuner, alone = _tuner(), _tuner()
    for number in range(20):
        parameters = to_parameters(SPACE, SPACE.sample(Random(number)))
        tuner.import_data([{"parameter": parameters, "value": 0.5 + number}])
    assert _updates(tuner, 100) == 0
    for each in (tuner, alone):
        _ask(each, range(4))
        for number in range(4):
            _answer(each, number, float(number))
    assert tuner._rewards.reward((0.0, 3.0)) < 0 < alone._rewards.reward((0.0, 3.0))


def test_notes_of_other_tuners_are_foreign() -> None:
    tuner = _tuner()
    for number, note in enumerate([{"parent": 3}, {"log_prob": "high"}, {}, None]):
        tuner.tell(number, SPACE.sample(Random(number)), float(number), note)
    assert _updates(tuner, 100) == 0


def test_it_comes_to_prefer_what_is_rewarded() -> None:
    tuner = _tuner(trials_per_update=10, dedup=False)
    for number in range(150):
        tuner.generate_parameters(number)
        _answer(tuner, number, float(sum(entry == 2 for entry in tuner.proposed_vector(number))))
    assert tuner._learner is not None
    drawn = [tuner._learner.sampler.draw(Random(seed))[0] for seed in range(50)]
    assert sum(vector.count(2) for vector in drawn) / 50 > 4.5, "at random it would be 1.5 of 6"


def test_what_is_known_is_proposed_again_warmer() -> None:
    tuner = _tuner(epochs_per_update=1)
    temperatures = []
    for number in range(150):
        tuner.generate_parameters(number)
        note = tuner.proposal_note(number)
        assert note is not None
        temperatures.append(note["temperature"])
        value = float(sum(int(entry or 0) for entry in tuner.proposed_vector(number)))
        _answer(tuner, number, value)
    assert temperatures[0] == 1.0
    assert max(temperatures) > 1.0


def test_notes_are_small_json_however_large_the_space() -> None:
    key = {"_type": "layer_choice", "_value": list("abcde")}
    large = SearchSpace({f"key_{i}": key for i in range(500)})
    tuner = _tuner(large)
    tuner.generate_parameters(0)
    assert len(json.dumps(tuner.proposal_note(0))) < 200


def _input_choice(n: int, n_chosen: Any) -> dict[str, Any]:
    return {"_type": "input_choice", "_value": {"candidates": [""] * n, "n_chosen": n_chosen}}


@pytest.mark.parametrize(
    "key",
    [
        {"_type": "layer_choice", "_value": [str(i) for i in range(2_000)]},
        _input_choice(2_000, 2),
        _input_choice(200, None),
        _input_choice(30, [3, 20]),
        _input_choice(4, 0),
        _input_choice(4, 4),
        {"_type": "qloguniform", "_value": [1, 1_000_000, 1]},
    ],
)
def test_wide_and_forced_keys_are_decided_and_learned(key: dict[str, Any]) -> None:
    tuner = _tuner(SearchSpace({"key": key} | SPACES["layers"]))
    for number in range(4):
        tuner.generate_parameters(number)
        _answer(tuner, number, float(number))
    assert _updates(tuner, 4) <= 1
    assert tuner.space.invalid_entries(tuner.proposed_vector(4)) == []


def test_gradients_need_not_be_scaled_down() -> None:
    tuner = _tuner(max_grad_norm=math.inf)
    for number in range(4):
        tuner.generate_parameters(number)
        _answer(tuner, number, float(number))
    assert _updates(tuner, 4) == 1
    assert tuner._learner is not None
    weights = tuner._learner._network.state_dict().values()
    assert all(bool(torch.isfinite(weight).all()) for weight in weights)


@pytest.mark.parametrize("values", [[1.0] * 8, [1e30, *range(7)], [0.0] * 7 + [-1e300]])
def test_equal_results_and_outliers_leave_a_finite_policy(values: list[float]) -> None:
    tuner = _tuner()
    for number, value in enumerate(values):
        tuner.generate_parameters(number)
        _answer(tuner, number, value)
    assert tuner._learner is not None
    weights = tuner._learner._network.state_dict().values()
    assert all(bool(torch.isfinite(weight).all()) for weight in weights)


def test_torch_s_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    tuner = _tuner()
    for number in range(8):
        tuner.generate_parameters(number)
        _answer(tuner, number, float(number))
    assert torch.equal(torch.get_rng_state(), before)


def test_replay_gives_the_same_weights() -> None:
    tuner, log = _tuner(), []
    for number in range(20):
        tuner.generate_parameters(number)
        vector: IndexVector = tuner.proposed_vector(number)
        log.append((number, vector, float(number % 7), tuner.proposal_note(number)))
        tuner.tell(*log[-1])
    again = _tuner()
    for number, vector, value, note in log:
        again.tell(number, vector, value, json.loads(json.dumps(note)))
    assert tuner._learner is not None
    assert again._learner is not None
    ours, theirs = tuner._learner._network, again._learner._network
    pairs = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials_per_update": 0}, "`trials_per_update` must be a whole number"),
        ({"minibatch_size": 2.5}, "`minibatch_size` must be a whole number"),
        ({"gamma": 1.5}, r"`0 <= gamma <= 1` must hold, but got \(gamma=1.5\)"),
        ({"lr": -1.0}, r"`lr >= 0` must hold, but got \(lr=-1.0\)"),
        ({"lr": math.inf}, "`lr` must be finite, but got inf"),
        ({"lr": 10**400}, "`lr` must be finite, but got 1000"),
        ({"ent_coef": math.inf}, "`ent_coef` must be finite, but got inf"),
        ({"vf_coef": -math.inf}, "`vf_coef` must be finite, but got -inf"),
        ({"cliprange": math.nan}, "`cliprange` must be finite, but got nan"),
        ({"max_grad_norm": math.nan}, "`max_grad_norm` must be finite, but got nan"),
        ({"max_grad_norm": -math.inf}, "`max_grad_norm` must be finite, but got -inf"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PPOTuner(**options)
