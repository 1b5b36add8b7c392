"""The evaluator of models that give numbers."""

from __future__ import annotations

from typing import Any, final

from torch import nn

from ._scores import NUMBERS
from ._supervised import check, evaluate
from .evaluator import Evaluator, ModelClass, Result


@final
class Regression(Evaluator):
    """Trains a model to give numbers, in plain torch.

    As :class:`~nas_tuners.multi_trial.Classification`, with other metrics: ``mse``, ``rmse``,
    ``mae``, ``r2`` and ``loss`` over all validation data. An experiment minimizes them, but for
    ``r2``, without being told. Targets ``(n)`` fit outputs ``(n, 1)``.

    Of several outputs ``r2`` is 1 - (sum of all squared errors) / (sum of the targets' squared
    deviations from their means), the means being each output's own.

    Args:
        train_data: As for ``Classification``.
        valid_data: The same, for judging.
        criterion: The loss, or its class.
        metric: What the search is about.
        training: How to train; see :class:`~nas_tuners.multi_trial.Training`.

    Raises:
        ConfigError: with everything that is wrong with the arguments.

    Example::

        Regression((x, y), (other_x, other_y), metric="r2", max_epochs=50)
    """

    def __init__(
        self,
        train_data: Any,
        valid_data: Any,
        *,
        criterion: Any = nn.MSELoss,
        metric: str = "mse",
        **training: Any,
    ) -> None:
        task = {
            "train_data": train_data,
            "valid_data": valid_data,
            "criterion": criterion,
            "metric": metric,
        }
        check(self.name, NUMBERS, task, training)
        super().__init__(**task, **training)

    @property
    def optimize_mode(self) -> str:
        return NUMBERS.directions[self.arguments["metric"]]

    def evaluate(self, model_cls: ModelClass, *args: Any, **arguments: Any) -> Result:
        return evaluate(self.name, NUMBERS, model_cls, arguments)
