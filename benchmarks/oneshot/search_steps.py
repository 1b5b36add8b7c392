"""A search step of each algorithm in units of what it must compute at least.

``rho U`` is a training step of the whole supernet, ``U`` one of a single network in it (the mean
over the architectures that the search happened to sample).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from search_spaces import darts, shufflenet
from trial_api import apply_fixed_architecture
from trial_api.oneshot import BaseTrainer, DartsTrainer, GdasTrainer, ProxylessTrainer, SposTrainer

from .._claim import Claim, median_seconds
from ._networks import BATCH as BATCH_SIZE
from ._networks import CLASSES, batch, images, sgd, step

REPEATS = 5
SAMPLES = 24


def measure(seed: int) -> list[Claim]:
    torch.set_num_threads(1)
    return [*_darts(seed), *_single_path(seed)]


def _darts(seed: int) -> list[Claim]:
    unit, claims = 0.0, []
    forms: dict[str, tuple[Any, float | None]] = {
        "first order": (False, 1.75),
        "second order, finite differences": ("finite_difference", 4.6),
        "second order, exact": ("exact", None),
    }
    for name, (unrolled, limit) in forms.items():
        trainer = _trainer(DartsTrainer, darts(8, 4), seed, unrolled=unrolled)
        both = [trainer._loop.next_batch(stream) for stream in ("train", "search")]
        if not unit:
            unit = _seconds(lambda t=trainer, b=both: _weight_step(t, b[0]))
        seconds = _seconds(lambda t=trainer, b=both: t._step(*b))
        claims.append(Claim(f"DARTS, {name}", seconds * 1e3, unit * 1e3, "rho U", "ms", limit))
    return claims


def _weight_step(trainer: BaseTrainer, data: Any) -> None:
    with torch.no_grad():
        trainer.mutator.reset()
    trainer._train_weights(data)


def _single_path(seed: int) -> list[Claim]:
    """Steps that run one path, against training the same networks on their own."""
    cases: dict[str, tuple[type, Mapping[str, Any], float]] = {
        "SPOS": (SposTrainer, {}, 1.05),
        "GDAS, weight step": (GdasTrainer, {}, 1.05),
        "ProxylessNAS, two paths, a step and its share": (
            ProxylessTrainer,
            {"arc_mode": "two_path"},
            1.35,
        ),
    }
    claims = []
    for name, (kind, options, limit) in cases.items():
        ours, unit = _against_networks(_trainer(kind, _tiny_shufflenet(), seed, **options))
        claims.append(Claim(name, ours * 1e3, unit * 1e3, "U", "ms", limit))
    return claims


def _against_networks(trainer: Any) -> tuple[float, float]:
    """Mean seconds of search steps, and of steps of the networks that they sampled."""
    pristine = _tiny_shufflenet()
    x, y = batch(0)
    ours, theirs = [], []
    for number in range(SAMPLES):
        ours.append(median_seconds(_stepper(trainer, number), 1))
        network = apply_fixed_architecture(copy.deepcopy(pristine), _decided(trainer))
        optimizer = sgd(network.parameters())
        step(network, optimizer, x, y)
        theirs.append(median_seconds(lambda n=network, o=optimizer: step(n, o, x, y), 1))
    return fmean(ours[2:]), fmean(theirs[2:])


def _stepper(trainer: Any, number: int) -> Callable[[], object]:
    phase = trainer._phases(0)[0]
    batches = [trainer._loop.next_batch(stream) for stream in phase.streams]
    trainer._loop.position.step = number
    if isinstance(trainer, GdasTrainer):
        return lambda: _weight_step(trainer, batches[0])
    return lambda: phase.step(*batches)


def _decided(trainer: Any) -> dict[str, Any]:
    return {key: one.indices[0] for key, one in trainer.mutator._current().items()}


def _tiny_shufflenet() -> nn.Module:
    stages = ((32, 2, 2), (64, 4, 2), (128, 2, 2))
    return shufflenet(stages=stages, classes=CLASSES)


def _trainer(kind: Any, model: nn.Module, seed: int, **options: Any) -> Any:
    torch.manual_seed(seed)
    model.train()
    return kind(
        model,
        F.cross_entropy,
        None,
        sgd(model.parameters()),
        1,
        images(32 * BATCH_SIZE, seed),
        batch_size=BATCH_SIZE,
        seed=seed,
        progress=False,
        grad_clip=5.0,
        **options,
    )


def _seconds(run: Callable[[], object]) -> float:
    run()
    return median_seconds(run, REPEATS)
