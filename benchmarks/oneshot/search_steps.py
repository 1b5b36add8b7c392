"""A search step of each algorithm in units of what it must compute at least.

``rho U`` is a training step of the whole supernet, ``U`` one of a single network in it (the mean
over the architectures that the search happened to sample).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from random import Random
from statistics import fmean, median
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nas_tuners.contract.architecture import to_architecture
from search_spaces import darts, shufflenet
from trial_api import apply_fixed_architecture
from trial_api.oneshot import BaseTrainer, DartsTrainer, GdasTrainer, ProxylessTrainer, SposTrainer

from .._claim import Claim, median_seconds
from ._networks import BATCH as BATCH_SIZE
from ._networks import CLASSES, batch, images, sgd, step

REPEATS = 7
SAMPLES = 24


def measure(seed: int) -> list[Claim]:
    torch.set_num_threads(1)
    return [*_darts(seed), *_single_path(seed), *_memory(seed)]


def saved_megabytes(model: nn.Module, run: Callable[[], Any]) -> float:
    """What a forward pass keeps for its backward pass, parameters apart: each storage once."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # alive, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = run()
    del result
    return sum(storage.nbytes() for storage in kept.values()) / 2**20


def _memory(seed: int) -> list[Claim]:
    """Activations of both halves of a step, against those of one network of the space."""
    spaces: dict[str, tuple[Any, Callable[[], nn.Module]]] = {
        "DARTS": (DartsTrainer, lambda: darts(8, 4)),
        "GDAS": (GdasTrainer, _tiny_shufflenet),
        "ProxylessNAS, two paths": (ProxylessTrainer, _tiny_shufflenet),
    }
    claims = []
    for name, (kind, build) in spaces.items():
        options = {"arc_mode": "two_path"} if kind is ProxylessTrainer else {}
        trainer = _trainer(kind, build(), seed, **options)
        data = trainer._loop.next_batch("train")
        unit = _network_megabytes(trainer, build())
        for half, graph in (("weights", False), ("architecture", True)):
            with torch.set_grad_enabled(graph):
                trainer.mutator.reset()
            ours = saved_megabytes(trainer.model, lambda t=trainer, d=data: t._forward(d))
            claims.append(Claim(f"{name}, activations, {half}", ours, unit, "A", "MB", None))
    return claims


def _network_megabytes(trainer: Any, model: nn.Module, samples: int = 8) -> float:
    """The mean over random architectures."""
    rng = Random(0)
    space, (x, _) = trainer.mutator.search_space, batch(0)
    sizes = []
    for _ in range(samples):
        architecture = to_architecture(space, space.sample(rng))
        network = apply_fixed_architecture(copy.deepcopy(model), architecture)
        sizes.append(saved_megabytes(network, lambda n=network: n(x)))
    return fmean(sizes)


def _darts(seed: int) -> list[Claim]:
    """All forms and their unit in turn, so that a drifting machine treats them alike."""
    forms: dict[str, tuple[Any, float | None]] = {
        "first order": (False, 1.75),
        "second order, finite differences": ("finite_difference", 4.6),
        "second order, exact": ("exact", None),
    }
    runs = {name: _darts_step(seed, unrolled) for name, (unrolled, _) in forms.items()}
    unit = _darts_step(seed, None)
    for run in (unit, *runs.values()):
        run()
    times = [
        (median_seconds(unit, 1), {name: median_seconds(run, 1) for name, run in runs.items()})
        for _ in range(REPEATS)
    ]
    reference = median(seconds for seconds, _ in times)
    claims = []
    for name, (_, limit) in forms.items():
        ours = reference * median(steps[name] / seconds for seconds, steps in times)
        claims.append(Claim(f"DARTS, {name}", ours * 1e3, reference * 1e3, "rho U", "ms", limit))
    return claims


def _darts_step(seed: int, unrolled: Any) -> Callable[[], object]:
    """A search step, or for None the training step of the supernet's weights."""
    trainer = _trainer(DartsTrainer, darts(8, 4), seed, unrolled=bool(unrolled) and unrolled)
    both = [trainer._loop.next_batch(stream) for stream in ("train", "search")]
    if unrolled is None:
        return lambda: _weight_step(trainer, both[0])
    return lambda: trainer._step(*both)


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
