"""The evolution of single-path one-shot search: the rules of all tuners, and its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import ConfigError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._registry import make_tuner
from nas_tuners.tuners._spos_evolution import SPOSEvolutionTuner

SPACE = SearchSpace(SPACES["layers"])


class TestSPOSEvolutionTuner(TunerSuite):
    constant_cost = True

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return SPOSEvolutionTuner(population_size=30, num_iterations=None, **options)


def _tuner(**options: Any) -> SPOSEvolutionTuner:
    tuner = SPOSEvolutionTuner(**({"population_size": 5, "top_k": 3, "seed": 0} | options))
    tuner.update_search_space(SPACE)
    return tuner


def _cost(parameters: Mapping[str, Any]) -> int:
    return sum(choice["_idx"] for choice in parameters.values())


def _is_small(parameters: Mapping[str, Any]) -> bool:
    return _cost(parameters) <= 6


# ---- the end ------------------------------------------------------------------------------------


def test_it_ends_after_the_last_iteration() -> None:
    """Failed and pending trials count, imported ones do not."""
    tuner = _tuner(num_iterations=2)
    import_record = {"parameter": to_parameters(SPACE, (0,) * 6), "value": 1.0}
    tuner.import_data([import_record])
    for number in range(10):
        parameters = tuner.generate_parameters(number)
        if number < 3:
            tuner.trial_end(number, success=False)
        elif number < 8:
            tuner.receive_trial_result(number, parameters, 1.0)
    with pytest.raises(SearchSpaceExhausted, match="2 iterations of 5 trials are done: raise"):
        tuner.generate_parameters(10)


def test_without_a_number_of_iterations_it_goes_on() -> None:
    tuner = _tuner(num_iterations=None)
    for number in range(200):
        tuner.receive_trial_result(number, tuner.generate_parameters(number), number % 7)


# ---- the constraint -----------------------------------------------------------------------------


def test_everything_proposed_satisfies_the_constraint() -> None:
    tuner = _tuner(constraint=_is_small)
    for number in range(60):
        parameters = tuner.generate_parameters(number)
        assert _is_small(parameters)
        tuner.receive_trial_result(number, parameters, _cost(parameters))


def test_it_ends_when_nothing_new_satisfies_the_constraint() -> None:
    """Only 7 of the 4,096 architectures do."""
    tuner = _tuner(constraint=lambda parameters: _cost(parameters) <= 1, max_draws=20_000)
    for number in range(7):
        tuner.receive_trial_result(number, tuner.generate_parameters(number), 1.0)
    with pytest.raises(SearchSpaceExhausted, match=r"20,000 draws .* relax it, or raise"):
        tuner.generate_parameters(7)


def test_a_constraint_that_nothing_satisfies_ends_the_search_at_once() -> None:
    with pytest.raises(SearchSpaceExhausted, match="nothing new that satisfies the constraint"):
        _tuner(constraint=lambda parameters: False).generate_parameters(0)


def test_a_constraint_that_raises_is_named() -> None:
    tuner = _tuner(constraint=lambda parameters: parameters["edge_7"])
    with pytest.raises(TunerError, match=r"SPOSEvolutionTuner raised while proposing.*edge_7"):
        tuner.generate_parameters(0)


def test_a_configuration_names_the_constraint_by_its_path(tmp_path: Path) -> None:
    code = "def is_small(parameters):\n    return parameters['edge_0']['_idx'] == 2\n"
    (tmp_path / "limits_of_the_phone.py").write_text(code)
    arguments = {"constraint": "limits_of_the_phone:is_small"}
    tuner = make_tuner(
        "spos_evolution", arguments, optimize_mode="maximize", seed=0, code_directory=tmp_path
    )
    tuner.update_search_space(SPACE)
    assert {tuner.generate_parameters(i)["edge_0"]["_idx"] for i in range(10)} == {2}


@pytest.mark.parametrize("path", ["no_such_module:f", "math:no_such_function", "math", ":f"])
def test_a_path_that_leads_nowhere_is_named(path: str) -> None:
    with pytest.raises(ConfigError, match=r"tuner\.args: .*'module:function', but got"):
        make_tuner("SPOSEvolution", {"constraint": path}, optimize_mode="maximize", seed=0)


# ---- arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 0}, r"`population_size >= 1` must hold, but got \(population_size=0"),
        ({"top_k": 0}, "`top_k >= 1`"),
        ({"num_iterations": 0}, "`num_iterations >= 1`"),
        ({"max_draws": 0}, "`max_draws >= 1`"),
        ({"mutation_probability": 1.5}, "`0 <= mutation_probability <= 1`"),
        ({"crossover_probability": -0.1}, "`0 <= crossover_probability <= 1`"),
        ({"constraint": 330e6}, "`constraint` must be a function"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPOSEvolutionTuner(**options)
