"""Neural architecture search for people who use PyTorch and Optuna: the side that searches.

Every name is imported on first use, so that ``import nas_tuners`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contract.errors import SearchSpaceExhausted
    from .contract.search_space import SearchSpace
    from .tuners._base import Tuner
    from .tuners._batch import BatchTuner
    from .tuners._grid_search import GridSearchTuner
    from .tuners._optuna_sampler import TunerSampler
    from .tuners._optuna_tuner import OptunaTuner
    from .tuners._random import RandomTuner
    from .tuners._regularized_evolution import RegularizedEvolutionTuner

__version__ = "0.1.0"

__all__ = [
    "BatchTuner",
    "GridSearchTuner",
    "OptunaTuner",
    "RandomTuner",
    "RegularizedEvolutionTuner",
    "SearchSpace",
    "SearchSpaceExhausted",
    "Tuner",
    "TunerSampler",
]

_MODULES = {
    "BatchTuner": ".tuners._batch",
    "GridSearchTuner": ".tuners._grid_search",
    "OptunaTuner": ".tuners._optuna_tuner",
    "RandomTuner": ".tuners._random",
    "RegularizedEvolutionTuner": ".tuners._regularized_evolution",
    "SearchSpace": ".contract.search_space",
    "SearchSpaceExhausted": ".contract.errors",
    "Tuner": ".tuners._base",
    "TunerSampler": ".tuners._optuna_sampler",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
