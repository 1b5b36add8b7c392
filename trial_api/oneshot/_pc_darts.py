"""PC-DARTS: DARTS on a part of the channels, with normalized edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from ..mutators import EdgeNormalizedMutator, Mutator
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._data import SEARCH, TRAIN
from ._loop import Phase
from ._meters import Value
from ._mutator_argument import require_parameters
from ._options import Options
from ._update import adam
from ._weights_only import check_weights_only


@final
class PcDartsTrainer(BaseTrainer):
    """DARTS that needs a fraction of the memory, and therefore learns from large batches.

    Xu et al.: PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search,
    ICLR 2020 (https://arxiv.org/abs/1907.05737). Two things make the difference to first-order
    DARTS. In the model, each edge works on 1/K of its channels (section 3.2): build it with
    :class:`trial_api.nn.PartialChannels`, as ``search_spaces.darts(partial_channels=4)`` is. In
    the mutator, each edge has a weight besides those of its operations (section 3.3).

    The export fits the model with whole channels, which has the same keys: that is the one to
    train. The published search on CIFAR-10 uses batches of 256, 50 epochs, and SGD with learning
    rate 0.1 decayed to 0 by a cosine, momentum 0.9 and weight decay 3e-4.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`.
        mutator: :class:`EdgeNormalizedMutator` by default.
        weights_only_epochs: The first epochs leave the architecture alone, which would prefer
            operations without weights while the weights are random.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        options: See :class:`Options`; here ``batch_size`` is 256 and ``grad_clip`` 5 by default.

    Raises:
        ConfigError: with everything that is wrong; also if no epoch is left for the architecture.

    Example::

        model = search_spaces.darts(partial_channels=4)
        trainer = PcDartsTrainer(
            model, nn.CrossEntropyLoss(), accuracy, optimizer, 50, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.export("best.json")
        network = apply_fixed_architecture(search_spaces.darts(36, 20, affine=True), "best.json")
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
        weights_only_epochs: int = 15,
        arc_learning_rate: float = 6e-4,
        arc_betas: tuple[float, float] = (0.5, 0.999),
        arc_weight_decay: float = 1e-3,
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
            mutator=mutator or EdgeNormalizedMutator(model, seed=options.get("seed")),
            search_fraction=0.5,
            options={"batch_size": 256, "grad_clip": 5.0, **options},
        )
        check_weights_only("weights_only_epochs", weights_only_epochs, num_epochs)
        require_parameters(self.mutator)
        self.weights_only_epochs = weights_only_epochs
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
        self.mutator.reset()
        self._architecture.step(self._forward(search)[0])
        return self._weights_step(train)

    def _weights_step(self, train: Batch) -> dict[str, Value]:
        with torch.no_grad():
            self.mutator.reset()
        self._write_graph_status()
        return self._train_weights(train)
