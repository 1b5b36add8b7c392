"""A search in a process of its own: ``search_worker.py FOLDER [--resume] [--slow]``.

It writes ``latest.pt`` after every batch, and at its end ``final.pt`` and ``best.json``.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import numpy as np
import torch

from tests.trial_api.oneshot.small import data, trainer
from trial_api.oneshot import Callback, ModelCheckpoint


class Slow(Callback):
    """Gives the test time to end this process in the middle of an epoch."""

    def on_batch_begin(self, epoch: int, batch: int) -> None:
        if (epoch, batch) >= (1, 2):
            time.sleep(60)


def main(folder: Path, *, resume: bool, slow: bool) -> None:
    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    callbacks = [ModelCheckpoint(folder, every_batches=1), Slow() if slow else Callback()]
    search = trainer(epochs=3, callbacks=callbacks, dataset_valid=data(16, seed=1))
    if resume:
        search.resume(folder / "latest.pt")
    search.train()
    search.checkpoint(folder / "final.pt")
    search.export(folder / "best.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), resume="--resume" in sys.argv, slow="--slow" in sys.argv)
