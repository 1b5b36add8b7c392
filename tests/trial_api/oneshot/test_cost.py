"""Costs of candidates: what is measured, that nothing changes, files, and errors."""

from __future__ import annotations

import copy
import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import (
    ArchitectureError,
    ConfigError,
    MutatorError,
    SearchSpaceError,
    SpaceMismatchError,
)
from search_spaces import fbnet, proxyless_nas, shufflenet
from tests.trial_api.networks import Nested, Net, images
from trial_api import LayerChoice, apply_fixed_architecture, search_space
from trial_api.mutators import RandomMutator
from trial_api.oneshot._cost import candidate_costs, fixed_cost
from trial_api.oneshot._cost_table import (
    architecture_cost,
    cost_tensors,
    expected_cost,
    load_costs,
    save_costs,
)


class Branches(nn.Module):
    """Keywords, a mask, a shared key, batch norm, and a choice that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.first = LayerChoice([nn.Linear(4, 4), nn.Identity()], key="shared")
        self.second = LayerChoice([nn.Linear(4, 4), nn.Linear(4, 4, bias=False)], key="shared")
        self.twice = LayerChoice({"add": _Scaled(), "same": _Scaled(False)}, return_mask=True)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        x = self.second(self.first(self.norm(x)))
        for _ in range(2):
            x, _mask = self.twice(x, scale=scale)
        return self.dropout(x)


class _Scaled(nn.Module):
    def __init__(self, learned: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4) if learned else nn.Identity()

    def forward(self, x: Tensor, scale: float) -> Tensor:
        return self.linear(x) * scale


LINEAR = 2 * 3 * 4 * 4
"""FLOPs of a 4x4 matrix and a batch of 3."""


@pytest.fixture
def model() -> Branches:
    return Branches()


@pytest.fixture
def batch() -> Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


# ---- measuring ----------------------------------------------------------------------------------


def test_places_and_calls_of_a_key_add_up(model: Branches, batch: Tensor) -> None:
    costs = candidate_costs(model, batch)
    assert costs == {"shared": [2 * LINEAR, LINEAR], "twice": [2 * LINEAR, 0]}
    assert fixed_cost(model, batch) == 0


def test_parameters_count_once_whatever_the_calls(model: Branches, batch: Tensor) -> None:
    costs = candidate_costs(model, batch, measure="parameters")
    assert costs == {"shared": [40, 16], "twice": [20, 0]}
    assert fixed_cost(model, batch, measure="parameters") == 8


@pytest.mark.parametrize("measure", ["flops", "parameters", "latency"])
def test_the_model_is_left_as_it_was(model: Branches, batch: Tensor, measure: Any) -> None:
    model.second.eval()
    before = copy.deepcopy(model.state_dict())
    modes = {name: module.training for name, module in model.named_modules()}
    candidate_costs(model, batch, measure=measure, repeats=2)
    fixed_cost(model, batch, measure=measure, repeats=2)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert not any(parameter.grad is not None for parameter in model.parameters())
    RandomMutator(model)  # nothing else is bound


def test_the_model_is_left_as_it_was_when_it_fails(model: Branches) -> None:
    with pytest.raises(RuntimeError):
        candidate_costs(model, torch.randn(3, 5))
    assert model.training
    RandomMutator(model)


@pytest.mark.parametrize(
    "form", [lambda x: x, lambda x: (x, 2.0), lambda x: [x], lambda x: {"x": x, "scale": 2.0}]
)
def test_inputs_have_any_form(
    model: Branches, batch: Tensor, form: Callable[[Tensor], Any]
) -> None:
    assert candidate_costs(model, form(batch))["twice"] == [2 * LINEAR, 0]


def test_flops_need_no_arithmetic(model: Branches, batch: Tensor) -> None:
    assert candidate_costs(model, {"x": batch}, device="meta") == candidate_costs(model, batch)
    assert fixed_cost(Net(), [images()], device="meta") == fixed_cost(Net(), images())
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_a_wrapped_model_costs_the_same(batch: Tensor) -> None:
    inside = candidate_costs(Branches(), batch)
    assert candidate_costs(nn.DataParallel(Branches()), batch) == inside


def test_latency_is_measured_of_every_candidate(model: Branches, batch: Tensor) -> None:
    costs = candidate_costs(model, batch, measure="latency", repeats=3)
    assert {key: len(row) for key, row in costs.items()} == {"shared": 2, "twice": 2}
    assert all(0 < cost < math.inf for row in costs.values() for cost in row)
    assert 0 < fixed_cost(model, batch, measure="latency", repeats=3) < math.inf


def test_input_choices_cost_nothing_but_run() -> None:
    assert list(candidate_costs(Net(), images())) == ["conv", "act"]


def test_a_choice_that_does_not_run_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.op = LayerChoice([nn.Linear(2, 2), nn.Identity()])

        def forward(self, x: Tensor) -> Tensor:
            return x

    with caplog.at_level(logging.WARNING):
        assert candidate_costs(Idle(), torch.ones(1, 2)) == {"op": [0, 0]}
    assert "the model did not run the choice 'op' with these inputs" in caplog.text


# ---- errors of measuring ------------------------------------------------------------------------


def test_wrong_arguments_are_named(model: Branches, batch: Tensor) -> None:
    wrong: Any = "flop"
    with pytest.raises(ConfigError) as caught:
        candidate_costs(model, batch, measure=wrong, repeats=0)
    assert str(caught.value).splitlines() == [
        "2 problems",
        "  - measure: must be one of flops, parameters, latency, but got 'flop'; "
        "did you mean 'flops'?",
        "  - repeats: must be >= 1, but got 0",
    ]


def test_meta_has_no_clock(model: Branches, batch: Tensor) -> None:
    with pytest.raises(ConfigError, match="measured on cpu and cuda, but got a tensor on meta"):
        candidate_costs(model, batch, measure="latency", device="meta")


def test_nested_choices_are_refused() -> None:
    with pytest.raises(SearchSpaceError) as caught:
        candidate_costs(Nested(), torch.ones(1, 2))
    assert str(caught.value).splitlines() == [
        "choices inside candidates have no cost of their own: 2 problems",
        "  - block.deep.1: lies inside a candidate of 'block'",
        "  - block.direct: lies inside a candidate of 'block'",
    ]


def test_a_bound_model_is_refused_and_stays_bound(model: Branches, batch: Tensor) -> None:
    mutator = RandomMutator(model)
    with pytest.raises(MutatorError, match="bound to a mutator already"):
        fixed_cost(model, batch)
    mutator.reset()
    model(batch)


# ---- tables -------------------------------------------------------------------------------------


COSTS = {"conv": [1.0, 2.5], "act": [0.0, 10.0]}


def test_an_architecture_costs_what_it_chooses(tmp_path: Path) -> None:
    space = search_space(Net())
    architecture = {"conv": "conv5x5", "act": 1, "skip": [True, False]}
    assert architecture_cost(COSTS, space, architecture) == 12.5
    (tmp_path / "best.json").write_text(json.dumps({**architecture, "act": 0}))
    assert architecture_cost(COSTS, space, tmp_path / "best.json", fixed=100) == 102.5
    with pytest.raises(ArchitectureError, match="act"):
        architecture_cost(COSTS, space, {"conv": 0, "skip": [0]})


def test_an_applied_network_costs_what_its_architecture_does() -> None:
    architecture = {"conv": 1, "act": 1, "skip": [1]}
    total = fixed_cost(Net(), images()) + architecture_cost(
        candidate_costs(Net(), images()), search_space(Net()), architecture
    )
    applied = nn.Sequential(LayerChoice([apply_fixed_architecture(Net(), architecture)]))
    assert candidate_costs(applied, images()) == {"0": [total]}


@pytest.mark.parametrize("build", [proxyless_nas, fbnet, shufflenet])
def test_parts_sum_to_the_networks_of_a_space(build: Callable[..., nn.Module]) -> None:
    model = build(1, 3, stages=[(4, 2, 1), (6, 3, 2)], last_channels=8)
    x, space = torch.ones(2, 1, 8, 8), search_space(model)
    costs, fixed = candidate_costs(model, x), fixed_cost(model, x)
    for seed in range(3):
        architecture = to_architecture(space, space.sample(Random(seed)))
        network = apply_fixed_architecture(copy.deepcopy(model), architecture)
        with FlopCounterMode(display=False) as counter:
            network(x)
        total = architecture_cost(costs, space, architecture, fixed=fixed)
        assert total == counter.get_total_flops()


def test_files_keep_tables(tmp_path: Path) -> None:
    path = tmp_path / "new" / "costs.json"
    save_costs(COSTS, path)
    assert load_costs(path) == COSTS
    assert load_costs(path, search_space(Net())) == COSTS
    assert [file.name for file in path.parent.iterdir()] == ["costs.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: broken JSON"),
        ("[1]", "expected a JSON object of keys, got a list"),
        ('{"a": [NaN]}', "NaN is not a number of JSON"),
        ('{"a": [1, true]}', "a: expected a list of finite numbers >= 0, but got [1, True]"),
        ('{"a": []}', "a: expected a list of finite numbers >= 0, but got []"),
        ('{"a": [-1.5]}', "a: expected a list of finite numbers >= 0, but got [-1.5]"),
    ],
)
def test_files_that_hold_no_table(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "costs.json").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_costs(tmp_path / "costs.json")
    assert message in str(caught.value)
    assert "costs.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: no such file"):
        load_costs(tmp_path / "none.json")


def test_a_foreign_table_is_refused_with_every_reason(tmp_path: Path) -> None:
    save_costs({"convv": [1, 2], "skip": [1, 1], "act": [1, 2, 3]}, tmp_path / "costs.json")
    with pytest.raises(SpaceMismatchError) as caught:
        load_costs(tmp_path / "costs.json", search_space(Net()))
    assert str(caught.value).splitlines()[1:] == [
        "  - convv: no layer choice of the space; did you mean 'conv'?",
        "  - skip: no layer choice of the space",
        "  - conv: missing: no costs",
        "  - act: expected 2 costs, a candidate each, but got 3",
    ]


def test_probabilities_must_fit() -> None:
    with pytest.raises(SpaceMismatchError) as caught:
        expected_cost(COSTS, {"conv": torch.ones(3), "skip": torch.ones(2)})
    assert str(caught.value).splitlines() == [
        "probabilities and cost table: 2 problems",
        "  - act: missing: no probabilities",
        "  - conv: expected 3 costs, a candidate each, but got 2",
    ]


def test_rows_may_be_tensors_and_other_keys_cost_nothing() -> None:
    probabilities = {
        "conv": torch.tensor([0.25, 0.75]),
        "act": torch.tensor([0.5, 0.5]),
        "skip": torch.ones(9),
    }
    expected = 0.25 * 1 + 0.75 * 2.5 + 5
    assert expected_cost(COSTS, probabilities).item() == pytest.approx(expected)
    tensors = cost_tensors(COSTS)
    assert expected_cost(tensors, probabilities, fixed=3).item() == pytest.approx(expected + 3)
    assert {row.dtype for row in tensors.values()} == {torch.float32}


def test_an_empty_table_costs_what_is_fixed() -> None:
    assert expected_cost({}, {}, fixed=2).item() == 2
