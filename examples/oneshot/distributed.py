"""One search in several processes, as ``torchrun`` starts them.

::

    torchrun --nproc-per-node 2 examples/oneshot/distributed.py      # a quarter of a minute

The script is the same as for one process: the trainer joins the others, gives each its share of
the data, and averages gradients. All processes decide alike; the first one asks the tuner and
writes the result. On GPUs each takes its own and they talk by NCCL, otherwise by gloo.
"""

from __future__ import annotations

import argparse
import os

import data as images
import torch
from torch import Tensor, nn

from nas_tuners import RegularizedEvolutionTuner
from trial_api import LayerChoice
from trial_api.oneshot import SposTrainer


class Net(nn.Module):
    def __init__(self, channels: int = 16, depth: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), nn.BatchNorm2d(channels))
        self.blocks = nn.ModuleList(block(channels) for _ in range(depth))
        self.head = nn.Sequential(nn.BatchNorm1d(channels * 16), nn.Linear(channels * 16, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for choice in self.blocks:
            x = x + choice(x)
        return self.head(nn.functional.avg_pool2d(x, 2).flatten(1))


def block(channels: int) -> LayerChoice:
    kernels = {f"conv{k}x{k}": nn.Conv2d(channels, channels, k, padding=k // 2) for k in (1, 3, 5)}
    convolutions = {
        name: nn.Sequential(nn.ReLU(), kernel, nn.BatchNorm2d(channels))
        for name, kernel in kernels.items()
    }
    return LayerChoice({**convolutions, "pool": nn.AvgPool2d(3, 1, 1)})


def main(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)  # the processes share the cores
    torch.manual_seed(options.seed)
    train, valid = images.load("digits", limit=options.limit)
    model = Net()
    trainer = SposTrainer(
        model,
        nn.CrossEntropyLoss(),
        accuracy,
        torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=4e-5),
        options.epochs,
        train,
        valid,
        batch_size=32,  # of each process
        bn_batches=5,
        seed=options.seed,
    )
    trainer.train()
    trainer.search(RegularizedEvolutionTuner(seed=options.seed), options.evaluations)
    architecture = trainer.export(options.export)  # written once
    quality = trainer.validate()  # over all samples; every process has a part in it
    if int(os.environ.get("RANK", "0")) == 0:
        processes = os.environ.get("WORLD_SIZE", "1")
        print(f"found by {processes} processes: {architecture} {quality}")


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--limit", type=int, default=None, help="use so many images")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
