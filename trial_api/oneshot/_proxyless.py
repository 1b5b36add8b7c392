"""ProxylessNAS: binary gates, by gradient or by REINFORCE, with costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Literal, final

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError, Problem, TrainingError

from ..mutators import BinaryGateMutator
from ..mutators._binary_gates import Mode
from ..training.batches import Batch
from . import _distributed as distributed
from ._base import BaseTrainer, Loss, Metrics
from ._batch_norm import frozen_statistics
from ._cost_loss import (
    FOR_THE_LOGARITHM,
    Combine,
    CostTerm,
    added_linear,
    cheapest_cost,
    cost_term,
    discounted_reward,
    mean_cost,
    multiplied_log,
    require_above,
)
from ._cost_table import CostTable, check_costs
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value, read_metrics
from ._options import Options
from ._reinforce import MovingBaseline
from ._update import adam
from ._weights_only import check_weights_only

Form = Literal["mul#log", "add#linear"]
Method = Literal["gradient", "reinforce"]
Reward = Callable[[Any, Any], Value]


@final
class ProxylessTrainer(BaseTrainer):
    """Search at the cost of training one network: a candidate of each choice runs at a time.

    Cai, Zhu, Han: ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware,
    ICLR 2019 (https://arxiv.org/abs/1812.00332). Each batch trains a sampled network; every
    ``arc_every``-th one is followed by a step of the architecture on other data (section 3.2.1).
    The published search on ImageNet warms up for 40 epochs and searches for 120, with batches of
    256, SGD with learning rate 0.025 and a cosine, Nesterov momentum 0.9, weight decay 4e-5,
    label smoothing 0.1, and 50,000 images for the architecture (``search_fraction=0.04``).

    With ``cost``, the expected cost of an architecture (section 3.3.1) is part of the loss that
    the architecture descends on. The forms are those of the authors' code::

        cost_scale * CE * (log(E[cost]) / log(cost_reference)) ** cost_strength   "mul#log"
        CE + cost_strength * (E[cost] - cost_reference) / cost_reference          "add#linear"

    With ``method="reinforce"`` (section 3.3.2), gates are sampled and rewarded by ::

        reward * (cost_reference / cost) ** cost_strength

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. Half of ``dataset_train`` is for the architecture.
        mutator: A :class:`BinaryGateMutator`; its mode then counts, not ``arc_mode``.
        warmup_epochs: The first epochs, which train the weights only.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        arc_every: Batches for the weights to one step of the architecture.
        arc_mode: ``"full"`` or ``"two_path"``, see :class:`BinaryGateMutator`.
        method: ``"gradient"`` or ``"reinforce"``.
        cost: A cost for each candidate of each layer choice, as :func:`candidate_costs` measures.
        cost_form: ``"mul#log"`` (by default) or ``"add#linear"``; with the gradient only. The
            logarithm needs costs above 1.
        cost_reference: The cost to aim at; None is the mean over all architectures.
        cost_strength: None is as published: 0.3, 0.1 and 0.1 in the formulas above.
        cost_scale: See above.
        fixed_cost: What every architecture costs besides, see :func:`fixed_cost`.
        reward: ``reward(output, target)``, a number that REINFORCE maximizes; None is the first
            of the metrics.
        reward_samples: Architectures to a step of REINFORCE, each on a batch.
        baseline_decay: Of the moving average of rewards that REINFORCE compares to.
        options: See :class:`Options`.

    Raises:
        ConfigError: for arguments that do not fit.
        SpaceMismatchError: if the table is not one of the model.

    Example::

        cost = candidate_costs(model, torch.randn(8, 3, 224, 224), measure="latency")
        trainer = ProxylessTrainer(
            model, loss, accuracy, optimizer, 160, dataset_train, dataset_valid,
            warmup_epochs=40, cost=cost, cost_form="add#linear",
        )
        trainer.train()
        trainer.export("best.json")
    """

    mutator: BinaryGateMutator

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
        mutator: BinaryGateMutator | None = None,
        warmup_epochs: int = 0,
        arc_learning_rate: float = 1e-3,
        arc_betas: tuple[float, float] = (0.0, 0.999),
        arc_weight_decay: float = 0.0,
        arc_every: int = 5,
        arc_mode: Mode = "full",
        method: Method = "gradient",
        cost: CostTable | None = None,
        cost_form: Form | None = None,
        cost_reference: float | None = None,
        cost_strength: float | None = None,
        cost_scale: float = 0.2,
        fixed_cost: float = 0.0,
        reward: Reward | None = None,
        reward_samples: int = 10,
        baseline_decay: float = 0.99,
        **options: Unpack[Options],
    ) -> None:
        problems = [
            *_check_counts(warmup_epochs, arc_every, reward_samples),
            *_check_method(method, mutator, cost_form, reward or metrics),
        ]
        if problems:
            raise ConfigError(problems, "ProxylessTrainer")
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=mutator or BinaryGateMutator(model, mode=arc_mode, seed=options.get("seed")),
            search_fraction=0.5,
            options=options,
        )
        check_weights_only("warmup_epochs", warmup_epochs, num_epochs)
        self.warmup_epochs, self.arc_every, self.method = warmup_epochs, arc_every, method
        self._reward, self._reward_samples = reward, reward_samples
        self._baseline = MovingBaseline(baseline_decay)
        self._parts["baseline"] = self._baseline
        self._costs, self._fixed_cost = cost or {}, fixed_cost
        self._cost: CostTerm | None = None
        if cost is not None:
            self._use_costs(cost, cost_form, cost_reference, cost_strength, cost_scale)
        self._architecture = self._architecture_update(
            adam(
                self.mutator.parameters(),
                lr=arc_learning_rate,
                betas=arc_betas,
                weight_decay=arc_weight_decay,
            )
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        steps = self._steps(TRAIN)
        if epoch < self.warmup_epochs:
            return [Phase("warm-up", self._weight_step, (TRAIN,), steps)]
        return [Phase("search", self._step, (TRAIN,), steps)]

    def _step(self, batch: Batch) -> dict[str, Value]:
        values = self._weight_step(batch)
        if self._loop.position.step % self.arc_every == 0:
            values |= self._architecture_step()
        return values

    def _weight_step(self, batch: Batch) -> dict[str, Value]:
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(batch)

    def _architecture_step(self) -> dict[str, Value]:
        search = self._gated_loss if self.method == "gradient" else self._policy_loss
        values: dict[str, Value] = {}
        for _ in range(self.settings.accumulate):
            loss, values = search()
            self._architecture.step(loss)
        self.mutator.keep_unsampled()
        return values

    def _gated_loss(self) -> tuple[Tensor, dict[str, Value]]:
        """The loss of a drawn architecture, by which its gates learn (eq. 4)."""
        self.mutator.reset()
        loss, _ = self._forward(self._loop.next_batch(SEARCH))
        values: dict[str, Value] = {"search_loss": loss.detach()}
        if self._cost is not None:
            cost = self._cost.of(self.mutator.probabilities())
            values["cost"] = cost.detach()
            loss = self._cost.combine(loss, cost)
        return loss, values

    def _policy_loss(self) -> tuple[Tensor, dict[str, Value]]:
        """What has the gradient of the expected reward, negative (REINFORCE)."""
        rewards, logs = [], []
        for _ in range(self._reward_samples):
            with torch.no_grad():
                self.mutator.reset()
                rewards.append(self._rewarded(self._loop.next_batch(SEARCH)))
            logs.append(self.mutator.log_probability())
        values = self._as_numbers(rewards)
        advantages = logs[0].new_tensor(self._baseline.advantages(values))
        loss = -(advantages * torch.stack(logs)).mean()
        return loss, {"reward": sum(values) / len(values), "baseline": self._baseline.value}

    def _as_numbers(self, rewards: Sequence[Tensor]) -> list[float]:
        """Means over the processes; they are needed on the host, so this waits for a GPU."""
        together = torch.stack(list(rewards))
        distributed.average([together])
        values: list[float] = together.tolist()
        if not all(map(math.isfinite, values)):
            raise TrainingError(f"a reward is not finite in {self._loop.where}; the search stops")
        return values

    def _rewarded(self, batch: Batch) -> Tensor:
        """The reward of the present decision, costs included, on the device."""
        with frozen_statistics(self.model):
            output = self._output(batch)
        if self._reward is not None:
            given = read_metrics(self._reward(output, batch.target), "the reward function")
        else:
            given = self._measure(output, batch)
        reward = torch.as_tensor(next(iter(given.values())), device=self.device)
        if not self._costs:
            return reward
        return discounted_reward(
            reward, self._drawn_cost(), reference=self._reference, exponent=self._strength
        )

    def _drawn_cost(self) -> float:
        decided = self.mutator._current()
        drawn = {key: decided[key].indices[0] for key in self._costs}
        return self._fixed_cost + sum(self._costs[key][index] for key, index in drawn.items())

    def _use_costs(
        self,
        costs: CostTable,
        form: Form | None,
        reference: float | None,
        strength: float | None,
        scale: float,
    ) -> None:
        check_costs(costs, self.mutator.search_space)
        form = form or "mul#log"
        published = 0.3 if form == "mul#log" and self.method == "gradient" else 0.1
        self._strength = published if strength is None else strength
        average = mean_cost(costs, self._fixed_cost)
        self._reference = average if reference is None else reference
        self._check_costs(cheapest_cost(costs, self._fixed_cost), form)
        if self.method == "reinforce":
            return
        combine = _combination(form, self._reference, self._strength, scale)
        space = self.mutator.search_space
        self._cost = cost_term(costs, self._fixed_cost, combine, space=space, device=self.device)

    def _check_costs(self, cheapest: float, form: Form) -> None:
        reference = self._reference
        if self.method == "reinforce":
            why = "where rewards are divided by costs"
            require_above(0, why=why, cheapest=cheapest, cost_reference=reference)
        elif form == "mul#log":
            require_above(1, why=FOR_THE_LOGARITHM, cheapest=cheapest, cost_reference=reference)
        else:
            require_above(0, why="where costs are compared to it", cost_reference=reference)


def _combination(form: Form, reference: float, strength: float, scale: float) -> Combine:
    if form == "add#linear":
        return partial(added_linear, strength=strength, reference=reference)
    return partial(multiplied_log, scale=scale, exponent=strength, reference=reference)


def _check_counts(warmup_epochs: object, arc_every: object, samples: object) -> Iterator[Problem]:
    given = (("warmup_epochs", warmup_epochs, 0), ("arc_every", arc_every, 1))
    for name, value, least in (*given, ("reward_samples", samples, 1)):
        if not isinstance(value, int) or value < least:
            yield Problem(name, f"must be a whole number >= {least}, but got {value!r}")


def _check_method(
    method: object, mutator: object, form: object, rewarded: object
) -> Iterator[Problem]:
    if mutator is not None and not isinstance(mutator, BinaryGateMutator):
        yield Problem("mutator", f"must be a BinaryGateMutator or None, but got {mutator!r}")
    if form not in (None, "mul#log", "add#linear"):
        yield Problem("cost_form", f"must be 'mul#log', 'add#linear' or None, but got {form!r}")
    if method not in ("gradient", "reinforce"):
        yield Problem("method", f"must be 'gradient' or 'reinforce', but got {method!r}")
    elif method == "reinforce":
        if form is not None:
            yield Problem("cost_form", "REINFORCE has costs in the reward: leave it out")
        if rewarded is None:
            yield Problem("reward", "REINFORCE needs a reward, or metrics with one in front")
