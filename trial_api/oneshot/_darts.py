"""DARTS, first and second order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Union, final

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError

from ..mutators import Mutator, SoftmaxMutator
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._batch_norm import frozen_statistics
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_parameters
from ._options import Options
from ._unrolled import Virtual, exact_product, finite_difference_product
from ._update import adam
from ._weights_only import check_weights_only

Unrolled = Union[bool, Literal["exact", "finite_difference"]]


@final
class DartsTrainer(BaseTrainer):
    """Differentiable architecture search.

    Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019
    (https://arxiv.org/abs/1806.09055). Every step descends in the architecture parameters by the
    validation loss (on a random half of ``dataset_train``), then in the weights by the training
    loss (algorithm 1). The published search on CIFAR-10 uses batches of 64, 50 epochs, SGD with
    learning rate 0.025 decayed to 0.001 by a cosine, momentum 0.9, weight decay 3e-4, and
    gradients clipped at 5.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. The second order needs an SGD optimizer, whose step it unrolls.
        mutator: :class:`SoftmaxMutator` by default.
        weights_only_epochs: The first so many epochs leave the architecture alone.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        unrolled: False for the first order (xi = 0 in equation 6). ``"finite_difference"`` or True
            for the second order as published (equations 7 and 8); ``"exact"`` has the
            Hessian-vector product of equation 7 by forward-mode differentiation.
        options: See :class:`Options`; here ``grad_clip`` is 5 by default.

    Example::

        trainer = DartsTrainer(
            model, nn.CrossEntropyLoss(), accuracy, optimizer, 50, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.export("best.json")
    """

    runs_every_candidate: ClassVar[bool] = True

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
        mutator: Mutator | None = None,
        weights_only_epochs: int = 0,
        arc_learning_rate: float = 3e-4,
        arc_betas: tuple[float, float] = (0.5, 0.999),
        arc_weight_decay: float = 1e-3,
        unrolled: Unrolled = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(
            model,
            loss,
            metrics,
            optimizer,
            num_epochs,
            dataset_train,
            dataset_valid,
            mutator=mutator or SoftmaxMutator(model, seed=options.get("seed")),
            search_fraction=0.5,
            options={"grad_clip": 5.0, **options},
        )
        check_weights_only("weights_only_epochs", weights_only_epochs, num_epochs)
        require_parameters(self.mutator)
        self.weights_only_epochs = weights_only_epochs
        self.unrolled = "finite_difference" if unrolled is True else unrolled
        _check_unrolled(self.unrolled, optimizer, self.settings.accumulate, self.settings.amp)
        if self.unrolled and _draws(self.mutator):
            raise ConfigError(
                "compares the training loss at several weights under one mixture, but the mutator "
                "draws another one each time; use SoftmaxMutator",
                "unrolled",
            )
        self._architecture = self._architecture_update(
            adam(
                self.mutator.parameters(),
                lr=arc_learning_rate,
                betas=arc_betas,
                weight_decay=arc_weight_decay,
            )
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        if epoch < self.weights_only_epochs:
            return [Phase("weights", self._weights_step, (TRAIN,), self._steps(TRAIN))]
        return [Phase("search", self._step, (TRAIN, SEARCH), self._steps(TRAIN, SEARCH))]

    def _step(self, train: Batch, search: Batch) -> dict[str, Value]:
        if self.unrolled:
            self._architecture.apply(self._unrolled_gradient(train, search))
        else:
            self.mutator.reset()
            self._architecture.step(self._forward(search)[0])
        return self._weights_step(train)

    def _weights_step(self, train: Batch) -> dict[str, Value]:
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(train)

    def _unrolled_gradient(self, train: Batch, search: Batch) -> list[Tensor]:
        """The gradient of the validation loss after a virtual step of the weights (eq. 7)."""
        virtual = Virtual(self.model, self._weights.optimizer)
        product = exact_product if self.unrolled == "exact" else finite_difference_product
        with frozen_statistics(self.model):
            return virtual.architecture_gradient(
                list(self.mutator.parameters()),
                train_loss=lambda: self._decided_loss(train),
                search_loss=lambda: self._decided_loss(search),
                product=product,
            )

    def _decided_loss(self, batch: Batch) -> Tensor:
        self.mutator.reset()
        return self._forward(batch)[0]


def _draws(mutator: Mutator) -> bool:
    """Whether it keeps a random state of its own."""
    return any(name.endswith("_extra_state") for name in mutator.state_dict())


def _check_unrolled(
    unrolled: object, optimizer: torch.optim.Optimizer, accumulate: int, amp: str | None
) -> None:
    if unrolled not in (False, "exact", "finite_difference"):
        raise ConfigError(
            f"must be a boolean, 'exact' or 'finite_difference', but got {unrolled!r}", "unrolled"
        )
    if not unrolled:
        return
    if not isinstance(optimizer, torch.optim.SGD):
        kind = type(optimizer).__name__
        raise ConfigError(f"unrolls a step of SGD, but the optimizer is {kind}", "unrolled")
    if accumulate > 1 or amp is not None:
        raise ConfigError(
            "unrolls one step in full precision: use neither accumulate nor amp with it",
            "unrolled",
        )
