"""Searches that were really run and recorded, small."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.data import TensorDataset

from search_spaces import darts, enas_micro
from tests.experiment_kit import Project
from trial_api.oneshot import DartsTrainer, EnasTrainer

TRIAL = """
import time
import torch
from torch import nn
from trial_api import (
    InputChoice,
    LayerChoice,
    get_and_apply_next_architecture,
    report_final_result,
    report_intermediate_result,
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(8, 16)
        acts = {"relu": nn.ReLU(), "tanh": nn.Tanh(), "gelu": nn.GELU()}
        self.act = LayerChoice(acts, key="act")
        self.deep = LayerChoice({"linear": nn.Linear(16, 16), "skip": nn.Identity()}, key="deep")
        self.pick = InputChoice(choose_from=["stem", "act", "deep"], n_chosen=2, key="pick")
        self.head = nn.Linear(16, 2)

    def forward(self, x):
        stem = self.stem(x)
        act = self.act(stem)
        deep = self.deep(act)
        return self.head(self.pick([stem, act, deep]))


torch.manual_seed(0)
model = get_and_apply_next_architecture(Net())
x = torch.randn(64, 8)
y = (x[:, 0] * x[:, 1] > 0).long()
optimizer = torch.optim.Adam(model.parameters(), 0.05)
for epoch in range(4):
    print("epoch", epoch, flush=True)
    loss = nn.functional.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    report_intermediate_result((model(x).argmax(1) == y).float().mean().item())
size = sum(p.numel() for p in model.parameters())
report_final_result({"default": (model(x).argmax(1) == y).float().mean().item(), "size": size})
"""


def images(count: int, seed: int) -> TensorDataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 1, 8, 8, generator=generator)
    return TensorDataset(x, (x.mean((1, 2, 3)) > 0).long())


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) == target).float().mean()


def record_darts(folder: Path) -> Path:
    """Two epochs of DARTS on three cells."""
    torch.manual_seed(0)
    model = darts(4, 3, in_channels=1, classes=2)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    trainer = DartsTrainer(
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        2,
        images(48, 0),
        batch_size=8,
        arc_learning_rate=0.1,
        seed=0,
        progress=False,
    )
    trainer.enable_visualization(folder)
    trainer.train()
    trainer.export(folder / "best.json")
    return folder


def record_enas(folder: Path) -> Path:
    """Two epochs of ENAS on cells."""
    torch.manual_seed(0)
    model = enas_micro(4, cells=3, nodes=3, in_channels=1, classes=2)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    trainer = EnasTrainer(
        model,
        F.cross_entropy,
        accuracy,
        accuracy,
        optimizer,
        2,
        images(64, 0),
        child_steps=8,
        mutator_steps=2,
        mutator_steps_aggregate=2,
        final_samples=2,
        final_batches=1,
        bn_batches=1,
        batch_size=8,
        seed=0,
        progress=False,
    )
    trainer.enable_visualization(folder)
    trainer.train()
    return folder


def run_experiment(folder: Path) -> Path:
    """A search of some trials of a script."""
    folder.mkdir(parents=True)
    project = make_project(folder)
    done = project.run()
    assert done.returncode == 0, done.stderr
    return project.experiment


def make_project(folder: Path, **config: object) -> Project:
    project = Project(folder)
    settings = {"max_trials": 8, "concurrency": 2, "search_space": None, "warm": True, **config}
    project.write("", **settings)
    (folder / "trial.py").write_text(TRIAL)
    return project


MAKERS = {"darts": record_darts, "enas": record_enas, "experiment": run_experiment}

if __name__ == "__main__":
    kind, target = sys.argv[1:]
    MAKERS[kind](Path(target))
