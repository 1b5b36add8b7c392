"""Neural architecture search for people who use PyTorch and Optuna: the side that searches.

Every name is imported on first use, so that ``import nas_tuners`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._lazy import imported_on_use

if TYPE_CHECKING:
    from .confirmation import confirm
    from .contract.errors import SearchSpaceExhausted
    from .contract.search_space import SearchSpace
    from .multi_trial.classification import Classification
    from .multi_trial.evaluator import FunctionalEvaluator
    from .multi_trial.experiment import Experiment
    from .multi_trial.regression import Regression
    from .tuners._base import Tuner
    from .tuners._batch import BatchTuner
    from .tuners._bayesian import BayesianTuner
    from .tuners._grid_search import GridSearchTuner
    from .tuners._local_search import LocalSearchTuner
    from .tuners._optuna_sampler import TunerSampler
    from .tuners._optuna_tuner import OptunaTuner
    from .tuners._ppo import PPOTuner
    from .tuners._predictor_evolution import PredictorEvolutionTuner
    from .tuners._qmc import QMCTuner
    from .tuners._random import RandomTuner
    from .tuners._regularized_evolution import RegularizedEvolutionTuner
    from .tuners._reinforce import ReinforceTuner
    from .tuners._spos_evolution import SPOSEvolutionTuner

__version__ = "0.1.0"

__all__ = [
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
]

_MODULES = {
    "BatchTuner": ".tuners._batch",
    "BayesianTuner": ".tuners._bayesian",
    "Classification": ".multi_trial.classification",
    "Experiment": ".multi_trial.experiment",
    "FunctionalEvaluator": ".multi_trial.evaluator",
    "GridSearchTuner": ".tuners._grid_search",
    "LocalSearchTuner": ".tuners._local_search",
    "OptunaTuner": ".tuners._optuna_tuner",
    "PPOTuner": ".tuners._ppo",
    "PredictorEvolutionTuner": ".tuners._predictor_evolution",
    "QMCTuner": ".tuners._qmc",
    "RandomTuner": ".tuners._random",
    "Regression": ".multi_trial.regression",
    "RegularizedEvolutionTuner": ".tuners._regularized_evolution",
    "ReinforceTuner": ".tuners._reinforce",
    "SPOSEvolutionTuner": ".tuners._spos_evolution",
    "SearchSpace": ".contract.search_space",
    "SearchSpaceExhausted": ".contract.errors",
    "Tuner": ".tuners._base",
    "TunerSampler": ".tuners._optuna_sampler",
    "confirm": ".confirmation",
}


__getattr__ = imported_on_use(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
