"""ProxylessNAS on small images: accurate and fast on this very machine.

::

    python examples/oneshot/proxyless.py                   # about a minute on one core
    python examples/oneshot/proxyless.py --strength 0      # accuracy alone
    python examples/oneshot/proxyless.py --mode two_path

The latency of every candidate is measured first. The published search is ``proxyless_nas()`` on
ImageNet for 160 epochs, 40 of them a warm-up.
"""

from __future__ import annotations

import argparse
import logging

import data as images
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from search_spaces import proxyless_nas
from trial_api import apply_fixed_architecture, load_supernet_state_dict, search_space
from trial_api.oneshot import (
    LRSchedulerCallback,
    ProxylessTrainer,
    architecture_cost,
    candidate_costs,
    fixed_cost,
)

STAGES = [(8, 2, 1), (16, 2, 2)]


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    train, valid = images.load(options.dataset, options.data, limit=options.limit)
    model = network(train.tensors[0].shape[1])
    batch = train.tensors[0][:64]
    cost = candidate_costs(model, batch, measure="latency")
    rest = fixed_cost(model, batch, measure="latency")
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=4e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    trainer = ProxylessTrainer(
        model,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        accuracy,
        optimizer,
        options.epochs,
        train,
        valid,
        warmup_epochs=options.epochs // 3,
        arc_learning_rate=0.02,
        arc_every=1,
        arc_mode=options.mode,
        cost=cost,
        fixed_cost=rest,
        cost_form="add#linear",
        cost_strength=options.strength,
        batch_size=32,
        callbacks=[LRSchedulerCallback(schedule)],
        seed=options.seed,
    )
    trainer.train()
    best = trainer.export(options.export)
    print(f"the architecture is in {options.export}: {best}")

    slowest = {key: row.index(max(row)) for key, row in cost.items()}
    for name, architecture in (("found", best), ("the slowest", slowest)):
        plain = apply_fixed_architecture(network(batch.shape[1]), architecture)
        load_supernet_state_dict(plain, model.state_dict())
        fine_tune(plain, train)
        right = accuracy(plain(valid.tensors[0]), valid.tensors[1])["accuracy"]
        latency = architecture_cost(cost, search_space(model), architecture, fixed=rest)
        print(f"{name}: accuracy {right:.3f}, {latency:.2f} ms for a batch of 64")


def fine_tune(network: nn.Module, dataset: TensorDataset) -> None:
    """A few passes from the weights of the supernet, which it shared with other networks."""
    optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9, weight_decay=4e-5)
    loader = DataLoader(dataset, batch_size=64, shuffle=True, drop_last=True)
    network.train()
    for _ in range(3):
        for x, y in loader:
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    network.eval()


def network(channels: int) -> nn.Module:
    return proxyless_nas(
        channels, 10, stages=STAGES, stem_channels=8, stem_stride=1, first_channels=8,
        last_channels=64,
    )  # fmt: skip


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits", choices=["digits", "mnist", "cifar10"])
    parser.add_argument("--data", help="the folder of mnist or cifar10")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--mode", default="full", choices=["full", "two_path"])
    parser.add_argument("--strength", type=float, default=0.2, help="how much latency counts")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(parser.parse_args())
