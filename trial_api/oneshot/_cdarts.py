"""CDARTS: a search network and an evaluation network that teach each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError, Problem, TrainingError

from ..mutators import FollowingMutator, SoftmaxMutator
from ..training.batches import Batch
from . import _distributed as distributed
from ._arguments import optimizes_only
from ._base import BaseTrainer, Loss, Metrics
from ._cdarts_loss import (
    distillation_loss,
    joint_loss,
    masks_of,
    regularization_weight,
    weightless_candidates,
    weightless_l1,
)
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_kind
from ._options import Options
from ._update import adam
from ._weights_only import check_weights_only


@final
class CdartsTrainer(BaseTrainer):
    """Cyclic differentiable architecture search.

    Yu, Peng, Huang, Fu, Du, Wang, Ling: Cyclic Differentiable Architecture Search, TPAMI 2022
    (https://arxiv.org/abs/2006.10724). After a warm-up of the search network, each epoch first
    gives the evaluation network the architecture that the search has come to, and trains it for an
    epoch. Then, at each step, both networks see a batch for the architecture: their losses, their
    disagreement and a penalty on candidates without weights train the architecture and the
    evaluation network; a training batch trains the weights of the search network.

    Both networks have the same keys; the evaluation network is a supernet too, of which one
    architecture runs at a time, and is usually deeper. They return ``(logits, ensemble logits)``,
    or logits alone, which then stand for both. The ensemble logits, of a head over features of
    several stages, are what is compared.

    The evaluation network is the teacher: the architecture is drawn to what it can represent. One
    that is weaker than the search network holds the search where it began.

    The authors' search on CIFAR-10 has 32 epochs, and SGD with momentum 0.9 for both networks.

    Args:
        model_small: The search network.
        model_large: The evaluation network.
        loss, metrics, num_epochs, dataset_train, dataset_valid: See :class:`BaseTrainer`; loss and
            metrics get the logits.
        optimizer_small: Of the search network's weights.
        optimizer_large: Of the evaluation network's weights.
        mutator: Of the search network.
        warmup_epochs: The first epochs train the weights of the search network alone.
        loss_alpha: The distillation counts ``loss_alpha`` times, the labels ``1 / loss_alpha``.
        temperature: Of the distillation.
        regular_coeff: Weight of the penalty after the warm-up.
        regular_ratio: It falls to zero in this share of the epochs after the warm-up.
        regularized: Names of the candidates with a penalty; None for those without parameters.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        options: See :class:`Options`; here ``grad_clip``, of both networks, is 5 by default.

    Attributes:
        model_large: The evaluation network, on the device, with the weights that it has learned.

    Raises:
        ConfigError: with everything that is wrong; also if no epoch is left after the warm-up.
        SpaceMismatchError: naming the keys that the networks have not in common.

    Example::

        trainer = CdartsTrainer(
            small, large, nn.CrossEntropyLoss(), accuracy, sgd_small, sgd_large, 32, dataset_train
        )
        trainer.train()
        trainer.export("best.json")
    """

    runs_every_candidate: ClassVar[bool] = True

    def __init__(
        self,
        model_small: nn.Module,
        model_large: nn.Module,
        loss: Loss,
        metrics: Metrics,
        optimizer_small: torch.optim.Optimizer,
        optimizer_large: torch.optim.Optimizer,
        num_epochs: int,
        dataset_train: Dataset[Any] | None = None,
        dataset_valid: Dataset[Any] | None = None,
        *,
        mutator: SoftmaxMutator | None = None,
        warmup_epochs: int = 2,
        loss_alpha: float = 1.0,
        temperature: float = 2.0,
        regular_coeff: float = 5.0,
        regular_ratio: float = 0.2,
        regularized: Collection[str] | None = None,
        arc_learning_rate: float = 3e-4,
        arc_betas: tuple[float, float] = (0.5, 0.999),
        arc_weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        require_kind(mutator, SoftmaxMutator)
        leader = mutator or SoftmaxMutator(model_small, seed=options.get("seed"))
        super().__init__(
            model_small,
            loss,
            metrics,
            optimizer_small,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=leader,
            search_fraction=0.5,
            options={"grad_clip": 5.0, **options},
        )
        check_weights_only("warmup_epochs", warmup_epochs, num_epochs)
        _check(
            model_large,
            optimizer_large,
            loss_alpha=loss_alpha,
            temperature=temperature,
            regular_ratio=regular_ratio,
        )
        self.warmup_epochs = warmup_epochs
        self.loss_alpha = loss_alpha
        self.temperature = temperature
        self.regular_coeff = regular_coeff
        self.regular_ratio = regular_ratio
        self._loss = _on_logits(self._loss)
        self._metrics = None if self._metrics is None else _on_logits(self._metrics)
        self._alphas = leader.logits.one
        penalized = weightless_candidates(leader.mutables, regularized)
        self._masks = masks_of(self._alphas, penalized)
        self._add_evaluation_network(model_large, optimizer_large, leader)
        self._architecture = self._architecture_update(
            adam(
                leader.parameters(),
                lr=arc_learning_rate,
                betas=arc_betas,
                weight_decay=arc_weight_decay,
            )
        )

    def _add_evaluation_network(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, leader: SoftmaxMutator
    ) -> None:
        self.model_large = model.to(self.device).train()
        self._follower = FollowingMutator(model, leader)
        self._evaluation = self._update(optimizer, clip=self.settings.grad_clip)
        self._parts["evaluation_model"] = self.model_large
        self._parts["evaluation_mutator"] = self._follower
        self._parts["evaluation_weights"] = self._evaluation
        distributed.broadcast(self.model_large.state_dict().values())

    def _phases(self, epoch: int) -> Sequence[Phase]:
        if epoch < self.warmup_epochs:
            return [Phase("warm-up", self._search_step, (TRAIN,), self._steps(TRAIN))]
        steps = self._steps(TRAIN, SEARCH)
        return [
            Phase("evaluation", self._evaluation_step, (TRAIN,), steps),
            Phase("joint", self._joint_step, (TRAIN, SEARCH), steps),
        ]

    def _search_step(self, train: Batch) -> dict[str, Value]:
        """A step of the search network's weights."""
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(train)

    def _evaluation_step(self, train: Batch) -> dict[str, Value]:
        """A step of the evaluation network's weights; the first one settles its architecture."""
        if self._loop.position.step == 0:
            self._follower.reset()
        loss, output = self._forward_large(train)
        self._evaluation.step(loss)
        measured = {"loss": loss.detach(), **self._measure(output, train)}
        return {f"evaluation_{name}": value for name, value in measured.items()}

    def _joint_step(self, train: Batch, search: Batch) -> dict[str, Value]:
        self.mutator.reset()
        loss = self._joint_loss(search)
        self._architecture.step(loss, self._evaluation)
        return {"joint_loss": loss.detach(), **self._search_step(train)}

    def _joint_loss(self, search: Batch) -> Tensor:
        small_loss, small = self._forward(search)
        large_loss, large = self._forward_large(search)
        with self._autocast():
            distillation = distillation_loss(heads(small)[1], heads(large)[1], self.temperature)
        loss = joint_loss(
            small_loss + large_loss,
            distillation,
            weightless_l1(self._alphas, self._masks).to(self.device),
            alpha=self.loss_alpha,
            weight=regularization_weight(
                self.regular_coeff,
                self.regular_ratio,
                self._loop.position.epoch,
                warmup=self.warmup_epochs,
                epochs=self.num_epochs,
            ),
        )
        self._loop.guard.watch(loss, self._loop.where)
        return loss

    def _forward_large(self, batch: Batch) -> tuple[Tensor, Any]:
        with self._autocast():
            output = self.model_large(*batch.args, **batch.kwargs)
            loss = self._loss(output, batch.target)
        self._loop.guard.watch(loss, self._loop.where)
        return loss, output


def heads(output: Any) -> tuple[Tensor, Tensor]:
    """The logits and the ensemble logits of a model's output; one stands for both.

    Raises:
        TrainingError: if it is neither a tensor nor two.
    """
    if isinstance(output, Tensor):
        return output, output
    if isinstance(output, (tuple, list)) and len(output) == 2:
        logits, ensemble = output
        return logits, ensemble
    size = f" of {len(output)}" if isinstance(output, (tuple, list)) else ""
    raise TrainingError(
        "the networks must return logits or (logits, ensemble logits), but one returned a "
        f"{type(output).__name__}{size}"
    )


def _on_logits(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A loss or metrics of the logits, for the output of a model."""
    return lambda output, target: function(heads(output)[0], target)


def _check(model: nn.Module, optimizer: torch.optim.Optimizer, **positive: float) -> None:
    problems = [
        Problem(name, f"must be > 0, but got {value!r}")
        for name, value in positive.items()
        if value <= 0
    ]
    if not optimizes_only(optimizer, model):
        text = "must be made of model_large.parameters(), no others"
        problems.append(Problem("optimizer_large", text))
    if problems:
        raise ConfigError(problems, "CdartsTrainer")
