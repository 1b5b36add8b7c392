"""What a training script needs: choices in its model, its architecture, and reports.

::

    from trial_api import LayerChoice, get_and_apply_next_architecture, report_final_result

    model = get_and_apply_next_architecture(Net())
    report_final_result(train(model))

Importing the package loads no torch: the names that need it are resolved on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._trial import (
    get_experiment_id,
    get_next_parameter,
    get_output_dir,
    get_sequence_id,
    get_trial_budget,
    get_trial_id,
    report_final_result,
    report_intermediate_result,
)

if TYPE_CHECKING:
    from .nn import (
        InputChoice,
        LayerChoice,
        MutableScope,
        SuperKernelConv2d,
        apply_fixed_architecture,
        get_and_apply_next_architecture,
        load_supernet_state_dict,
        search_space,
    )
    from .profiling import Latency, Profile, measure_latency, profile, profile_architecture

__all__ = [
    "InputChoice",
    "Latency",
    "LayerChoice",
    "MutableScope",
    "Profile",
    "SuperKernelConv2d",
    "apply_fixed_architecture",
    "get_and_apply_next_architecture",
    "get_experiment_id",
    "get_next_parameter",
    "get_output_dir",
    "get_sequence_id",
    "get_trial_budget",
    "get_trial_id",
    "load_supernet_state_dict",
    "measure_latency",
    "profile",
    "profile_architecture",
    "report_final_result",
    "report_intermediate_result",
    "search_space",
]

_PROFILING = ("Latency", "Profile", "measure_latency", "profile", "profile_architecture")


def __getattr__(name: str) -> Any:
    if name in __all__:  # the others are defined above, so this one needs torch
        module = ".profiling" if name in _PROFILING else ".nn"
        return getattr(importlib.import_module(module, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
