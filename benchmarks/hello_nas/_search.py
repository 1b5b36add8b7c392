"""A search among networks of this kind, by a script of its own: ``python _search.py SEED``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from _training import forward, separable, train
from torch import Tensor, nn

from nas_tuners import Experiment, FunctionalEvaluator
from trial_api import LayerChoice, ValueChoice, model_space


@model_space
class Space(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = LayerChoice(
            {"conv": lambda: nn.Conv2d(32, 64, 3), "separable": separable}, key="conv2"
        )
        self.dropout = nn.Dropout(ValueChoice([0.25, 0.5, 0.75], key="dropout"))
        width = ValueChoice([64, 128, 256], key="width")
        self.fc1 = nn.Linear(9216, width)
        self.fc2 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return forward(self, x)


def evaluate(model_cls: Callable[[], nn.Module]) -> float:
    return train(model_cls())


if __name__ == "__main__":
    experiment = Experiment(
        Space,
        FunctionalEvaluator(evaluate),
        "random",
        max_trials=4,
        concurrency=2,
        seed=int(sys.argv[1]),
    )
    experiment.run()
    print(json.dumps(experiment.export_top_models(4)))
