"""A supernet of summed paths with path dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError

from ..mutators import PathDropoutMutator, Selection
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._data import TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_kind
from ._options import Options
from ._search_history import SearchTuner
from ._supernet_search import Architecture, OnResult, SupernetSearch


@final
class BenderTrainer(BaseTrainer):
    """Trains all paths together, more and more of them dropped; then any tuner searches.

    Bender, Kindermans, Zoph, Vasudevan, Le: Understanding and Simplifying One-Shot Architecture
    Search, ICML 2018 (https://proceedings.mlr.press/v80/bender18a.html), section 3. Each choice
    sums its candidates; path dropout, at a rate that rises linearly from 0, makes the network
    robust against the removal of most of them. Weights of candidates that a step does not run have
    no gradient in it, so that neither the step nor weight decay moves them: the paper applies its
    L2 regularization to the parts in use only.

    :meth:`search` then evaluates architectures by inherited weights on held-out data, as
    :class:`SposTrainer` does, with batch norm's statistics estimated for each. The ghost batch
    norm of the paper is not part of it: use a model with such layers, or small batches.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. A tenth of ``dataset_train`` is held out for the search, unless
            ``search_fraction`` says otherwise.
        mutator: :class:`PathDropoutMutator` by default.
        drop_rate: r at the end: the probability that all paths of a choice are dropped, each with
            r^(1/k) of k paths. A default of ours, to be tuned like any dropout.
        warmup_epochs: Epochs without dropout at the beginning.
        bn_batches: As for :class:`SposTrainer`.
        candidates: As for :class:`SposTrainer`.
        options: See :class:`Options`.

    Example::

        trainer = BenderTrainer(
            model, F.cross_entropy, accuracy, optimizer, 100, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.search(RandomTuner(), 1000)
    """

    mutator: PathDropoutMutator

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        metrics: Metrics,
        optimizer: torch.optim.Optimizer,
        num_epochs: int,
        dataset_train: Dataset[Any] | None = None,
        dataset_valid: Dataset[Any] | None = None,
        *,
        mutator: PathDropoutMutator | None = None,
        drop_rate: float = 0.5,
        warmup_epochs: int = 0,
        bn_batches: int = 20,
        candidates: int = 10,
        **options: Unpack[Options],
    ) -> None:
        require_kind(mutator, PathDropoutMutator)
        if not 0 <= drop_rate <= 1:
            raise ConfigError(f"must be between 0 and 1, but got {drop_rate!r}", "drop_rate")
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=mutator or PathDropoutMutator(model, seed=options.get("seed")),
            search_fraction=0.1,
            options=options,
        )
        self.drop_rate = drop_rate
        self.warmup_epochs = warmup_epochs
        self.bn_batches = bn_batches
        self._search = SupernetSearch(self, candidates=candidates)
        self._parts["search"] = self._search

    @property
    def history(self) -> list[tuple[dict[str, Any], float | None]]:
        """As of :attr:`SposTrainer.history`."""
        return self._search.history

    def search(
        self,
        tuner: SearchTuner,
        evaluations: int,
        *,
        metric: str | None = None,
        batches: int | None = None,
        on_result: OnResult | None = None,
    ) -> dict[str, Any]:
        """Let a tuner search in the trained supernet: see :meth:`SposTrainer.search`."""
        return self._search.run(
            tuner,
            evaluations,
            metric=metric,
            batches=batches,
            cost_limit=None,
            on_result=on_result,
        )

    def evaluate(
        self, architecture: Architecture, *, batches: int | None = None
    ) -> dict[str, float]:
        """Loss and metrics of any architecture, as :meth:`search` judges them."""
        return self._search.evaluate(architecture, batches)

    def _phases(self, epoch: int) -> Sequence[Phase]:
        return [Phase("train", self._step, (TRAIN,), self._steps(TRAIN))]

    def _step(self, batch: Batch) -> dict[str, Value]:
        self.mutator.drop_rate = self._present_rate()
        self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(batch)

    def _present_rate(self) -> float:
        position, steps = self._loop.position, self._steps(TRAIN)
        return linear_rate(
            self.drop_rate,
            step=position.epoch * steps + position.step,
            start=self.warmup_epochs * steps,
            end=self.num_epochs * steps,
        )

    def _quality(self) -> dict[str, float]:
        return self._search.quality()

    def _final_decision(self) -> Mapping[str, Selection]:
        return self._search.decision()

    def _final_architecture(self) -> dict[str, Any]:
        return self._search.architecture()


def linear_rate(target: float, *, step: int, start: int, end: int) -> float:
    """From 0 until ``start`` to the target at the last step before ``end``."""
    share = (step - start) / max(1, end - 1 - start)
    return target * min(1.0, max(0.0, share))
