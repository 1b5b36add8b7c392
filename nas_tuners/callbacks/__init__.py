"""Callbacks of an experiment: the base class of one's own, and those for tools of others.

Every name is imported on first use; what a callback writes with is imported when a run starts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_tuners.experiment.callbacks import Callback

    from ._mlflow import MLflowCallback
    from ._tensorboard import TensorBoardCallback
    from ._wandb import WandbCallback

__all__ = ["Callback", "MLflowCallback", "TensorBoardCallback", "WandbCallback"]

_MODULES = {
    "Callback": "nas_tuners.experiment.callbacks",
    "MLflowCallback": "nas_tuners.callbacks._mlflow",
    "TensorBoardCallback": "nas_tuners.callbacks._tensorboard",
    "WandbCallback": "nas_tuners.callbacks._wandb",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
