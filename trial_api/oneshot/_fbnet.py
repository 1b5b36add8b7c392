"""FBNet: differentiable search with a Gumbel softmax and a table of costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar, Literal, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError, Problem

from ..mutators import GumbelSoftmaxMutator
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._cost_loss import (
    FOR_THE_LOGARITHM,
    CostTerm,
    added_power,
    cheapest_cost,
    cost_term,
    multiplied_log,
    require_above,
)
from ._cost_table import CostTable
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value
from ._options import Options
from ._weights_only import check_weights_only

Form = Literal["mul", "add"]


@final
class FBNetTrainer(BaseTrainer):
    """Hardware-aware search by a Gumbel softmax.

    Wu, Dai, Zhang et al.: FBNet: Hardware-Aware Efficient ConvNet Design via Differentiable Neural
    Architecture Search, CVPR 2019 (https://arxiv.org/abs/1812.03443). An epoch passes over 80 % of
    the data for the weights and over the other 20 % for the architecture, which descends on::

        CE * alpha * log(LAT) ** beta    cost_form="mul", equation 2 of the paper
        CE + alpha * LAT ** beta         cost_form="add"

    ``LAT`` sums the costs of the candidates, weighted by the very Gumbel softmax that weighs their
    outputs in the same pass (section 3.3). Weights are trained on the loss alone. The published
    search takes 90 epochs, 10 of them for the weights only.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`.
        mutator: By default a :class:`GumbelSoftmaxMutator` with equal probabilities.
        cost: A cost for each candidate of each layer choice, as :func:`candidate_costs` measures
            or :func:`load_costs` reads; None searches by the loss alone.
        cost_form: See above. The logarithm needs costs above 1.
        alpha: See above.
        beta: See above.
        fixed_cost: What every architecture costs besides, see :func:`fixed_cost`.
        warmup_epochs: The first epochs, which train the weights only.
        initial_temperature: Of the Gumbel softmax, in the first epoch.
        temperature_decay: Its factor from epoch to epoch.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_weight_decay: Of the same.
        options: See :class:`Options`.

    Raises:
        ConfigError: for arguments that do not fit.
        SpaceMismatchError: if the table is not one of the model.

    Example::

        cost = candidate_costs(model, torch.randn(1, 3, 224, 224), measure="latency")
        trainer = FBNetTrainer(
            model, loss, accuracy, optimizer, 90, dataset_train, dataset_valid, cost=cost
        )
        trainer.train()
        trainer.export("best.json")
    """

    runs_every_candidate: ClassVar[bool] = True
    mutator: GumbelSoftmaxMutator

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
        mutator: GumbelSoftmaxMutator | None = None,
        cost: CostTable | None = None,
        cost_form: Form = "mul",
        alpha: float = 0.2,
        beta: float = 0.6,
        fixed_cost: float = 0.0,
        warmup_epochs: int = 10,
        initial_temperature: float = 5.0,
        temperature_decay: float = math.exp(-0.045),
        arc_learning_rate: float = 0.01,
        arc_weight_decay: float = 5e-4,
        **options: Unpack[Options],
    ) -> None:
        _check(mutator, cost_form, initial_temperature, temperature_decay, warmup_epochs)
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=mutator or GumbelSoftmaxMutator(model, scale=0.0, seed=options.get("seed")),
            search_fraction=0.2,
            options=options,
        )
        check_weights_only("warmup_epochs", warmup_epochs, num_epochs)
        self.warmup_epochs = warmup_epochs
        self._first_temperature = initial_temperature
        self._temperature_decay = temperature_decay
        self._cost: CostTerm | None = None
        if cost is not None:
            self._cost = self._cost_term(cost, fixed_cost, cost_form, alpha, beta)
        self._architecture = self._architecture_update(
            torch.optim.Adam(
                self.mutator.parameters(), lr=arc_learning_rate, weight_decay=arc_weight_decay
            )
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        self.mutator.temperature = self._first_temperature * self._temperature_decay**epoch
        weights = Phase("weights", self._weight_step, (TRAIN,), self._steps(TRAIN))
        if epoch < self.warmup_epochs:
            return [weights]
        search = Phase("search", self._architecture_step, (SEARCH,), self._steps(SEARCH))
        return [weights, search]

    def _weight_step(self, batch: Batch) -> dict[str, Value]:
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(batch)

    def _architecture_step(self, batch: Batch) -> dict[str, Value]:
        self.mutator.reset()
        loss, _ = self._forward(batch)
        values: dict[str, Value] = {"search_loss": loss.detach()}
        if self._cost is not None:
            cost = self._cost.of(self._drawn_weights())
            values["cost"] = cost.detach()
            loss = self._cost.combine(loss, cost)
        self._architecture.step(loss)
        return values

    def _drawn_weights(self) -> dict[str, torch.Tensor]:
        """The draw that the forward pass used."""
        assert self._cost is not None
        decided = self.mutator._current()
        return {key: decided[key].mask() for key in self._cost.table}

    def _cost_term(
        self, costs: CostTable, fixed: float, form: Form, alpha: float, beta: float
    ) -> CostTerm:
        if form == "mul":
            require_above(1, why=FOR_THE_LOGARITHM, cheapest=cheapest_cost(costs, fixed))
        function = multiplied_log if form == "mul" else added_power
        return cost_term(
            costs,
            fixed,
            partial(function, scale=alpha, exponent=beta),
            space=self.mutator.search_space,
            device=self.device,
        )


def _check(
    mutator: object, form: object, temperature: object, decay: object, warmup: object
) -> None:
    problems = []
    if mutator is not None and not isinstance(mutator, GumbelSoftmaxMutator):
        problems.append(
            Problem("mutator", f"must be a GumbelSoftmaxMutator or None, but got {mutator!r}")
        )
    if form not in ("mul", "add"):
        problems.append(Problem("cost_form", f"must be 'mul' or 'add', but got {form!r}"))
    if not (isinstance(temperature, (int, float)) and temperature > 0):
        text = f"must be a number > 0, but got {temperature!r}"
        problems.append(Problem("initial_temperature", text))
    if not (isinstance(decay, (int, float)) and 0 < decay <= 1):
        text = f"must be above 0 and at most 1, but got {decay!r}"
        problems.append(Problem("temperature_decay", text))
    if not (isinstance(warmup, int) and warmup >= 0):
        problems.append(
            Problem("warmup_epochs", f"must be a whole number >= 0, but got {warmup!r}")
        )
    if problems:
        raise ConfigError(problems, "FBNetTrainer")
