"""Experiments in Python: a model space, an evaluator, a tuner.

::

    from nas_tuners import Experiment, FunctionalEvaluator

    experiment = Experiment(Net, FunctionalEvaluator(train), "RegularizedEvolution", max_trials=50)
    experiment.run()
    [model] = experiment.export_top_models(formatter="instance")

Who does what: :mod:`.experiment` is what users hold; :mod:`.evaluator` trains and judges a model,
with hyper-parameters of :mod:`.choices`, and :mod:`.classification`, :mod:`.regression` and
:mod:`.lightning` do what is usual; :mod:`.source` tells how the model space is made anew,
:mod:`.payload` takes that to the trials, of which each runs :mod:`.trial`; :mod:`.config` reads
the keywords, :mod:`.report` tells how it went, :mod:`.top_models` gives what was found, with its
:mod:`.weights`.

The engine is that of ``nas-tuners run``; this package builds on it and on :mod:`trial_api`, and
nobody imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nas_tuners._lazy import imported_on_use

from .choices import choice as choice
from .choices import loguniform as loguniform
from .choices import qloguniform as qloguniform
from .choices import quniform as quniform
from .choices import randint as randint
from .choices import uniform as uniform

if TYPE_CHECKING:
    from ._training import Training
    from .classification import Classification
    from .evaluator import Evaluator, FunctionalEvaluator
    from .experiment import Experiment
    from .lightning import Lightning
    from .regression import Regression
    from .weights import save_weights

__all__ = [
    "Classification",
    "Evaluator",
    "Experiment",
    "FunctionalEvaluator",
    "Lightning",
    "Regression",
    "Training",
    "save_weights",
]
_CHOICES = (choice, loguniform, qloguniform, quniform, randint, uniform)
__all__ += [function.__name__ for function in _CHOICES]

_MODULES = {
    "Classification": ".classification",
    "Evaluator": ".evaluator",
    "Experiment": ".experiment",
    "FunctionalEvaluator": ".evaluator",
    "Lightning": ".lightning",
    "Regression": ".regression",
    "Training": "._training",
    "save_weights": ".weights",
}


__getattr__ = imported_on_use(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
