"""Batch-norm statistics of one architecture of a supernet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """The layers with running statistics."""
    layers = [layer for layer in model.modules() if isinstance(layer, _BatchNorm)]
    return [
        layer for layer in layers if layer.track_running_stats and layer.running_mean is not None
    ]


def estimate_statistics(model: nn.Module, run: Callable[[], object]) -> None:
    """Statistics from the batches that ``run`` passes through the model, equally weighted.

    Shared layers average over all architectures that train them; one architecture's own statistics
    differ (Guo et al.: Single Path One-Shot, ECCV 2020, section 3.2). The model's mode is kept.
    """
    layers = batch_norms(model)
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    training = [module for module in model.modules() if module.training]
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain average over batches
        layer.train()
    try:
        with torch.no_grad():
            run()
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.eval()
        for module in training:
            module.training = True


@contextmanager
def kept_statistics(model: nn.Module) -> Iterator[None]:
    """Put the statistics back at the end."""
    layers = batch_norms(model)
    saved = [{name: b.clone() for name, b in layer.named_buffers()} for layer in layers]
    try:
        yield
    finally:
        for layer, buffers in zip(layers, saved, strict=True):
            for name, buffer in layer.named_buffers():
                buffer.copy_(buffers[name])


@contextmanager
def frozen_statistics(model: nn.Module) -> Iterator[None]:
    """Normalize by batch statistics as in training, without updating the running ones."""
    layers = batch_norms(model)
    kept = [(layer.momentum, layer.num_batches_tracked) for layer in layers]
    for layer in layers:
        layer.momentum, layer.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for layer, (momentum, count) in zip(layers, kept, strict=True):
            layer.momentum, layer.num_batches_tracked = momentum, count


@contextmanager
def judging(model: nn.Module, *, batch_norm: Literal["train", "eval"]) -> Iterator[None]:
    """Evaluation mode without gradients; batch norm may use the statistics of each batch.

    Running statistics do not move, and the model's mode is put back.
    """
    training = model.training
    model.eval()
    for layer in batch_norms(model):
        layer.train(batch_norm == "train")
    try:
        with torch.no_grad(), frozen_statistics(model):
            yield
    finally:
        model.train(training)
