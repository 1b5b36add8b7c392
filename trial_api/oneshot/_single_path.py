"""Single-Path NAS: superkernels with learned thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError

from ..mutators import ThresholdMutator
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._cost_loss import CostTerm, added_log, cost_term
from ._cost_table import CostTable
from ._data import TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_kind
from ._options import Options
from ._weights_only import check_weights_only


@final
class SinglePathTrainer(BaseTrainer):
    """Single-Path NAS: finds kernel sizes while it trains one network of superkernels.

    Stamoulis et al.: Single-Path NAS: Designing Hardware-Efficient ConvNets in less than 4 Hours,
    ECML-PKDD 2019 (https://arxiv.org/abs/1904.02877), section 3. Every choice of the model is a
    :class:`~trial_api.nn.SuperKernelConv2d`. Weights and thresholds descend together by the loss
    on the training data plus ``cost_weight`` times the logarithm of the architecture's cost; a
    step costs as much as one of the largest network. The published search on ImageNet takes 8
    epochs, with batches of 1024 and RMSprop; the authors' code leaves the cost out for the first 5
    and drops parts of kernels at random meanwhile, where ``warmup_epochs`` trains them whole.

    NNI's ``SinglePathTrainer`` is another method, the training of random single paths; that is
    ``SposTrainer`` here.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`.
        mutator: :class:`ThresholdMutator` by default.
        arc_learning_rate: Of Adam on the thresholds.
        cost: What each candidate costs, from ``candidate_costs`` or a file; None leaves cost out.
        fixed_cost: What every architecture costs besides. Its unit is that of ``cost``; which
            one it is does not matter to the logarithm's gradient.
        cost_weight: The factor of the logarithm of the cost.
        warmup_epochs: Epochs at the start that train the weights of the largest kernels only.
            Without any, cost may make kernels small before they have learned anything.
        options: See :class:`Options`.

    Raises:
        ConfigError: if the cheapest architecture costs nothing, which has no logarithm.
        SpaceMismatchError: if the costs are not those of the model's candidates.

    Example::

        cost = candidate_costs(model, images[:1])
        rest = fixed_cost(model, images[:1])
        trainer = SinglePathTrainer(
            model, loss, accuracy, optimizer, 8, data, cost=cost, fixed_cost=rest
        )
        trainer.train()
        trainer.export("best.json")
    """

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
        mutator: ThresholdMutator | None = None,
        arc_learning_rate: float = 1e-2,
        cost: CostTable | None = None,
        fixed_cost: float = 0.0,
        cost_weight: float = 0.1,
        warmup_epochs: int = 0,
        **options: Unpack[Options],
    ) -> None:
        require_kind(mutator, ThresholdMutator)
        self._thresholds = mutator or ThresholdMutator(model)
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=self._thresholds,
            search_fraction=0.0,
            options=options,
        )
        check_weights_only("warmup_epochs", warmup_epochs, num_epochs)
        self.warmup_epochs = warmup_epochs
        self._cost: CostTerm | None = None
        if cost is not None:
            self._cost = self._cost_term(cost, fixed_cost, cost_weight)
        self._architecture = self._architecture_update(
            torch.optim.Adam(self.mutator.parameters(), lr=arc_learning_rate)
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        step = self._warm_up if epoch < self.warmup_epochs else self._step
        return [Phase("train", step, (TRAIN,), self._steps(TRAIN))]

    def _warm_up(self, batch: Batch) -> dict[str, Value]:
        self.mutator.apply_on_model(self._thresholds.largest())
        return self._train_weights(batch)

    def _step(self, batch: Batch) -> dict[str, Value]:
        self.mutator.reset()
        self._write_graph_status()
        loss, output = self._forward(batch)
        values: dict[str, Value] = {"loss": loss.detach()}
        if self._cost is not None:
            decided = self.mutator._current()
            cost = self._cost.of({key: decided[key].mask() for key in self._cost.table})
            values["cost"] = cost.detach()
            loss = self._cost.combine(loss, cost)
        self._weights.step(loss, self._architecture)
        return values | self._measure(output, batch)

    def _cost_term(self, costs: CostTable, fixed: float, strength: float) -> CostTerm:
        combine = partial(added_log, strength=strength)
        space = self.mutator.search_space
        term = cost_term(costs, fixed, combine, space=space, device=self.device)
        if fixed + sum(min(row) for row in costs.values()) <= 0:
            raise ConfigError(
                "the cheapest architecture costs nothing, which has no logarithm; give the rest "
                "of the network as fixed_cost",
                "cost",
            )
        return term
