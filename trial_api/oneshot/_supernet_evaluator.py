"""Architectures judged by a trained supernet, wherever a search runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Union, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.architecture import read_architecture
from nas_tuners.contract.errors import ConfigError

from ..mutators import RandomMutator
from ..mutators._random import selections_of
from ..nn._checkpoint import load_supernet_state_dict
from ..training.batches import Batch, read_batch
from ._base import Loss, Metrics
from ._checkpoint_file import read_checkpoint
from ._judge import judge
from ._meters import Value, read_metrics
from ._supernet_search import Architecture, pick

Weights = Union[str, Path, Mapping[str, Tensor], None]


@final
class SupernetEvaluator:
    """Evaluates architectures with the weights that they inherit from a trained supernet.

    It takes seconds where training takes hours, so that an ordinary trial, an Optuna objective or
    a script can score many architectures. A trainer's ``search()`` evaluates in the same way.

    Args:
        model: A model with choices, not bound to a mutator.
        weights: Of the supernet: a file that ``trainer.checkpoint()`` wrote, or a state dict; None
            for those that the model has.
        loss: ``loss(output, target)``.
        metrics: As for the trainers.
        loader: Held-out batches that architectures are judged on.
        train_loader: Batches for the statistics of batch norm; None leaves those of the supernet,
            which suit no single architecture.
        bn_batches: How many of them; None for all.
        metric: What :meth:`evaluate` returns; None for the first metric, or the loss where there
            are no metrics.
        device: None is the GPU if there is one.
        unpack: As for the trainers: ``batch -> (inputs, target)``.

    Raises:
        CheckpointError: if the weights do not fit the model.

    Example::

        evaluator = SupernetEvaluator(
            Net(), "supernet.pt", loss=F.cross_entropy, metrics=accuracy, loader=valid_loader,
            train_loader=train_loader,
        )
        report_final_result(evaluator.evaluate(get_next_parameter()))
    """

    def __init__(
        self,
        model: nn.Module,
        weights: Weights = None,
        *,
        loss: Loss,
        metrics: Metrics = None,
        loader: Iterable[Any],
        train_loader: Iterable[Any] | None = None,
        bn_batches: int | None = 20,
        metric: str | None = None,
        device: str | torch.device | None = None,
        unpack: Callable[[Any], tuple[Any, Any]] | None = None,
    ) -> None:
        if bn_batches is not None and bn_batches < 1:
            raise ConfigError(
                f"must be a whole number > 0 or None, got {bn_batches!r}", "bn_batches"
            )
        _load(model, weights)
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device or automatic)
        self.model = model.to(self.device)
        self._mutator = RandomMutator(model, seed=0)
        self._loss = loss.to(self.device) if isinstance(loss, nn.Module) else loss
        self._metrics = metrics
        self._loader = loader
        self._train_loader = train_loader
        self._bn_batches = bn_batches
        self._metric = metric or ("loss" if metrics is None else None)
        self._unpack = unpack

    def evaluate(self, architecture: Architecture) -> float:
        """The value of an architecture.

        Args:
            architecture: What a tuner emits, a dict of names or indices, or a JSON file.

        Raises:
            ArchitectureError: with every missing, unknown or wrong key.
        """
        return pick(self.evaluate_all(architecture), self._metric)

    def evaluate_all(self, architecture: Architecture) -> dict[str, float]:
        """The loss and every metric."""
        space = self._mutator.search_space
        source = self._train_loader
        return judge(
            self._mutator,
            selections_of(space, read_architecture(space, architecture)),
            run=lambda batch: self.model(*batch.args, **batch.kwargs),
            measure=self._measure,
            statistics=None if source is None else self._read(source, self._bn_batches),
            batches=self._read(self._loader),
        )

    def _read(self, loader: Iterable[Any], count: int | None = None) -> Iterator[Batch]:
        batches = islice(loader, count)
        return (read_batch(batch, self.device, self._unpack) for batch in batches)

    def _measure(self, output: Any, batch: Batch) -> dict[str, Value]:
        values: dict[str, Value] = {"loss": self._loss(output, batch.target)}
        if self._metrics is not None:
            values |= read_metrics(self._metrics(output, batch.target))
        return values


def _load(model: nn.Module, weights: Weights) -> None:
    if isinstance(weights, (str, Path)):
        content = read_checkpoint(Path(weights))
        load_supernet_state_dict(model, content["parts"]["model"])
    elif weights is not None:
        load_supernet_state_dict(model, weights)
