"""Callbacks of an experiment: the base class of one's own, and those for tools of others.

Every name is imported on first use; what a callback writes with is imported when a run starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners._lazy import imported_on_use

if TYPE_CHECKING:
    from nas_tuners.experiment.events.callbacks import Callback

    from ._mlflow import MLflowCallback
    from ._tensorboard import TensorBoardCallback
    from ._wandb import WandbCallback

__all__ = ["Callback", "MLflowCallback", "TensorBoardCallback", "WandbCallback"]

_MODULES = {
    "Callback": "nas_tuners.experiment.events.callbacks",
    "MLflowCallback": "nas_tuners.callbacks._mlflow",
    "TensorBoardCallback": "nas_tuners.callbacks._tensorboard",
    "WandbCallback": "nas_tuners.callbacks._wandb",
}


__getattr__ = imported_on_use(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
