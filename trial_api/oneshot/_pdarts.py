"""P-DARTS: DARTS in stages, each on a deeper network with fewer candidates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast, final

import torch
from torch import nn
from torch.utils.data import Dataset
from typing_extensions import Unpack

from nas_tuners.contract.errors import CheckpointError, ConfigError, Problem
from nas_tuners.contract.search_space import SearchSpace
from trial_api.randomness import seed_of

from ..graph import record_graph
from ..mutators import Mutator, ProgressiveMutator, SkipCap
from ..mutators._random import draw_seed
from ..nn import search_space
from ..nn.space_record import record_of
from ._base import BaseTrainer, Metrics
from ._callbacks import Callback, LRSchedulerCallback
from ._checkpoint_file import read_checkpoint
from ._darts import DartsTrainer
from ._options import Options
from ._pdarts_stage import Created, Progress, drop_candidates, read_created
from ._skip_connections import SkipDropout, Skips, find_skips
from ._weights_only import check_weights_only

_KIND = "PdartsTrainer"

ModelCreator: TypeAlias = Callable[[int], Created]


@final
class PdartsTrainer:
    """Progressive DARTS: the depth of the search network grows towards that of the final one.

    Chen, Xie, Wu, Tian: Progressive Differentiable Architecture Search: Bridging the Depth Gap
    between Search and Evaluation, ICCV 2019 (https://arxiv.org/abs/1904.12760). Every stage is a
    first-order DARTS search of its own on a new, deeper model. After it the least probable
    candidates of each layer choice are dropped, so that memory stays constant (section 3.2).
    Dropout behind skip connections, and a bound on their number in the result, keep them from
    winning because they learn first (section 3.3).

    A stage has ``num_epochs`` epochs; callbacks, logs and checkpoints count them through all
    stages. The published search on CIFAR-10 has 3 stages of 5, 11 and 17 cells (``init_layers``
    is 5) with 25 epochs each, batches of 96, and SGD with learning rate 0.025 decayed to 0 by a
    cosine, momentum 0.9 and weight decay 3e-4.

    Args:
        model_creator: ``model_creator(layers) -> (model, loss, optimizer, lr_scheduler)``: a new
            model with its own optimizer, and None or a scheduler that is stepped each epoch. The
            keys of the choices must not depend on the depth.
        init_layers: Depth of the first stage, without its entry in ``pdarts_num_layers``.
        metrics, dataset_train, dataset_valid: See :class:`BaseTrainer`.
        num_epochs: Of each stage.
        pdarts_num_layers: Layers that each stage adds to ``init_layers``.
        pdarts_num_to_drop: Candidates that each stage drops; one always stays. What the last
            stage drops changes nothing: the best candidates are exported.
        weights_only_epochs: The first epochs of each stage leave the architecture alone.
        skip_dropout: Rate of the dropout behind skip connections at the beginning of each stage;
            it decays. The paper has (0.0, 0.4, 0.7) for CIFAR-10, (0.1, 0.2, 0.3) for CIFAR-100.
        skip_names: Candidates with these names are skip connections, and every ``nn.Identity``.
        skip_cap: Skip connections that the exported architecture may have; None for any number.
        skip_cap_prefix: Of the keys for which they are counted; by default, the normal cell.
        arc_learning_rate: Of Adam on the architecture parameters.
        arc_betas, arc_weight_decay: Of the same.
        options: See :class:`Options`; here ``batch_size`` is 96 and ``grad_clip`` 5 by default.

    Raises:
        ConfigError: with everything that is wrong with the arguments.

    Example::

        def create(layers):
            model = search_spaces.darts(cells=layers)
            optimizer = torch.optim.SGD(model.parameters(), 0.025, 0.9, weight_decay=3e-4)
            return model, nn.CrossEntropyLoss(), optimizer, CosineAnnealingLR(optimizer, 25)


        trainer = PdartsTrainer(create, 5, accuracy, 25, dataset_train, dataset_valid)
        trainer.train()
        trainer.export("best.json")
    """

    def __init__(
        self,
        model_creator: ModelCreator,
        init_layers: int,
        metrics: Metrics,
        num_epochs: int,
        dataset_train: Dataset[Any] | None = None,
        dataset_valid: Dataset[Any] | None = None,
        *,
        pdarts_num_layers: Sequence[int] = (0, 6, 12),
        pdarts_num_to_drop: Sequence[int] = (3, 2, 2),
        weights_only_epochs: int = 10,
        skip_dropout: Sequence[float] = (0.0, 0.4, 0.7),
        skip_names: Collection[str] = ("skip_connect", "identity"),
        skip_cap: int | None = 2,
        skip_cap_prefix: str = "normal_",
        arc_learning_rate: float = 6e-4,
        arc_betas: tuple[float, float] = (0.5, 0.999),
        arc_weight_decay: float = 1e-3,
        **options: Unpack[Options],
    ) -> None:
        _check(pdarts_num_layers, pdarts_num_to_drop, skip_dropout, skip_cap, skip_names)
        check_weights_only("weights_only_epochs", weights_only_epochs, num_epochs)
        self._creator = model_creator
        self._depths = [init_layers + more for more in pdarts_num_layers]
        self._drops = list(pdarts_num_to_drop)
        self._num_epochs = num_epochs
        self._weights_only = weights_only_epochs
        self._dropout = list(skip_dropout)
        self._skip_names = frozenset(skip_names)
        self._cap, self._prefix = skip_cap, skip_cap_prefix
        self._data = (metrics, dataset_train, dataset_valid)
        self._adam: dict[str, Any] = {
            "arc_learning_rate": arc_learning_rate,
            "arc_betas": arc_betas,
            "arc_weight_decay": arc_weight_decay,
        }
        self._callbacks = list(options.get("callbacks") or ())
        self._options: dict[str, Any] = {"batch_size": 96, "grad_clip": 5.0, **options}
        self.seed = draw_seed() if options.get("seed") is None else cast(int, options["seed"])
        self._space: SearchSpace | None = None
        self._check_spaces()
        self._progress = Progress()
        self._trainer = self._begin(self._progress)

    @property
    def stage(self) -> int:
        """The present one, from 0."""
        return self._progress.stage

    @property
    def model(self) -> nn.Module:
        """The supernet of the present stage."""
        return self._trainer.model

    @property
    def mutator(self) -> Mutator:
        """The mutator of the present stage."""
        return self._trainer.mutator

    @property
    def search_space(self) -> SearchSpace:
        """Of the untouched model, which the export fits."""
        return self.mutator.search_space

    def train(self, validate: bool = True) -> None:
        """Run the epochs that are left, of all stages; see :meth:`BaseTrainer.train`."""
        self._trainer.train(validate)
        while self.stage + 1 < len(self._depths):
            assert isinstance(self.mutator, ProgressiveMutator)
            self._progress = self._progress.after(self.mutator, drop=self._drops[self.stage])
            self._trainer = self._begin(self._progress)
            self._write_graph()
            self._trainer.train(validate)

    def validate(self) -> dict[str, float]:
        """See :meth:`BaseTrainer.validate`; with the weights of the present stage."""
        return self._trainer.validate()

    def export(self, file: str | Path | None = None) -> dict[str, Any]:
        """See :meth:`BaseTrainer.export`."""
        return self._trainer.export(file)

    def checkpoint(self, file: str | Path) -> None:
        """See :meth:`BaseTrainer.checkpoint`."""
        self._trainer.checkpoint(file)

    def resume(self, file: str | Path) -> None:
        """See :meth:`BaseTrainer.resume`; in whichever stage the file was written."""
        content = read_checkpoint(Path(file), trainer=_KIND)
        progress = Progress()
        progress.load_state_dict(content["parts"]["progress"])
        self._check_progress(progress, str(file))
        self.seed = content["seed"]
        trainer = self._begin(progress)
        trainer.resume(file)
        self._progress, self._trainer = progress, trainer
        self._write_graph()

    def enable_visualization(self, logdir: str | Path | None = None) -> None:
        """See :meth:`BaseTrainer.enable_visualization`; the graph is that of the present stage,
        with the candidates that were dropped.
        """
        self._trainer.enable_visualization(logdir)
        self._write_graph()

    @property
    def visualization_folder(self) -> Path | None:
        """See :attr:`BaseTrainer.visualization_folder`."""
        return self._trainer.visualization_folder

    def _write_graph(self) -> None:
        """Record the model of the present stage before candidates were dropped, if wanted."""
        if self.visualization_folder is not None and self.stage > 0:
            self._trainer._write_graph(self._graph_of_stage)

    def _graph_of_stage(self, inputs: Any) -> dict[str, Any]:
        model = read_created(self._creator(self._depths[self.stage]))[0]
        return record_graph(model.to(self._trainer.device), inputs)

    def _begin(self, progress: Progress) -> DartsTrainer:
        """The trainer of a stage, at its first epoch."""
        stage = progress.stage
        model, loss, optimizer, scheduler = read_created(self._creator(self._depths[stage]))
        space = self._same_space(search_space(model))
        skips = find_skips(model, self._skip_names)
        drop_candidates(model, optimizer, progress.survivors)
        mutator = ProgressiveMutator(
            model,
            space=space,
            survivors=progress.survivors,
            skip_cap=self._skip_cap(skips),
            seed=seed_of(self.seed, "architecture", stage),
        )
        metrics, train, valid = self._data
        first = stage * self._num_epochs
        callbacks = self._all_callbacks(stage, skips, scheduler)
        trainer = DartsTrainer(
            model,
            loss,
            metrics,
            optimizer,
            first + self._num_epochs,
            train,
            valid,
            mutator=mutator,
            weights_only_epochs=first + self._weights_only,
            **self._adam,
            **{**self._options, "seed": self.seed, "callbacks": callbacks},
        )
        self._take_over(trainer, progress, first)
        return trainer

    def _take_over(self, trainer: DartsTrainer, progress: Progress, first: int) -> None:
        """Make a stage's trainer a part of this search."""
        trainer._kind = _KIND
        trainer._parts["progress"] = progress
        trainer._loop.position.epoch = first
        trainer._records_final = progress.stage == len(self._depths) - 1
        before: DartsTrainer | None = getattr(self, "_trainer", None)
        if before is not None:
            trainer._recording.log = before._recording.log
            trainer._loop.position.total = before._loop.position.total
        for callback in self._callbacks:
            callback.build(trainer.model, trainer.mutator, cast(BaseTrainer, self))

    def _all_callbacks(self, stage: int, skips: Skips, scheduler: Any) -> list[Callback]:
        dropout = SkipDropout(
            (module for places in skips.values() for ms in places.values() for module in ms),
            self._dropout[stage],
            first=stage * self._num_epochs,
            epochs=self._num_epochs,
            weights_only=self._weights_only,
        )
        scheduling = [] if scheduler is None else [LRSchedulerCallback(scheduler)]
        return [dropout, *scheduling, *self._callbacks]

    def _skip_cap(self, skips: Skips) -> SkipCap | None:
        if self._cap is None:
            return None
        counted = {key: [*of_key] for key, of_key in skips.items() if key.startswith(self._prefix)}
        return SkipCap(self._cap, counted)

    def _check_spaces(self) -> None:
        """Refuse models that do not go together now, not after the first stage is trained."""
        with torch.random.fork_rng(devices=[]):
            for depth in self._depths:
                model = read_created(self._creator(depth))[0]
                _refuse_values(model)
                self._same_space(search_space(model))

    def _same_space(self, space: SearchSpace) -> SearchSpace:
        """The search space of a stage, which must be that of all."""
        known = self._space = self._space or space
        if known != space:
            differing = sorted(known.specs.items() ^ space.specs.items(), key=str)
            keys = ", ".join(dict.fromkeys(repr(key) for key, _ in differing))
            raise ConfigError(
                f"the models of all stages must have the same search space, but {keys} differ; "
                "give the choices keys that do not depend on the depth",
                "model_creator",
            )
        return space

    def _check_progress(self, progress: Progress, source: str) -> None:
        unknown = progress.survivors.keys() - self.search_space.specs.keys()
        if progress.stage >= len(self._depths) or unknown:
            raise CheckpointError(
                f"{source}: does not fit this trainer; make it with the same model_creator and "
                f"stages (the file is in stage {progress.stage}, there are {len(self._depths)})"
            )


def _refuse_values(model: nn.Module) -> None:
    record = record_of(model)
    if record is not None and record.has_values:
        raise ConfigError(
            "stages drop candidates of layer choices, which value choices have none of; leave "
            "them out, or take DartsTrainer",
            "model_creator",
        )


def _check(
    num_layers: Sequence[int],
    num_to_drop: Sequence[int],
    skip_dropout: Sequence[float],
    skip_cap: int | None,
    skip_names: object,
) -> None:
    problems = [*_problems(num_layers, num_to_drop, skip_dropout)]
    if skip_cap is not None and skip_cap < 0:
        problems.append(Problem("skip_cap", f"must be >= 0 or None, but got {skip_cap}"))
    if isinstance(skip_names, str):
        text = f"must be a collection of names, but got {skip_names!r}"
        problems.append(Problem("skip_names", text))
    if problems:
        raise ConfigError(problems, _KIND)


def _problems(
    num_layers: Sequence[int],
    num_to_drop: Sequence[int],
    skip_dropout: Sequence[float],
) -> Iterator[Problem]:
    stages = len(num_layers)
    if not stages:
        yield Problem("pdarts_num_layers", "must have an entry a stage, but got none")
    for name, given in (("pdarts_num_to_drop", num_to_drop), ("skip_dropout", skip_dropout)):
        if len(given) != stages:
            yield Problem(
                name, f"must have as many entries as pdarts_num_layers ({stages}), but got {given}"
            )
    if any(count < 0 for count in num_to_drop):
        yield Problem("pdarts_num_to_drop", f"must be >= 0, but got {num_to_drop}")
    if not all(0 <= rate < 1 for rate in skip_dropout):
        yield Problem("skip_dropout", f"must be >= 0 and < 1, but got {skip_dropout}")
