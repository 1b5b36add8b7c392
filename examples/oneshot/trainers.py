"""The other one-shot trainers, each on the same small network of blocks.

::

    python examples/oneshot/trainers.py gdas       # or fbnet, pdarts, pc_darts, cdarts, ...
    python examples/oneshot/trainers.py --help     # all of them

``darts.py``, ``enas.py``, ``spos.py`` and ``proxyless.py`` show theirs at more length.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import data as images
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nas_tuners import LocalSearchTuner
from search_spaces import darts
from trial_api import LayerChoice, SuperKernelConv2d, apply_fixed_architecture
from trial_api.oneshot import (
    BenderTrainer,
    CdartsTrainer,
    FBNetTrainer,
    GdasTrainer,
    PcDartsTrainer,
    PdartsTrainer,
    SinglePathTrainer,
    SmashTrainer,
    candidate_costs,
    fixed_cost,
)

Data = tuple[TensorDataset, TensorDataset]
WIDTH = 8


class Net(nn.Module):
    """Residual blocks of one layer each, which is to be chosen."""

    def __init__(
        self, blocks: int = 3, *, key: str | None = None, superkernels: bool = False
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, WIDTH, 3, padding=1)
        layer = superkernel if superkernels else layers
        self.blocks = nn.ModuleList(layer(key) for _ in range(blocks))
        self.norms = nn.ModuleList(nn.BatchNorm2d(WIDTH) for _ in range(blocks))
        self.head = nn.Linear(4 * WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block, norm in zip(self.blocks, self.norms, strict=True):
            x = x + F.relu(norm(block(x)))
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


def layers(key: str | None) -> LayerChoice:
    return LayerChoice(
        {
            "conv1x1": nn.Conv2d(WIDTH, WIDTH, 1),
            "conv3x3": nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
            "conv5x5": nn.Conv2d(WIDTH, WIDTH, 5, padding=2),
            "skip_connect": nn.Identity(),
        },
        key=key,
    )


def superkernel(key: str | None) -> LayerChoice:
    return SuperKernelConv2d(WIDTH, WIDTH, kernel_sizes=(3, 5), skippable=True, key=key)


def gdas(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    model = Net()
    return GdasTrainer(model, *learn(model), 15, *data, arc_learning_rate=0.01, **options), model


def fbnet(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    model = Net()
    image = data[0].tensors[0][:1]
    costs = candidate_costs(model, image, measure="flops")
    rest = fixed_cost(model, image, measure="flops")
    trainer = FBNetTrainer(
        model,
        *learn(model),
        15,
        *data,
        cost=costs,
        fixed_cost=rest,
        beta=0.2,
        warmup_epochs=5,
        initial_temperature=1.0,
        **options,
    )
    return trainer, model


def pdarts(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    """Three stages, of two, three and four blocks; one key, as the stages need the same keys."""

    def create(blocks: int) -> Any:
        model = Net(blocks, key="block")
        optimizer = sgd(model)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)
        return model, nn.CrossEntropyLoss(), optimizer, schedule

    trainer = PdartsTrainer(
        create,
        2,
        accuracy,
        5,
        *data,
        pdarts_num_layers=(0, 1, 2),
        pdarts_num_to_drop=(1, 1, 1),
        weights_only_epochs=1,
        arc_learning_rate=0.01,
        **options,
    )
    return trainer, Net(4, key="block")


def pc_darts(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    """Narrow candidates in the supernet, whole ones with the same keys afterwards."""
    model = darts(8, 3, in_channels=1, partial_channels=4)
    trainer = PcDartsTrainer(
        model, *learn(model), 8, *data, weights_only_epochs=3, arc_learning_rate=0.01, **options
    )
    return trainer, darts(8, 3, in_channels=1)


def cdarts(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    small, large = Net(), Net()
    trainer = CdartsTrainer(
        small,
        large,
        F.cross_entropy,
        accuracy,
        sgd(small),
        sgd(large),
        8,
        *data,
        arc_learning_rate=0.01,
        **options,
    )
    return trainer, small


def bender(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    model = Net()
    return BenderTrainer(model, *learn(model), 15, *data, **options), model


def single_path(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    model = Net(superkernels=True)
    costs = candidate_costs(model, data[0].tensors[0][:1], measure="flops")
    trainer = SinglePathTrainer(
        model, *learn(model), 15, *data, cost=costs, fixed_cost=1.0, warmup_epochs=5, **options
    )
    return trainer, model


def smash(data: Data, **options: Any) -> tuple[Any, nn.Module]:
    model = Net()
    return SmashTrainer(model, *learn(model), 15, *data, final_samples=20, **options), model


TRAINERS = {
    f.__name__: f for f in (gdas, fbnet, pdarts, pc_darts, cdarts, bender, single_path, smash)
}


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    data = images.load("digits", limit=options.limit)
    trainer, model = TRAINERS[options.trainer](data, seed=options.seed, batch_size=32)
    trainer.train()
    if hasattr(trainer, "search"):
        trainer.search(LocalSearchTuner(seed=options.seed), options.evaluations)
    print(f"with the supernet's weights: {trainer.validate()}")
    architecture = trainer.export(options.export)
    trainer.mutator.remove()
    network = apply_fixed_architecture(model, architecture)
    weights = sum(parameter.numel() for parameter in network.parameters())
    print(f"the architecture is in {options.export}: {weights:,} weights")


def learn(model: nn.Module) -> tuple[Any, Any, torch.optim.Optimizer]:
    return F.cross_entropy, accuracy, sgd(model)


def sgd(model: nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=3e-4)


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trainer", choices=sorted(TRAINERS))
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--evaluations", type=int, default=20, help="of a search after training")
    parser.add_argument("--export", default="best.json")
    parser.add_argument("--seed", type=int, default=0)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(parser.parse_args())
