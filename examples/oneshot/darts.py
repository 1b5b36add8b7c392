"""DARTS on small images: search in a supernet, export, and inherit the weights.

::

    python examples/oneshot/darts.py                 # about a minute on one core
    python examples/oneshot/darts.py --unrolled      # the second order
    python examples/oneshot/darts.py --visualize     # for `nas-tuners view --logdir logs/...`
    python examples/oneshot/retrain.py best.json     # train what was found

The published search is ``darts(channels=16, cells=8)`` on CIFAR-10 for 50 epochs.
"""

from __future__ import annotations

import argparse
import logging

import data as images
import torch
from torch import Tensor, nn

from search_spaces import darts
from trial_api import apply_fixed_architecture, load_supernet_state_dict
from trial_api.oneshot import DartsTrainer, LRSchedulerCallback


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    train, valid = images.load(options.dataset, options.data, limit=options.limit)
    channels = train.tensors[0].shape[1]
    model = darts(options.channels, options.cells, in_channels=channels)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    trainer = DartsTrainer(
        model,
        nn.CrossEntropyLoss(),
        accuracy,
        optimizer,
        options.epochs,
        train,
        valid,
        arc_learning_rate=3e-3,
        unrolled=options.unrolled,
        batch_size=64,
        callbacks=[LRSchedulerCallback(schedule)],
        seed=options.seed,
    )
    if options.visualize:
        trainer.enable_visualization()
        print(f"recorded in {trainer.visualization_folder}")
    trainer.train()
    trainer.export(options.export)
    print(f"the architecture is in {options.export}")

    network = darts(options.channels, options.cells, in_channels=channels)
    apply_fixed_architecture(network, options.export)
    load_supernet_state_dict(network, model.state_dict())
    weights = sum(parameter.numel() for parameter in network.parameters())
    print(f"with the supernet's weights: {trainer.validate()}; {weights:,} weights")
    print("no candidate was trained to stand alone: retrain.py trains it from scratch")


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", default="digits", choices=["digits", "mnist", "cifar10"])
    parser.add_argument("--data", help="the folder of mnist or cifar10")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--cells", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--unrolled", action="store_true", help="the second order")
    parser.add_argument("--visualize", action="store_true", help="record the search in logs/")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(parser.parse_args())
