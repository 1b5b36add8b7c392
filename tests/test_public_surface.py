"""The names that users import: exactly these, documented, and resolved on first use."""

from __future__ import annotations

import importlib
import inspect

import pytest

SURFACE = {
    "nas_tuners": [
        "BatchTuner",
        "BayesianTuner",
        "Classification",
        "Experiment",
        "FunctionalEvaluator",
        "GridSearchTuner",
        "LocalSearchTuner",
        "OptunaTuner",
        "PPOTuner",
        "PredictorEvolutionTuner",
        "QMCTuner",
        "RandomTuner",
        "Regression",
        "RegularizedEvolutionTuner",
        "ReinforceTuner",
        "SPOSEvolutionTuner",
        "SearchSpace",
        "SearchSpaceExhausted",
        "Tuner",
        "TunerSampler",
        "confirm",
    ],
    "nas_tuners.bench": [
        "PEERS",
        "TABLES",
        "Table",
        "Trace",
        "TradeOff",
        "TradeOffTrace",
        "data_folder",
        "load_table",
        "run",
        "run_sampler",
        "search",
        "search_trade_off",
    ],
    "nas_tuners.confirmation": [
        "Candidate",
        "Confirmation",
        "Confirmed",
        "Run",
        "candidates_of",
        "confirm",
        "plan",
        "summarize",
    ],
    "nas_tuners.pruners": [
        "CurveFittingPruner",
        "MedianStoppingPruner",
        "make_pruner",
        "should_prune",
    ],
    "nas_tuners.testing": ["TunerSuite"],
    "nas_tuners.viewer": [
        "export_page",
        "plot_architecture",
        "plot_choices",
        "plot_search",
        "show",
    ],
    "trial_api": [
        "Activation",
        "ArchitectureProfiler",
        "Cell",
        "InputChoice",
        "Latency",
        "LayerChoice",
        "MutableScope",
        "NasBench101Cell",
        "NasBench201Cell",
        "ParameterCounter",
        "Profile",
        "Repeat",
        "SuperKernelConv2d",
        "ValueChoice",
        "apply_fixed_architecture",
        "export_code",
        "export_onnx",
        "export_stub",
        "get_and_apply_next_architecture",
        "get_experiment_id",
        "get_next_parameter",
        "get_output_dir",
        "get_sequence_id",
        "get_trial_budget",
        "get_trial_id",
        "load_supernet_state_dict",
        "make_supernet",
        "measure_latency",
        "model_space",
        "model_wrapper",
        "profile",
        "profile_architecture",
        "record_graph",
        "report_final_result",
        "report_intermediate_result",
        "search_space",
    ],
}
NAMES = [(module, name) for module, names in SURFACE.items() for name in names]


@pytest.mark.parametrize("module", SURFACE)
def test_the_surface_is_exactly_this(module: str) -> None:
    assert importlib.import_module(module).__all__ == SURFACE[module]
    assert SURFACE[module] == sorted(SURFACE[module])


@pytest.mark.parametrize("module", SURFACE)
def test_every_name_is_listed_and_others_are_refused(module: str) -> None:
    package = importlib.import_module(module)
    assert {*SURFACE[module]} <= {*dir(package)}
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018 - reading it is the test


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_name_is_importable_and_documented(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    assert value is getattr(importlib.import_module(module), name)
    assert value.__doc__ is not None, "a docstring of its own"
    assert len(inspect.getdoc(value) or "") > 20


def test_the_version_is_a_release() -> None:
    version = importlib.import_module("nas_tuners").__version__
    assert len([int(part) for part in version.split(".")]) == 3
