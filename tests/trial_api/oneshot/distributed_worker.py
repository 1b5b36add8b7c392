"""One of several processes that search together: ``distributed_worker FOLDER TASK...``.

A task is the name of a trainer, whose search leaves its files in a folder of that name; ``die``, a
search in which the second process dies; or a check of a part, ``shares`` or ``unrolled``.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import TensorDataset

from nas_tuners import RandomTuner
from nas_tuners.contract.errors import TrainingError
from trial_api import SuperKernelConv2d
from trial_api.mutators import SoftmaxMutator
from trial_api.oneshot import (
    BaseTrainer,
    BenderTrainer,
    Callback,
    CdartsTrainer,
    DartsTrainer,
    EnasTrainer,
    FBNetTrainer,
    GdasTrainer,
    ModelCheckpoint,
    PcDartsTrainer,
    PdartsTrainer,
    ProxylessTrainer,
    SinglePathTrainer,
    SmashTrainer,
    SposTrainer,
)
from trial_api.oneshot import _distributed as distributed
from trial_api.oneshot._data import Stream, training_loader
from trial_api.oneshot._options import Settings
from trial_api.oneshot._unrolled import Virtual, exact_product, finite_difference_product
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


class Die(Callback):
    """Ends one process without a word."""

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        if (epoch, batch) == (1, 1) and dist.get_rank() == 1:
            os._exit(9)


def make(name: str, **options: Any) -> BaseTrainer:
    model = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    kinds: dict[str, Any] = {
        "bender": BenderTrainer,
        "cdarts": make_cdarts,
        "darts": DartsTrainer,
        "enas": make_enas,
        "fbnet": partial(FBNetTrainer, warmup_epochs=1),
        "gdas": GdasTrainer,
        "pc_darts": partial(PcDartsTrainer, weights_only_epochs=1),
        "pdarts": make_pdarts,
        "proxyless": partial(ProxylessTrainer, arc_every=2),
        "single_path": make_single_path,
        "smash": SmashTrainer,
        "spos": SposTrainer,
    }
    return kinds[name](  # type: ignore[no-any-return]
        model,
        F.cross_entropy,
        accuracy,
        optimizer,
        num_epochs=3,
        dataset_train=PlantedData(128),
        dataset_valid=PlantedData(30, seed=1),
        batch_size=8,
        progress=False,
        **options,
    )


def make_cdarts(
    model: Any, loss: Any, metrics: Any, optimizer: Any, **options: Any
) -> CdartsTrainer:
    large = PlantedNet()
    optimizer_large = torch.optim.SGD(large.parameters(), 0.1, momentum=0.9)
    return CdartsTrainer(model, large, loss, metrics, optimizer, optimizer_large, **options)


def make_enas(model: Any, loss: Any, metrics: Any, optimizer: Any, **options: Any) -> EnasTrainer:
    def reward(output: Any, target: Any) -> Any:
        return accuracy(output, target)["accuracy"]

    few: dict[str, Any] = {
        "child_steps": 6,
        "mutator_steps": 3,
        "mutator_steps_aggregate": 4,
        "bn_batches": 2,
    }
    return EnasTrainer(model, loss, metrics, reward, optimizer, **few, **options)


def make_pdarts(
    _model: Any, loss: Any, metrics: Any, _optimizer: Any, *, num_epochs: int, **options: Any
) -> PdartsTrainer:
    """Three stages of an epoch each."""

    def create(_layers: int) -> tuple[Any, ...]:
        model = PlantedNet()
        return model, loss, torch.optim.SGD(model.parameters(), 0.1), None

    return PdartsTrainer(
        create, 1, metrics, 1, pdarts_num_to_drop=(1, 0, 1), weights_only_epochs=0, **options
    )


def make_single_path(
    _model: Any, loss: Any, metrics: Any, _optimizer: Any, **options: Any
) -> SinglePathTrainer:
    kernel = SuperKernelConv2d(12, 2, key="kernel")
    model = nn.Sequential(kernel, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return SinglePathTrainer(model, loss, metrics, optimizer, cost={"kernel": [1, 2]}, **options)


def search(name: str, folder: Path, *callbacks: Callback) -> None:
    torch.manual_seed(int(os.environ["RANK"]))  # the trainer makes all start from the first's
    trainer = make(name, callbacks=[ModelCheckpoint(folder), *callbacks])
    trainer.train()
    if isinstance(trainer, SposTrainer):
        trainer.search(RandomTuner(), 4)  # unseeded: the first process's proposals are for all
    rank = dist.get_rank()
    state = {"model": trainer.model.state_dict(), "mutator": trainer.mutator.state_dict()}
    result = {"state": state, "validate": trainer.validate(), "export": trainer.export()}
    torch.save(result, folder / f"rank{rank}.pt")
    trainer.export(folder / f"export_{rank}.json")


def check_shares(folder: Path) -> None:
    """Each process sees its own samples, and the average gradient is that of all of them."""
    rank = dist.get_rank()
    data = TensorDataset(torch.arange(40.0)[:, None])
    stream = Stream("train", training_loader(data, Settings(batch_size=10), pin=False), seed=3)
    seen = [stream.next()[0] for _ in range(len(stream))]
    weight = torch.ones(1, requires_grad=True)
    idle = torch.ones(1, requires_grad=True)
    for batch in seen:
        (weight * batch).mean().backward()
    distributed.average_gradients([weight, idle])
    assert idle.grad is None
    assert weight.grad == 2 * torch.arange(40.0).mean()
    indices = torch.cat(seen).flatten().int().tolist()
    torch.save({"indices": indices}, folder / f"rank{rank}.pt")
    distributed.check_alike([1.0], "numbers")
    with pytest.raises(TrainingError, match=r"disagree on their ranks: \[0, 1\]"):
        distributed.check_alike(rank, "their ranks")


def check_unrolled() -> None:
    """The second-order gradient of DARTS is that of the whole batches."""
    torch.manual_seed(0)
    model = PlantedNet().double()
    del model.left["other_sample"]  # which mixes the samples of a batch
    mutator = SoftmaxMutator(model, seed=0).double()
    optimizer = torch.optim.SGD(model.parameters(), 1.0, momentum=0.9)
    train, search = PlantedData(8), PlantedData(8, seed=1)

    def loss(data: PlantedData, share: slice) -> torch.Tensor:
        mutator.reset()
        return F.cross_entropy(model(data.images[share].double()), data.labels[share])

    def gradient(share: slice, product: Any) -> list[torch.Tensor]:
        found = Virtual(model, optimizer).architecture_gradient(
            list(mutator.parameters()),
            train_loss=lambda: loss(train, share),
            search_loss=lambda: loss(search, share),
            product=product,
        )
        distributed.average(found)
        return found

    rank = dist.get_rank()
    mine = slice(4 * rank, 4 * rank + 4)
    for product, tolerance in ((exact_product, 1e-9), (finite_difference_product, 1e-3)):
        for a, b in zip(gradient(mine, product), gradient(slice(None), product), strict=True):
            torch.testing.assert_close(a, b, rtol=tolerance, atol=1e-9)


def main(folder: Path, *tasks: str) -> None:
    torch.set_num_threads(1)
    for task in tasks:
        (folder / task).mkdir(exist_ok=True)
        match task:
            case "shares":
                check_shares(folder / task)
            case "unrolled":
                check_unrolled()
            case "die":
                search("darts", folder / task, Die())
            case _:
                search(task, folder / task)
    dist.barrier()  # a process whose peer has left already may abort


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
