"""On a GPU: the DARTS step on CIFAR-10 against the way in which the authors' code computes it.

::

    python -m benchmarks.oneshot.on_gpu --device cuda

The published way: a mixture of separate kernels an operation, ``backward()`` through weights and
architecture in both halves of a step, gradients cleared by filling with zeros. Ours: gradients of
what is optimized only; then channels-last; then the static graph compiled with CUDA graphs. All in
single precision, on the same batches, in one run. Batches lie on the device already.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from search_spaces import darts
from trial_api.oneshot import DartsTrainer

from .._claim import Claim
from ._networks import CLASSES, HandWrittenDarts, sgd

CHANNELS, CELLS, BATCH = 16, 8, 64
REPEATS = 20
COMPILED = {"mode": "max-autotune-no-cudagraphs"}
COMPILED_WITH_GRAPHS = {"mode": "reduce-overhead"}


def measure(seed: int) -> list[Claim]:
    """Nothing without a GPU."""
    if not torch.cuda.is_available():
        return []
    return measure_on(torch.device("cuda"), seed, channels=CHANNELS, cells=CELLS, batch=BATCH)


def measure_on(
    device: torch.device, seed: int, *, channels: int, cells: int, batch: int
) -> list[Claim]:
    torch.manual_seed(seed)
    data = [_batch(device, batch) for _ in range(2)]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    theirs = _milliseconds(_published(device, channels, cells, data), device)
    variants: dict[str, dict[str, Any]] = {
        "eager": {},
        "eager, channels last": {"channels_last": True},
    }
    if device.type == "cuda":
        variants["compiled"] = {"compile": COMPILED, "channels_last": True}
        variants["compiled, CUDA graphs"] = {"compile": COMPILED_WITH_GRAPHS}
    claims = []
    for variant, options in variants.items():
        run = _ours(device, channels, cells, data, seed, **options)
        ours = _milliseconds(run, device)
        claims.append(
            Claim(f"DARTS step on {name}, {variant}", ours, theirs, "as published", "ms", None)
        )
    return claims


def _published(
    device: torch.device, channels: int, cells: int, data: list[tuple[Tensor, Tensor]]
) -> Callable[[], object]:
    model = HandWrittenDarts(channels, cells).to(device)
    model.alphas = torch.zeros_like(model.alphas, device=device, requires_grad=True)
    weights = sgd(model.parameters())
    alphas = torch.optim.Adam([model.alphas], 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)
    (x, y), (search_x, search_y) = data

    def step() -> None:
        alphas.zero_grad(set_to_none=False)
        F.cross_entropy(model(search_x), search_y).backward()
        alphas.step()
        weights.zero_grad(set_to_none=False)
        F.cross_entropy(model(x), y).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        weights.step()

    return step


def _ours(
    device: torch.device,
    channels: int,
    cells: int,
    data: list[tuple[Tensor, Tensor]],
    seed: int,
    *,
    channels_last: bool = False,
    **options: Any,
) -> Callable[[], object]:
    model = darts(channels, cells)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        data = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in data]
    trainer = DartsTrainer(
        model,
        F.cross_entropy,
        None,
        sgd(model.parameters()),
        1,
        train_loader=data[:1],
        search_loader=data[1:],
        device=device,
        seed=seed,
        progress=False,
        **options,
    )
    batches = [trainer._loop.next_batch(stream) for stream in ("train", "search")]
    return lambda: trainer._step(*batches)


def floor(channels: int, cells: int, batch: int) -> dict[str, float]:
    """What one training step of the supernet computes at least: FLOPs, and bytes of activations.

    The bytes count each output of an operation once, written and read, in single precision.
    """
    with torch.device("meta"):
        model, x = HandWrittenDarts(channels, cells), torch.randn(batch, 3, 32, 32)
        model.alphas = torch.zeros_like(model.alphas, device="meta", requires_grad=True)
    counter = FlopCounterMode(display=False)
    outputs: list[int] = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, out: outputs.append(out.numel()))
        for module in model.modules()
        if not list(module.children())
    ]
    with counter:
        model(x).sum().backward()
    for hook in hooks:
        hook.remove()
    forward_bytes = 2 * 4 * sum(outputs)
    return {"gflop": counter.get_total_flops() / 1e9, "gigabytes": 3 * forward_bytes / 1e9}


def _batch(device: torch.device, size: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(size, 3, 32, 32, device=device)
    return x, torch.randint(CLASSES, (size,), device=device)


def _milliseconds(step: Callable[[], object], device: torch.device) -> float:
    for _ in range(3):
        step()
    times = []
    for _ in range(REPEATS if device.type == "cuda" else 2):
        times.append(_one(step, device))
    return median(times)


def _one(step: Callable[[], object], device: torch.device) -> float:
    if device.type != "cuda":
        from .._claim import median_seconds

        return 1e3 * median_seconds(step, 1)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    step()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.oneshot.on_gpu")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--channels", type=int, default=CHANNELS)
    parser.add_argument("--cells", type=int, default=CELLS)
    parser.add_argument("--batch", type=int, default=BATCH)
    options = parser.parse_args()
    sizes = {"channels": options.channels, "cells": options.cells, "batch": options.batch}
    print(json.dumps(floor(**sizes)))
    for claim in measure_on(torch.device(options.device), 0, **sizes):
        print(
            f"{claim.name}: {claim.ours:.1f} ms, {claim.reference / claim.ours:.2f} times faster"
        )


if __name__ == "__main__":
    main()
