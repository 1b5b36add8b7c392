"""SMASH: a hypernetwork writes the weights of every architecture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from trial_api.randomness import seed_of

from ..mutators import Mutator, RandomMutator, Selection
from ..training.batches import Batch
from ._base import BaseTrainer, Loss, Metrics
from ._data import TRAIN
from ._hyper_network import HyperNetwork
from ._loop import Phase
from ._meters import Value
from ._options import Options
from ._search_history import SearchTuner
from ._supernet_search import SupernetSearch
from ._swapped import swapped


@final
class SmashTrainer(BaseTrainer):
    """Trains a hypernetwork that generates weights for any architecture, and compares them.

    Brock, Lim, Ritchie, Weston: SMASH: One-Shot Model Architecture Search through HyperNetworks,
    ICLR 2018 (https://arxiv.org/abs/1708.05344), section 3. Every step draws an architecture at
    random, has its weights generated, and descends in the hypernetwork's. Then architectures are
    ranked by held-out data under generated weights; the best one is to be trained normally.

    The paper's hypernetwork is convolutional and belongs to its memory-bank networks. This one
    suits any model: it generates the weights of the convolutions and linear layers that lie in
    candidates, chunk by chunk. All other parameters, biases and batch norm among them, are the
    model's own, trained by ``optimizer`` and shared by all architectures.

    :meth:`export` stores the weights of the exported architecture in ``model``, so that the plain
    network can inherit them; the supernet's other candidates hold none of use.

    Args:
        model, loss, metrics, optimizer, num_epochs, dataset_train, dataset_valid: See
            :class:`BaseTrainer`. A tenth of ``dataset_train`` is held out to compare
            architectures, unless ``search_fraction`` says otherwise.
        mutator: :class:`RandomMutator` by default.
        learning_rate: Of Adam on the hypernetwork.
        hidden: Width of the hypernetwork.
        embedding: Length of the embedding of a chunk.
        chunk: Numbers that are generated at once.
        final_samples: Random architectures of which :meth:`export` gives the best by the loss,
            where :meth:`search` was not called.
        bn_batches: Training batches for the statistics of batch norm, of an architecture that is
            judged; 0 uses the shared ones.
        options: See :class:`Options`.

    Raises:
        SearchSpaceError: if no candidate has a weight to generate.

    Example::

        trainer = SmashTrainer(
            model, F.cross_entropy, accuracy, optimizer, 100, dataset_train, dataset_valid
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
        mutator: Mutator | None = None,
        learning_rate: float = 1e-3,
        hidden: int = 128,
        embedding: int = 32,
        chunk: int = 256,
        final_samples: int = 100,
        bn_batches: int = 20,
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
        seed = seed_of(self.seed, "hypernetwork", 0)
        self.hyper_network = HyperNetwork(
            self.mutator,
            hidden=hidden,
            embedding=embedding,
            chunk=chunk,
            generator=torch.Generator().manual_seed(seed),
        ).to(self.device)
        adam = torch.optim.Adam(self.hyper_network.parameters(), lr=learning_rate)
        self._hyper_update = self._update(adam, clip=self.settings.grad_clip)
        self._search = SupernetSearch(self, candidates=final_samples)
        self._parts |= {
            "hyper_network": self.hyper_network,
            "hyper_update": self._hyper_update,
            "search": self._search,
        }

    def search(
        self, tuner: SearchTuner, evaluations: int, *, metric: str | None = None
    ) -> dict[str, Any]:
        """Let a tuner search under generated weights; the best is what :meth:`export` gives.

        Args:
            tuner: Any tuner of ``nas_tuners``, or an object with the same methods.
            evaluations: How many architectures.
            metric: What is optimized, as the tuner's ``optimize_mode`` says; None for the first of
                the metrics, or the loss where there are none.

        Returns:
            The best architecture.
        """
        return self._search.run(
            tuner, evaluations, metric=metric, batches=None, cost_limit=None, on_result=None
        )

    def _phases(self, epoch: int) -> Sequence[Phase]:
        return [Phase("train", self._step, (TRAIN,), self._steps(TRAIN))]

    def _step(self, train: Batch) -> dict[str, Value]:
        self.mutator.reset()
        self._write_graph_status()
        with swapped(self.model, self.hyper_network(self.mutator._current())):
            loss, output = self._forward(train)
        self._weights.step(loss, self._hyper_update)
        return {"loss": loss.detach(), **self._measure(output, train)}

    def _judge(
        self, decision: Mapping[str, Selection], batches: Iterable[Batch], **options: Any
    ) -> dict[str, float]:
        with torch.no_grad():
            generated = self.hyper_network(decision)
        with swapped(self.model, generated):
            return super()._judge(decision, batches, **options)

    def _final_decision(self) -> Mapping[str, Selection]:
        return self._search.decision()

    def _final_architecture(self) -> dict[str, Any]:
        self.hyper_network.write(self._search.decision())
        return self._search.architecture()
