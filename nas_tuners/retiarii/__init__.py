"""NNI's names for model spaces and experiments, for its scripts: a thin layer over ours.

New programs are better off with what lies below: ``trial_api`` for model spaces,
:class:`nas_tuners.Experiment` for experiments, ``nas_tuners`` for tuners.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nas_tuners._lazy import imported_on_use

if TYPE_CHECKING:
    from nas_tuners.multi_trial.evaluator import FunctionalEvaluator
    from trial_api import (
        get_next_parameter,
        report_final_result,
        report_intermediate_result,
    )

    from . import evaluator, experiment, nn, strategy
    from ._wrappers import basic_unit, model_wrapper
    from .experiment import RetiariiExeConfig, RetiariiExperiment

__all__ = [
    "FunctionalEvaluator",
    "RetiariiExeConfig",
    "RetiariiExperiment",
    "basic_unit",
    "evaluator",
    "experiment",
    "get_next_parameter",
    "model_wrapper",
    "nn",
    "report_final_result",
    "report_intermediate_result",
    "strategy",
]

_PARTS = ("evaluator", "experiment", "nn", "strategy")
_MODULES = {
    "FunctionalEvaluator": ".evaluator",
    "RetiariiExeConfig": ".experiment",
    "RetiariiExperiment": ".experiment",
    "basic_unit": "._wrappers",
    "get_next_parameter": "trial_api",
    "model_wrapper": "._wrappers",
    "report_final_result": "trial_api",
    "report_intermediate_result": "trial_api",
}
_name = imported_on_use(__name__, _MODULES)


def __getattr__(name: str) -> Any:
    return importlib.import_module(f".{name}", __name__) if name in _PARTS else _name(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
