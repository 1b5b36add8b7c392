"""Train one architecture of a small image classifier. The same script runs three ways.

Alone, for debugging, with the first candidates::

    python examples/classic_nas/trial.py

As the trials of an experiment::

    nas-tuners run examples/classic_nas/config.yml

Inside an ordinary Optuna study, in this process::

    python examples/classic_nas/trial.py --optuna-trials 6
"""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

import data as images
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api import (
    InputChoice,
    LayerChoice,
    get_and_apply_next_architecture,
    report_final_result,
    report_intermediate_result,
)

if TYPE_CHECKING:
    import optuna


class Net(nn.Module):
    """Two convolutions to be chosen, and where the shortcut around the second one starts."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 1)
        self.first_conv = LayerChoice(
            {
                "conv3x3": nn.Conv2d(channels, channels, 3, padding=1),
                "conv5x5": nn.Conv2d(channels, channels, 5, padding=2),
                "depthwise": nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
            },
            key="first_conv",
        )
        self.mid_conv = LayerChoice(
            {
                "conv1x1": nn.Conv2d(channels, channels, 1),
                "conv3x3": nn.Conv2d(channels, channels, 3, padding=1),
                "dilated3x3": nn.Conv2d(channels, channels, 3, padding=2, dilation=2),
                "pool": nn.AvgPool2d(3, stride=1, padding=1),
            },
            key="mid_conv",
        )
        self.skip = InputChoice(choose_from=["stem", "first_conv"], n_chosen=1, key="skip")
        self.head = nn.Linear(4 * channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        first = F.relu(self.first_conv(stem))
        x = F.relu(self.mid_conv(first)) + self.skip([stem, first])
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


def evaluate(options: argparse.Namespace, trial: optuna.Trial | None = None) -> float:
    """Train the next architecture; the validation accuracy after each epoch is reported."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    data = images.load(options.data, limit=options.limit)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = get_and_apply_next_architecture(Net(), trial=trial).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    accuracy = 0.0
    for epoch in range(options.epochs):
        train_epoch(model, optimizer, data, device)
        accuracy = validate(model, data, device)
        report_epoch(accuracy, epoch, trial)
    if trial is None:
        report_final_result(accuracy)
    return accuracy


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, data: images.Data, device: str
) -> None:
    model.train()
    for batch in torch.randperm(len(data.train_images)).split(32):
        loss = F.cross_entropy(
            model(data.train_images[batch].to(device)), data.train_labels[batch].to(device)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def validate(model: nn.Module, data: images.Data, device: str) -> float:
    model.eval()
    right = 0
    for x, y in zip(data.valid_images.split(512), data.valid_labels.split(512), strict=True):
        right += int((model(x.to(device)).argmax(1).cpu() == y).sum())
    return right / len(data.valid_labels)


def report_epoch(accuracy: float, epoch: int, trial: optuna.Trial | None) -> None:
    if trial is None:
        report_intermediate_result(accuracy)
        return
    trial.report(accuracy, epoch)
    if trial.should_prune():
        import optuna

        raise optuna.TrialPruned


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a folder with MNIST; scikit-learn's digits without it")
    parser.add_argument("--limit", type=int, help="use only so many images")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--optuna-trials", type=int, metavar="N", help="search in a study here")
    return parser.parse_args()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    options = parse_options()
    if not options.optuna_trials:
        evaluate(options)
        return
    import optuna

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=options.seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(lambda trial: evaluate(options, trial), n_trials=options.optuna_trials)
    print(f"best: {study.best_value:.4f} with {study.best_trial.user_attrs['architecture']}")


if __name__ == "__main__":
    main()
