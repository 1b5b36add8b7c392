"""A model space, a function that trains, a search: all in one file.

A convolutional network for handwritten digits, as in the tutorial of many NAS programs: one of
two convolutions, one of three dropout rates, one of three widths, and the learning rate::

    python examples/hello_nas.py --trials 8 --concurrency 2

It learns from the 8 x 8 digits of scikit-learn.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nas_tuners import Experiment, FunctionalEvaluator
from nas_tuners.multi_trial import loguniform, save_weights
from trial_api import LayerChoice, ValueChoice, model_space, report_intermediate_result


@model_space
class Net(nn.Module):
    """Eighteen networks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = LayerChoice(
            {
                "conv": lambda: nn.Conv2d(16, 32, 3, padding=1),
                "separable": lambda: _separable(16, 32),
            },
            key="conv2",
        )
        self.dropout = nn.Dropout(ValueChoice([0.25, 0.5, 0.75], key="dropout"))
        width = ValueChoice([32, 64, 128], key="width")
        self.fc1 = nn.Linear(512, width)
        self.fc2 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.conv2(nn.functional.relu(self.conv1(x))), 2)
        x = nn.functional.relu(self.fc1(self.dropout(x.flatten(1))))
        return self.fc2(x)


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs)
    return nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1))


def train(
    model_cls: Callable[[], nn.Module], x: Tensor, y: Tensor, lr: float, epochs: int
) -> float:
    """Train the chosen model; its accuracy on images that it has not seen."""
    model = model_cls()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    accuracy = 0.0
    for _ in range(epochs):
        model.train()
        for batch in torch.randperm(1300).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(x[1300:]).argmax(1) == y[1300:]).float().mean().item()
        report_intermediate_result(accuracy)
    save_weights(model)
    return accuracy


def _digits() -> tuple[Tensor, Tensor]:
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    return x, torch.tensor(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    x, y = _digits()  # so few that each trial may be sent them
    lr = loguniform(1e-3, 3e-2)
    experiment = Experiment(
        Net,
        FunctionalEvaluator(train, x=x, y=y, lr=lr, epochs=options.epochs),
        "RegularizedEvolution",
        max_trials=options.trials,
        concurrency=options.concurrency,
    )
    experiment.run()
    [best] = experiment.export_top_models()
    print(f"best: {best}")
    [code] = experiment.export_top_models(formatter="code", inputs=x[:2])
    print(code)


if __name__ == "__main__":
    main()
