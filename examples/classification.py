"""Hello NAS: a model space, trained on digits by the built-in evaluator.

Twelve networks for the digits of scikit-learn; the learning rate is searched with them::

    python examples/classification.py
"""

from __future__ import annotations

import argparse

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nas_tuners import Classification, Experiment
from nas_tuners.multi_trial import loguniform
from trial_api import LayerChoice, Repeat, ValueChoice, model_space


@model_space
class Net(nn.Module):
    """A convolution of some width, one or two more, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        width = ValueChoice([8, 16, 32], key="width")
        self.first = LayerChoice(
            {
                "3x3": lambda: nn.Conv2d(1, width, 3, padding=1),
                "5x5": lambda: nn.Conv2d(1, width, 5, padding=2),
            },
            key="first",
        )
        self.blocks = Repeat(lambda i: block(width), depth=(1, 2), key="depth")
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.blocks(self.first(x)).mean((2, 3)))


def block(width: int) -> nn.Module:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))


def train_data() -> tuple[Tensor, Tensor]:
    return data(slice(0, 1400))


def valid_data() -> tuple[Tensor, Tensor]:
    return data(slice(1400, None))


def data(part: slice) -> tuple[Tensor, Tensor]:
    """Images and labels; each trial loads them itself."""
    digits = load_digits()
    images = torch.tensor(digits.images[part] / 16, dtype=torch.float32)
    return images.unsqueeze(1), torch.tensor(digits.target[part])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()

    evaluator = Classification(
        train_data,
        valid_data,
        learning_rate=loguniform(1e-3, 1e-1),
        max_epochs=options.epochs,
    )
    experiment = Experiment(Net, evaluator, max_trials=options.trials, concurrency=2, seed=0)
    experiment.run()

    [best] = experiment.export_top_models()
    [model] = experiment.export_top_models(formatter="instance")
    images, labels = valid_data()
    with torch.no_grad():
        accuracy = (model.eval()(images).argmax(1) == labels).float().mean().item()
    print(f"{best}: {accuracy:.1%} of the digits are right")


if __name__ == "__main__":
    main()
