"""Whole searches on a part of CIFAR-10, and what they found against random architectures.

::

    python -m benchmarks.oneshot.whole_search --device cuda

DARTS (first order) and SPOS search the DARTS space; what they export and ten random architectures
are then trained alike, with new weights. The images that they are compared on take no part in the
searches. Needs the CIFAR-10 files in ``NAS_TUNERS_DATA``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from examples.oneshot.data import load
from nas_tuners import SPOSEvolutionTuner
from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.json_files import write_text
from search_spaces import darts
from trial_api import apply_fixed_architecture, search_space
from trial_api.oneshot import DartsTrainer, LRSchedulerCallback, SposTrainer

from ._networks import sgd

RESULTS = Path(__file__).parents[1] / "results" / "whole_search.json"
RANDOM = 10


def main() -> None:
    options = _options()
    torch.manual_seed(options.seed)
    train, valid = _data(options)
    found, record = {}, {"options": vars(options), "machine": _machine(options.device)}
    searches: dict[str, Callable[..., dict[str, Any]]] = {"DARTS": _darts, "SPOS": _spos}
    for name, search in searches.items():
        start = time.perf_counter()
        found[name] = search(options, train)
        record[f"{name} seconds"] = round(time.perf_counter() - start, 1)
    space, rng = search_space(_network(options)), Random(options.seed)
    for number in range(RANDOM):
        found[f"random {number}"] = to_architecture(space, space.sample(rng))
    record["accuracy"] = {
        name: _retrain(architecture, options, train, valid)
        for name, architecture in tqdm(found.items(), desc="retraining")
    }
    random = [value for name, value in record["accuracy"].items() if name.startswith("random")]
    record["random"] = {"mean": fmean(random), "best": max(random), "worst": min(random)}
    write_text(RESULTS, json.dumps(record | {"found": found}, indent=2) + "\n")
    print(json.dumps(record, indent=2))


def _network(options: argparse.Namespace, **more: Any) -> nn.Module:
    return darts(options.channels, options.cells, **more)


def _darts(options: argparse.Namespace, train: TensorDataset) -> dict[str, Any]:
    model = _network(options)
    optimizer = sgd(model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.search_epochs)
    trainer = DartsTrainer(
        model,
        F.cross_entropy,
        _accuracy,
        optimizer,
        options.search_epochs,
        train,
        arc_learning_rate=options.arc_learning_rate,
        callbacks=[LRSchedulerCallback(schedule)],
        **_shared(options),
    )
    trainer.train()
    return trainer.export()


def _spos(options: argparse.Namespace, train: TensorDataset) -> dict[str, Any]:
    model = _network(options)
    optimizer = sgd(model.parameters())
    epochs = options.search_epochs * options.spos_factor  # a single path costs a fraction
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    trainer = SposTrainer(
        model,
        F.cross_entropy,
        _accuracy,
        optimizer,
        epochs,
        train,
        callbacks=[LRSchedulerCallback(schedule)],
        **_shared(options),
    )
    trainer.train()
    trainer.search(SPOSEvolutionTuner(seed=options.seed), options.evaluations, metric="accuracy")
    return trainer.export()


def _shared(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "batch_size": options.batch,
        "device": options.device,
        "seed": options.seed,
        "progress": False,
        "grad_clip": 5.0,
    }


def _retrain(
    architecture: dict[str, Any],
    options: argparse.Namespace,
    train: TensorDataset,
    valid: TensorDataset,
) -> float:
    torch.manual_seed(options.seed)
    model = apply_fixed_architecture(_network(options, affine=True), architecture)
    model.to(options.device)
    optimizer = sgd(model.parameters())
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs)
    loader = DataLoader(train, batch_size=options.batch, shuffle=True, drop_last=True)
    for _ in range(options.epochs):
        model.train()
        for x, y in loader:
            loss = F.cross_entropy(model(x.to(options.device)), y.to(options.device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
        schedule.step()
    return _test(model.eval(), valid, options)


@torch.no_grad()
def _test(model: nn.Module, valid: TensorDataset, options: argparse.Namespace) -> float:
    right = [
        (model(x.to(options.device)).argmax(1).cpu() == y).float()
        for x, y in DataLoader(valid, 256)
    ]
    return torch.cat(right).mean().item()


def _accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


def _data(options: argparse.Namespace) -> tuple[TensorDataset, TensorDataset]:
    parts = load("cifar10", os.environ.get("NAS_TUNERS_DATA"), limit=options.limit)
    if options.size == 32:
        return parts
    train, valid = (
        TensorDataset(F.adaptive_avg_pool2d(part.tensors[0], options.size), part.tensors[1])
        for part in parts
    )
    return train, valid


def _machine(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {torch.get_num_threads()} thread(s)"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oneshot.whole_search")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", type=int, default=32, help="pixels that images are reduced to")
    parser.add_argument("--limit", type=int, help="use so many images")
    parser.add_argument("--channels", type=int, default=16)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--search-epochs", type=int, default=25)
    parser.add_argument("--spos-factor", type=int, default=4, help="SPOS epochs for one of DARTS")
    parser.add_argument("--arc-learning-rate", type=float, default=3e-4)
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=40, help="of retraining")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
