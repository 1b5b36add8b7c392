"""A tuner plugged into an Optuna study, in one file.

The tuner proposes the architecture; the learning rate is drawn at random::

    python examples/optuna_study.py
"""

from __future__ import annotations

import optuna
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nas_tuners import RegularizedEvolutionTuner, TunerSampler
from trial_api import InputChoice, LayerChoice, get_and_apply_next_architecture, search_space


class Net(nn.Module):
    """A residual perceptron for the 8x8 digits."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(64, 32)
        self.middle = LayerChoice(
            {"linear": nn.Linear(32, 32), "narrow": _narrow(32, 8), "nothing": nn.Identity()}
        )
        self.activation = LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh(), "gelu": nn.GELU()})
        self.shortcut = InputChoice(choose_from=["first", "middle"], n_chosen=None)
        self.last = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        middle = self.activation(self.middle(first))
        shortcut = self.shortcut([first, middle])
        return self.last(middle if shortcut is None else middle + shortcut)


def _narrow(width: int, inside: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inside), nn.ReLU(), nn.Linear(inside, width))


digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
train, valid = slice(0, 1400), slice(1400, None)


def objective(trial: optuna.Trial) -> float:
    torch.manual_seed(0)
    model = get_and_apply_next_architecture(Net(), trial=trial)
    learning_rate = trial.suggest_float("lr", 1e-3, 1e-1, log=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    for epoch in range(20):
        for batch in torch.randperm(1400).split(100):
            loss = nn.functional.cross_entropy(model(x[train][batch]), y[train][batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(x[valid]).argmax(1) == y[valid]).float().mean().item()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return accuracy


if __name__ == "__main__":
    torch.set_num_threads(1)
    tuner = RegularizedEvolutionTuner(population_size=8, sample_size=4, seed=0)
    study = optuna.create_study(
        direction="maximize",
        sampler=TunerSampler(tuner, search_space(Net())),
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=5),
    )
    study.optimize(objective, n_trials=24)
    print(f"best accuracy {study.best_value:.4f}")
    print(f"architecture  {study.best_trial.user_attrs['architecture']}")
    print(f"learning rate {study.best_params['lr']:.4f}")
