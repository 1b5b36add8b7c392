"""Single Path One-Shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import ConfigError
from trial_api.randomness import seed_of

from ..mutators import Mutator, RandomMutator, Selection
from ..mutators._random import selections_of
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._cost_bins import CostBins
from ._data import TRAIN
from ._loop import Phase
from ._meters import Value
from ._options import Options
from ._search_history import SearchTuner
from ._supernet_search import Architecture, OnResult, SupernetSearch


@final
class SposTrainer(BaseTrainer):
    """Trains a supernet one uniformly random path a step; then any tuner searches in it.

    Guo, Zhang, Mu, Heng, Liu, Wei, Sun: Single Path One-Shot Neural Architecture Search with
    Uniform Sampling, ECCV 2020 (https://arxiv.org/abs/1904.00420). :meth:`train` trains the
    weights; nothing of the architecture is learned meanwhile. :meth:`search` then evaluates what a
    tuner proposes, with the inherited weights, on data that is held out of ``dataset_train``:
    50,000 images of ImageNet's 1.28 million in the paper. Before an evaluation the statistics of
    batch norm are estimated anew for the architecture, from training data (20,000 images there).

    The paper trains on ImageNet for 150,000 steps with batches of 1,024, SGD with momentum 0.9, a
    learning rate of 0.5 that falls linearly to 0, weight decay 4e-5, and label smoothing of 0.1.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. A tenth of ``dataset_train`` is held out for the search, unless
            ``search_fraction`` says otherwise.
        mutator: :class:`RandomMutator` by default.
        cost: A cost for each candidate of each layer choice, as ``candidate_costs`` gives it.
        cost_bounds: The least and the largest cost of the architectures to train. Their range is
            divided into ``cost_bins``; each step draws a bin, then an architecture in it. None
            draws from all architectures alike.
        cost_bins: How many.
        cost_tries: Draws until a bin counts as empty, and any architecture is taken.
        bn_batches: Training batches for the statistics of batch norm, of an architecture that is
            judged; 0 uses those of the supernet.
        candidates: Before a search, :meth:`export` gives the best of so many random architectures,
            by the loss on some of the held-out data. During training one of them is validated
            (``random_...`` in the log).
        options: See :class:`Options`.

    Example::

        trainer = SposTrainer(
            model, F.cross_entropy, accuracy, optimizer, 120, dataset_train, dataset_valid
        )
        trainer.train()
        trainer.search(SPOSEvolutionTuner(), 1000)
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
        mutator: Mutator | None = None,
        cost: Mapping[str, Sequence[float]] | None = None,
        cost_bounds: tuple[float, float] | None = None,
        cost_bins: int = 7,
        cost_tries: int = 500,
        bn_batches: int = 20,
        candidates: int = 10,
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
            mutator=mutator or RandomMutator(model, seed=options.get("seed")),
            search_fraction=0.1,
            options=options,
        )
        self.bn_batches = bn_batches
        self._search = SupernetSearch(self, candidates=candidates, cost=cost)
        self._parts["search"] = self._search
        self._bins: CostBins | None = None
        if cost_bounds is not None:
            if cost is None:
                raise ConfigError("needs `cost`, a table of costs", "cost_bounds")
            self._bins = CostBins(
                self.mutator.search_space,
                cost,
                bounds=cost_bounds,
                bins=cost_bins,
                tries=cost_tries,
                seed=seed_of(self.seed, "cost bins", 0),
            )
            self._parts["cost_bins"] = self._bins

    @property
    def history(self) -> list[tuple[dict[str, Any], float | None]]:
        """What :meth:`search` has tried: architectures and their values, None where one failed."""
        return self._search.history

    def search(
        self,
        tuner: SearchTuner,
        evaluations: int,
        *,
        metric: str | None = None,
        batches: int | None = None,
        cost_limit: float | None = None,
        on_result: OnResult | None = None,
    ) -> dict[str, Any]:
        """Let a tuner search in the trained supernet; the best is what :meth:`export` gives.

        The history is part of checkpoints. After :meth:`resume` call this again with a new tuner
        made like the first: it is told the history, and the search goes on as if it had not been
        interrupted. It ends early, without an error, when the tuner has nothing more to propose.

        Args:
            tuner: Any tuner of ``nas_tuners``, also an ``OptunaTuner``, or an object with the same
                methods.
            evaluations: How many architectures, those of the history included.
            metric: What is optimized, as the tuner's ``optimize_mode`` says; None for the first of
                the metrics, or the loss where there are none.
            batches: Held-out batches that an architecture is judged on; None for all.
            cost_limit: Architectures that cost more, by the table ``cost``, are not evaluated; the
                tuner is told that they failed. A tuner that takes constraints itself wastes fewer
                proposals.
            on_result: Called with each architecture and its value, to write a checkpoint for
                example.

        Returns:
            The best architecture.

        Raises:
            ConfigError: if metric, limit and tuner do not go together.
            TrainingError: if no architecture has a value.
        """
        return self._search.run(
            tuner,
            evaluations,
            metric=metric,
            batches=batches,
            cost_limit=cost_limit,
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
        if self._bins is None:
            self.mutator.reset()
        else:
            space = self.mutator.search_space
            self.mutator.apply_on_model(selections_of(space, self._bins.sample()))
        self._write_graph_status()
        return self._train_weights(batch)

    def _quality(self) -> dict[str, float]:
        return self._search.quality()

    def _final_decision(self) -> Mapping[str, Selection]:
        return self._search.decision()

    def _final_architecture(self) -> dict[str, Any]:
        return self._search.architecture()
