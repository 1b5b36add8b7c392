"""The evaluator of models that tell classes."""

from __future__ import annotations

from typing import Any, final

from torch import nn

from ._scores import CLASSES
from ._supervised import check, evaluate
from .evaluator import Evaluator, ModelClass, Result


@final
class Classification(Evaluator):
    """Trains a model to tell classes, in plain torch.

    After each epoch the trial reports ``accuracy`` and ``loss`` of the validation data, and
    ``train_loss``; its result is that of the last epoch. It keeps the weights, from which
    ``export_top_models(formatter="instance")`` makes the trained model. A trial that is run again,
    after an interruption or with a larger ``budget``, goes on from its checkpoint.

    Each argument but the data, ``criterion`` and ``metric`` may be a choice, such as
    ``learning_rate=loguniform(1e-4, 1e-1)``.

    Args:
        train_data: Arrays or tensors ``(x, y)``, a data set, a loader of batches, or a function
            (or class, or ``functools.partial``) that gives one of these when the trial calls it.
            All but functions are sent to every trial.
        valid_data: The same, for judging.
        criterion: The loss, or its class. Targets are labels, or probabilities of all classes.
            For models with one logit take ``nn.BCEWithLogitsLoss``.
        metric: What the search is about: ``"accuracy"``, or ``"loss"``, which is minimized.
        training: How to train; see :class:`~nas_tuners.multi_trial.Training`.

    Raises:
        ConfigError: with everything that is wrong with the arguments.

    Example::

        def load():
            digits = load_digits()
            return digits.data[:1400], digits.target[:1400]

        Classification(load, load_others, learning_rate=loguniform(1e-4, 1e-1), max_epochs=20)
    """

    def __init__(
        self,
        train_data: Any,
        valid_data: Any,
        *,
        criterion: Any = nn.CrossEntropyLoss,
        metric: str = "accuracy",
        **training: Any,
    ) -> None:
        task = {
            "train_data": train_data,
            "valid_data": valid_data,
            "criterion": criterion,
            "metric": metric,
        }
        check(self.name, CLASSES, task, training)
        super().__init__(**task, **training)

    @property
    def optimize_mode(self) -> str:
        return CLASSES.directions[self.arguments["metric"]]

    def evaluate(self, model_cls: ModelClass, *args: Any, **arguments: Any) -> Result:
        return evaluate(self.name, CLASSES, model_cls, arguments)
