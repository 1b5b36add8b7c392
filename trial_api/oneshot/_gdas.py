"""GDAS: gradient-based search with a differentiable architecture sampler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError

from ..mutators import HardGumbelMutator
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_kind
from ._options import Options
from ._update import adam


@final
class GdasTrainer(BaseTrainer):
    """Differentiable search that runs one sampled path a step.

    Dong, Yang: Searching for a Robust Neural Architecture in Four GPU Hours, CVPR 2019
    (https://arxiv.org/abs/1910.04465), section 3. Each step samples a path and descends in the
    weights on training data, then samples another and descends in the architecture parameters on
    the other half of ``dataset_train``, by the straight-through gradient of
    :class:`HardGumbelMutator`.

    The authors' search on CIFAR-10 uses batches of 64, 250 epochs, SGD with learning rate 0.025
    decayed to 0.001 by a cosine, momentum 0.9, weight decay 3e-4, gradients clipped at 5, and a
    temperature that falls from 10 to 0.1.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`.
        mutator: :class:`HardGumbelMutator` by default.
        initial_temperature: In the first epoch.
        final_temperature: In the last one; linear in between.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        options: See :class:`Options`; here ``grad_clip`` is 5 by default.

    Example::

        trainer = GdasTrainer(
            model, F.cross_entropy, accuracy, optimizer, 250, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.export("best.json")
    """

    mutator: HardGumbelMutator

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
        mutator: HardGumbelMutator | None = None,
        initial_temperature: float = 10.0,
        final_temperature: float = 0.1,
        arc_learning_rate: float = 3e-4,
        arc_betas: tuple[float, float] = (0.5, 0.999),
        arc_weight_decay: float = 1e-3,
        **options: Unpack[Options],
    ) -> None:
        require_kind(mutator, HardGumbelMutator)
        if min(initial_temperature, final_temperature) <= 0:
            raise ConfigError(
                f"temperatures must be > 0, but got (initial_temperature={initial_temperature!r}, "
                f"final_temperature={final_temperature!r})",
                "GdasTrainer",
            )
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=mutator or HardGumbelMutator(model, seed=options.get("seed")),
            search_fraction=0.5,
            options={"grad_clip": 5.0, **options},
        )
        self.initial_temperature = initial_temperature
        self.final_temperature = final_temperature
        self._architecture = self._architecture_update(
            adam(
                self.mutator.parameters(),
                lr=arc_learning_rate,
                betas=arc_betas,
                weight_decay=arc_weight_decay,
            )
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        self.mutator.temperature = annealed(
            self.initial_temperature, self.final_temperature, epoch, self.num_epochs
        )
        return [Phase("search", self._step, (TRAIN, SEARCH), self._steps(TRAIN, SEARCH))]

    def _step(self, train: Batch, search: Batch) -> dict[str, Value]:
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        values = self._train_weights(train)
        self.mutator.reset()
        self._architecture.step(self._forward(search)[0])
        return values


def annealed(first: float, last: float, epoch: int, num_epochs: int) -> float:
    """A line from the first epoch's value to the last one's."""
    return first + (last - first) * epoch / max(1, num_epochs - 1)
