"""A mutator, a loop and a trainer of one's own.

``RandomMutator`` is a user's mutator, written as NNI's guide to custom algorithms has it.
``train_by_hand`` is the loop of that guide: the mutator decides, then the model is an ordinary
model. ``FairTrainer`` is an algorithm in the frame that this package's own trainers use, which
adds epochs, logs, callbacks, checkpoints and mixed precision::

    python examples/oneshot/custom_trainer.py                 # half a minute on one core
    python examples/oneshot/custom_trainer.py --visualize     # for `nas-tuners view`

With ``--visualize`` both are recorded, the loop in ``logs/by-hand``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import data as images
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.mutators import Mutator
from trial_api.oneshot import BaseTrainer, Phase


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.first = LayerChoice({"conv": nn.Conv2d(16, 16, 3, padding=1), "none": nn.Identity()})
        self.second = LayerChoice({"conv": nn.Conv2d(16, 16, 1), "pool": nn.AvgPool2d(3, 1, 1)})
        self.skip = InputChoice(n_candidates=2, n_chosen=None, key="skip")
        self.head = nn.Linear(16 * 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        stem = torch.relu(self.stem(x))
        first = torch.relu(self.first(stem))
        second = torch.relu(self.second(first))
        skip = self.skip([stem, first])
        return self.head((second if skip is None else second + skip).flatten(1))


# ---- a mutator ----------------------------------------------------------------------------------


class RandomMutator(Mutator):
    def __init__(self, model):
        super().__init__(model)  # don't forget to call super
        # do something else

    def sample_search(self):
        result = dict()  # noqa: C408
        for mutable in self.mutables:  # this is all the mutable modules in user model
            # mutables share the same key will be de-duplicated
            if isinstance(mutable, LayerChoice):
                # decided that this mutable should choose `gen_index`
                gen_index = np.random.randint(mutable.length)
                result[mutable.key] = torch.tensor(
                    [i == gen_index for i in range(mutable.length)], dtype=torch.bool
                )
            elif isinstance(mutable, InputChoice):  # noqa: SIM102
                if mutable.n_chosen is None:  # n_chosen is None, then choose any number
                    result[mutable.key] = (
                        torch.randint(high=2, size=(mutable.n_candidates,)).view(-1).bool()
                    )
                # else do something else
        return result

    def sample_final(self):
        return self.sample_search()  # use the same logic here. you can do something different


# ---- a loop -------------------------------------------------------------------------------------


def train_by_hand(
    model: nn.Module, loader: DataLoader, epochs: int, logdir: Path | None = None
) -> dict[str, Any]:
    """The loop of the guide; returns a random architecture, as this mutator's export is."""
    mutator = RandomMutator(model)
    if logdir is not None:
        logdir.mkdir(parents=True, exist_ok=True)
        with (logdir / "graph.json").open("w") as f:
            json.dump(mutator.graph(torch.randn(2, 1, 8, 8)), f)
        (logdir / "log").write_text("")
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    for _ in range(epochs):
        for x, y in loader:
            mutator.reset()  # decides all choices of the model
            out = model(x)  # like any model
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        if logdir is not None:  # as often as you like
            with (logdir / "log").open("a") as f:
                print(json.dumps(mutator.status()), file=f, flush=True)
    return mutator.export()


# ---- a trainer ----------------------------------------------------------------------------------


class BestOfRandom(RandomMutator):
    """Remembers the best architecture that it is told of; checkpoints keep it."""

    def __init__(self, model):
        super().__init__(model)
        self.best = None
        self.loss = float("inf")

    def tell(self, mask: dict[str, Tensor], loss: float) -> None:
        if loss < self.loss:
            self.best, self.loss = mask, loss

    def sample_final(self):
        return self.sample_search() if self.best is None else self.best

    def get_extra_state(self):
        return {"best": self.best, "loss": self.loss}

    def set_extra_state(self, state):
        self.best, self.loss = state["best"], state["loss"]


class FairTrainer(BaseTrainer):
    """Each step runs every candidate of every layer choice equally often.

    Chu, Zhang, Xu: FairNAS: Rethinking Evaluation Fairness of Weight Sharing Neural Architecture
    Search, ICCV 2021 (https://arxiv.org/abs/1907.01845): several paths that share no candidate
    are run on a batch, and their gradients make one step. At the end random architectures are
    compared on samples that were held out of ``dataset_train``.
    """

    def __init__(self, model, *arguments, samples: int = 20, **options):
        super().__init__(
            model, *arguments, mutator=BestOfRandom(model), search_fraction=0.2, options=options
        )
        self.samples = samples

    def _phases(self, epoch: int) -> Sequence[Phase]:
        phases = [Phase("train", self._step, ("train",), self._steps("train"))]
        if epoch == self.num_epochs - 1:
            phases.append(Phase("compare", self._compare, ("search",), self.samples))
        return phases

    def _step(self, batch):
        losses = []
        for path in fair_paths(self.mutator):
            self.mutator.apply_on_model(path)
            losses.append(self._forward(batch)[0])
        self._write_graph_status()
        loss = torch.stack(losses).mean()
        self._weights.step(loss)
        return {"loss": loss.detach()}

    def _compare(self, batch):
        path = self.mutator.sample_search()
        loss = self._judge(path, [batch])["loss"]
        self.mutator.tell(path, loss)
        return {"held_out_loss": loss}


def fair_paths(mutator: RandomMutator) -> list[dict[str, Tensor]]:
    """As many masks as the largest layer choice has candidates, each in its turn."""
    orders = {
        mutable.key: torch.randperm(mutable.length)
        for mutable in mutator.mutables
        if isinstance(mutable, LayerChoice)
    }
    paths = []
    for turn in range(max(map(len, orders.values()))):
        path = mutator.sample_search()
        for key, order in orders.items():
            path[key] = torch.arange(len(order)) == order[turn % len(order)]
        paths.append(path)
    return paths


def main(options: argparse.Namespace) -> None:
    torch.manual_seed(options.seed)
    np.random.seed(options.seed)
    train, valid = images.load("digits", limit=options.limit)
    loader = DataLoader(train, batch_size=64, shuffle=True)
    logdir = Path("logs/by-hand") if options.visualize else None
    print("by hand:    ", train_by_hand(Net(), loader, options.epochs, logdir))

    model = Net()
    trainer = FairTrainer(
        model,
        nn.CrossEntropyLoss(),
        lambda output, target: {"accuracy": (output.argmax(1) == target).float().mean()},
        torch.optim.SGD(model.parameters(), 0.05, momentum=0.9),
        options.epochs,
        train,
        valid,
        seed=options.seed,
    )
    if options.visualize:
        trainer.enable_visualization()
        print("recorded in", trainer.visualization_folder)
    trainer.train()
    print("by a trainer:", trainer.export(), trainer.validate())
    apply_fixed_architecture(Net(), trainer.export())  # to be trained on its own


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=None, help="use so many images")
    parser.add_argument("--visualize", action="store_true", help="record both in logs/")
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args())
