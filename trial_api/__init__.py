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
    from .export import export_code, export_onnx, export_stub
    from .graph import record_graph
    from .nn import (
        Activation,
        Cell,
        InputChoice,
        LayerChoice,
        MutableScope,
        NasBench101Cell,
        NasBench201Cell,
        Repeat,
        SuperKernelConv2d,
        ValueChoice,
        apply_fixed_architecture,
        get_and_apply_next_architecture,
        load_supernet_state_dict,
        make_supernet,
        model_space,
        model_wrapper,
        search_space,
    )
    from .profiling import (
        ArchitectureProfiler,
        Latency,
        ParameterCounter,
        Profile,
        measure_latency,
        profile,
        profile_architecture,
    )

__all__ = [
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
]

_EXPORT = ("export_code", "export_onnx", "export_stub")
_PROFILING = (
    "ArchitectureProfiler",
    "Latency",
    "ParameterCounter",
    "Profile",
    "measure_latency",
    "profile",
    "profile_architecture",
)


_MODULES = {
    **dict.fromkeys(_EXPORT, ".export"),
    **dict.fromkeys(_PROFILING, ".profiling"),
    "record_graph": ".graph",
}


def __getattr__(name: str) -> Any:
    if name in __all__:  # the others are defined above, so this one needs torch
        module = importlib.import_module(_MODULES.get(name, ".nn"), __name__)
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
