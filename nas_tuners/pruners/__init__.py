"""Early stopping: who judges by its intermediate results whether a trial is worth its end.

Pruners are Optuna's: each is an ``optuna.pruners.BasePruner``. Every name is imported on first
use, so that ``import nas_tuners.pruners`` does not load Optuna.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners._lazy import imported_on_use

if TYPE_CHECKING:
    from ._curve_fitting import CurveFittingPruner
    from ._judging import should_prune
    from ._median_stopping import MedianStoppingPruner
    from ._registry import make_pruner

__all__ = [
    "CurveFittingPruner",
    "MedianStoppingPruner",
    "make_pruner",
    "should_prune",
]

_MODULES = {
    "CurveFittingPruner": "._curve_fitting",
    "MedianStoppingPruner": "._median_stopping",
    "make_pruner": "._registry",
    "should_prune": "._judging",
}


__getattr__ = imported_on_use(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
