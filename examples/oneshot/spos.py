"""Single Path One-Shot on small images: train a supernet, then let evolution search in it.

::

    python examples/oneshot/spos.py        # about a minute on one core

1. Every step trains one random path of a small ShuffleNet.
2. A tuner proposes architectures, at most of a given size; each is judged by the weights that it
   inherits, on images held out of training. Any tuner of ``nas_tuners`` will do.
3. The best one is exported, keeps the supernet's weights, and is trained a little more.

The published search is ``shufflenet()`` on ImageNet, 120 epochs, then 1,000 evaluations.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from typing import Any

import data as images
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nas_tuners import SPOSEvolutionTuner
from search_spaces import shufflenet
from trial_api import apply_fixed_architecture, load_supernet_state_dict, search_space
from trial_api.oneshot import (
    LRSchedulerCallback,
    SposTrainer,
    architecture_cost,
    candidate_costs,
)

STAGES = [(16, 2, 1), (32, 3, 2)]  # channels, blocks, stride: 5 choices among 4 blocks each


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    train, valid = images.load(options.dataset, options.data, limit=options.limit)
    trainer = make_trainer(train, valid, options)
    trainer.train()
    search(trainer, train, options)
    trainer.export(options.export)
    print(f"the architecture is in {options.export}")
    print(f"with the supernet's weights: {trainer.validate()['accuracy']:.4f}")

    network = apply_fixed_architecture(make_model(train), options.export).to(trainer.device)
    load_supernet_state_dict(network, trainer.model.state_dict())
    retrain(network, train, options.retrain)
    print(f"after {options.retrain} epochs of its own: {validate(network, valid):.4f}")


def make_trainer(
    train: TensorDataset, valid: TensorDataset, options: argparse.Namespace
) -> SposTrainer:
    model = make_model(train)
    optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9, weight_decay=4e-5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, options.epochs)
    return SposTrainer(
        model,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        accuracy,
        optimizer,
        options.epochs,
        train,
        valid,
        callbacks=[LRSchedulerCallback(schedule)],
        search_fraction=0.2,
        batch_size=64,
        seed=options.seed,
    )


def search(trainer: SposTrainer, train: TensorDataset, options: argparse.Namespace) -> None:
    """Evolution among the architectures whose blocks have at most so many weights."""
    model = make_model(train)
    costs = candidate_costs(model, train.tensors[0][:1], measure="parameters")
    space = search_space(model)

    def is_small(parameters: Mapping[str, Any]) -> bool:
        return architecture_cost(costs, space, parameters) <= options.weights

    tuner = SPOSEvolutionTuner(population_size=10, top_k=5, constraint=is_small, seed=options.seed)
    trainer.search(tuner, options.evaluations)


def make_model(train: TensorDataset) -> nn.Sequential:
    channels = train.tensors[0].shape[1]
    return shufflenet(channels, 10, stages=STAGES, stem_stride=1, last_channels=64)


def retrain(network: nn.Module, train: TensorDataset, epochs: int) -> None:
    device = next(network.parameters()).device
    optimizer = torch.optim.SGD(network.parameters(), 0.05, momentum=0.9, weight_decay=4e-5)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, max(1, epochs))
    network.train()
    for _ in range(epochs):
        for x, y in DataLoader(train, 64, shuffle=True, drop_last=True):
            loss = F.cross_entropy(network(x.to(device)), y.to(device), label_smoothing=0.1)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        schedule.step()


@torch.no_grad()
def validate(network: nn.Module, valid: TensorDataset) -> float:
    device = next(network.parameters()).device
    network.eval()
    x, y = valid.tensors
    right = [
        (network(part.to(device)).argmax(1).cpu() == labels).sum().item()
        for part, labels in zip(x.split(256), y.split(256), strict=True)
    ]
    return sum(right) / len(y)


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits", choices=["digits", "mnist", "cifar10"])
    parser.add_argument("--data", help="the folder of mnist or cifar10")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--evaluations", type=int, default=50)
    parser.add_argument("--weights", type=int, default=5_000, help="the most that blocks may have")
    parser.add_argument("--retrain", type=int, default=5, help="epochs")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(parser.parse_args())
