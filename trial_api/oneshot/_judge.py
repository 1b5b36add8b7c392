"""Judging one architecture of a supernet, by the weights that it inherits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from nas_tuners.contract.errors import TrainingError

from ..mutators import Mutator, Selection
from ..training.batches import Batch
from . import _distributed as distributed
from ._batch_norm import estimate_statistics, kept_statistics
from ._meters import AverageMeterGroup, Value

Run = Callable[[Batch], Any]
Measure = Callable[[Any, Batch], Mapping[str, Value]]


def judge(
    mutator: Mutator,
    decision: Mapping[str, Selection],
    *,
    run: Run,
    measure: Measure,
    statistics: Iterable[Batch] | None = None,
    batches: Iterable[Batch],
) -> dict[str, float]:
    """The averages of an architecture over some batches; model and mutator are left as they were.

    Args:
        mutator: Of the supernet.
        decision: The architecture.
        run: Batch -> the model's output.
        measure: Output and batch -> what is averaged.
        statistics: Training batches from which its batch-norm statistics are estimated; None
            leaves those of the supernet.
        batches: What it is judged on.

    Raises:
        TrainingError: if there is no batch.
    """
    model = mutator.model
    before, training = mutator._decided, model.training
    distributed.broadcast(model.buffers())
    mutator.apply_on_model(decision)
    try:
        with kept_statistics(model), torch.no_grad():
            if statistics is not None:
                estimate_statistics(model, lambda: _run_all(run, statistics))
            model.eval()
            return average(run, measure, batches)
    finally:
        mutator._decided = before
        model.train(training)


def average(run: Run, measure: Measure, batches: Iterable[Batch]) -> dict[str, float]:
    """What the model measures on some batches, over all samples of all processes.

    Raises:
        TrainingError: if there is no batch.
    """
    meters = AverageMeterGroup()
    for batch in batches:
        meters.update(measure(run(batch), batch), batch.size)
    if not meters.meters:
        raise TrainingError("the loader of validation or held-out data is empty: it gave no batch")
    of_all = distributed.gather({meter.name: (meter.sum, meter.count) for meter in meters})
    return {
        meter.name: sum(one[meter.name][0] for one in of_all)
        / sum(one[meter.name][1] for one in of_all)
        for meter in meters
    }


def _run_all(run: Run, batches: Iterable[Batch]) -> None:
    for batch in batches:
        run(batch)
