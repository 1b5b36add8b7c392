"""A search in one of several processes: ``distributed_worker FOLDER TRAINER [fail]``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch.utils.data import TensorDataset

from nas_tuners.contract.errors import TrainingError
from trial_api.oneshot import BaseTrainer, Callback, DartsTrainer, ModelCheckpoint
from trial_api.oneshot import _distributed as distributed
from trial_api.oneshot._data import Stream, training_loader
from trial_api.oneshot._options import Settings
from trial_api.testing._planted import PlantedData, PlantedNet, accuracy


class Die(Callback):
    """Ends one process without a word."""

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        if (epoch, batch) == (1, 1) and dist.get_rank() == 1:
            os._exit(9)


def make(name: str, **options: Any) -> BaseTrainer:
    model = PlantedNet()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    kinds: dict[str, Any] = {"darts": DartsTrainer}
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


def main(folder: str, name: str, failing: bool) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(int(os.environ["RANK"]))  # the trainer makes all start from the first's
    callbacks: list[Callback] = [ModelCheckpoint(folder), *([Die()] if failing else [])]
    trainer = make(name, callbacks=callbacks)
    trainer.train()
    rank = dist.get_rank()
    state = {"model": trainer.model.state_dict(), "mutator": trainer.mutator.state_dict()}
    result = {"state": state, "validate": trainer.validate(), "export": trainer.export()}
    torch.save(result, Path(folder) / f"rank{rank}.pt")
    trainer.export(Path(folder) / f"export_{rank}.json")
    dist.barrier()


def check_shares(folder: str) -> None:
    """Each process sees its own samples, and the average gradient is that of all of them."""
    dist.init_process_group("gloo")
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
    torch.save({"indices": indices}, Path(folder) / f"rank{rank}.pt")
    distributed.check_alike([1.0], "numbers")
    with pytest.raises(TrainingError, match=r"disagree on their ranks: \[0, 1\]"):
        distributed.check_alike(rank, "their ranks")
    dist.barrier()


if __name__ == "__main__":
    if sys.argv[2] == "shares":
        check_shares(sys.argv[1])
    else:
        main(sys.argv[1], sys.argv[2], "fail" in sys.argv[3:])
