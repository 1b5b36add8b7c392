"""ENAS on small images: a controller learns which subnetworks of a supernet are good.

::

    python examples/oneshot/enas.py                   # whole networks; a minute on one core
    python examples/oneshot/enas.py --space micro     # cells
    python examples/oneshot/enas.py --visualize       # for `nas-tuners view --logdir logs/...`

1. An epoch trains the shared weights, a sampled architecture a step; then the controller, by the
   accuracy of what it samples on images held out of training.
2. The best of several sampled architectures is exported.
3. It keeps the supernet's weights, and is trained a little more.

The published searches are ``enas_macro()`` and ``enas_micro(auxiliary=True)`` on CIFAR-10, 310 and
150 epochs.
"""

from __future__ import annotations

import argparse
import logging

import data as images
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from search_spaces import enas_macro, enas_micro
from trial_api import apply_fixed_architecture, load_supernet_state_dict
from trial_api.mutators import ControllerMutator
from trial_api.oneshot import EnasTrainer, LRSchedulerCallback


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    train, valid = images.load(options.dataset, options.data, limit=options.limit)
    trainer = make_trainer(train, valid, options)
    if options.visualize:
        trainer.enable_visualization()
        print(f"recorded in {trainer.visualization_folder}")
    trainer.train()
    trainer.export(options.export)
    print(f"the architecture is in {options.export}")
    print(f"with the supernet's weights: {trainer.validate()['accuracy']:.4f}")

    network = apply_fixed_architecture(make_model(train, options), options.export)
    load_supernet_state_dict(network, trainer.model.state_dict())
    network.to(trainer.device)
    retrain(network, train, options.retrain)
    print(f"after {options.retrain} epochs of its own: {validate(network, valid):.4f}")


def make_trainer(
    train: TensorDataset, valid: TensorDataset, options: argparse.Namespace
) -> EnasTrainer:
    model = make_model(train, options)
    cells = options.space == "micro"
    controller = ControllerMutator(
        model,
        tanh_constant=1.1 if cells else 1.5,
        op_tanh_reduce=2.5 if cells else 1.0,
        cell_exit_extra_step=cells,
        seed=options.seed,
    )
    optimizer = torch.optim.SGD(
        model.parameters(), 0.05, momentum=0.9, nesterov=True, weight_decay=2.5e-4
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs, 5e-4)
    return EnasTrainer(
        model,
        nn.CrossEntropyLoss(),
        accuracy,
        top1,
        optimizer,
        options.epochs,
        train,
        valid,
        mutator=controller,
        child_steps=None,
        mutator_lr=1e-2,
        mutator_steps=options.mutator_steps,
        mutator_steps_aggregate=10,
        reward_batch_norm="train" if cells else "eval",
        callbacks=[LRSchedulerCallback(schedule)],
        final_batches=5,
        bn_batches=5,
        batch_size=32,
        search_fraction=0.2,
        seed=options.seed,
    )


def make_model(train: TensorDataset, options: argparse.Namespace) -> nn.Module:
    inputs = train.tensors[0].shape[1]
    if options.space == "macro":
        return enas_macro(options.channels, layers=4, in_channels=inputs)
    return enas_micro(options.channels, cells=3, nodes=3, in_channels=inputs, auxiliary=True)


def retrain(network: nn.Module, train: TensorDataset, epochs: int) -> None:
    device = next(network.parameters()).device
    optimizer = torch.optim.SGD(network.parameters(), 0.02, momentum=0.9, weight_decay=2.5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, epochs))
    network.train()
    for _ in range(epochs):
        for x, y in DataLoader(train, 64, shuffle=True, drop_last=True):
            output = network(x.to(device))
            logits = output[0] if isinstance(output, tuple) else output
            loss = F.cross_entropy(logits, y.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        schedule.step()


@torch.no_grad()
def validate(network: nn.Module, valid: TensorDataset) -> float:
    device = next(network.parameters()).device
    network.eval()
    right = 0.0
    for x, y in DataLoader(valid, 256):
        right += (network(x.to(device)).argmax(1).cpu() == y).sum().item()
    return right / len(valid)


def top1(output: Tensor, target: Tensor) -> Tensor:
    return (output.argmax(1) == target).float().mean()


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": top1(output, target)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="macro", choices=["macro", "micro"])
    parser.add_argument("--dataset", default="digits", choices=["digits", "mnist", "cifar10"])
    parser.add_argument("--data", help="the folder of mnist or cifar10")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--mutator-steps", type=int, default=8)
    parser.add_argument("--retrain", type=int, default=3, help="epochs")
    parser.add_argument("--visualize", action="store_true", help="record the search in logs/")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(parser.parse_args())
