"""What every one-shot trainer is: a supernet, its mutator, data, and the shared loop."""

from __future__ import annotations

import abc
import atexit
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Protocol, Union

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from nas_tuners.contract.architecture import save_architecture
from nas_tuners.contract.choices_log import Kind
from nas_tuners.contract.errors import (
    CheckpointError,
    ConfigError,
    MutatorError,
    TrainingError,
)
from trial_api.randomness import random_state, seed_of, seeded, set_random_state

from ..mutators import Mutator, Selection
from ..training.batches import Batch, check_call, read_batch
from . import _distributed as distributed
from ._arguments import check_arguments
from ._callbacks import CallbackList
from ._checkpoint_file import read_checkpoint, write_checkpoint
from ._compiled import compile_supernet, quiet_compiler, uncompiled
from ._data import SEARCH, TRAIN, VALID, Stream
from ._freed import freeing_the_model
from ._judge import judge
from ._loaders import make_loaders
from ._loop import Loop, Phase
from ._meters import Value, read_metrics
from ._options import Options, Settings, device_of, read_options
from ._recording import Recording
from ._shapes import shape_disagreements
from ._supernet_check import SupernetCheck
from ._tensorboard import Scalars
from ._update import Update

logger = logging.getLogger(__name__)

_NO_GRAPH = (
    "has no gradient by any parameter: return it with its graph (no detach, no new tensor), and "
    "let some layer that is always run have parameters that are not frozen"
)

Loss = Callable[[Any, Any], Tensor]
Metrics = Union[Callable[[Any, Any], Union[Mapping[str, Value], Value]], None]


class Stateful(Protocol):
    """What checkpoints keep."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state: Any) -> Any: ...


class BaseTrainer(abc.ABC):
    """Trains a supernet and finds an architecture in it.

    An algorithm extends this class and writes :meth:`_phases`: what an epoch consists of. It finds
    here the model and its mutator on the device, batches (:class:`Phase` names their streams),
    :meth:`_forward` and :meth:`_train_weights`, and everything around: epochs, logs, callbacks,
    mixed precision, checkpoints, several processes.

    Args:
        model: A model with choices.
        loss: ``loss(output, target)``, a scalar tensor: a function or a module.
        metrics: ``metrics(output, target)``: a number or a dict of numbers; None for none.
        optimizer: Of the model's weights.
        num_epochs: How many.
        dataset_train: Split at random into a part for the weights and one for the architecture.
        dataset_valid: For :meth:`validate`.
        mutator: Decides the choices of the model. A trainer that cannot be made removes it.
        search_fraction: The algorithm's share of ``dataset_train`` for the architecture; 0 where
            it uses none.
        options: See :class:`Options`.

    Attributes:
        model: The supernet, on the device.
        mutator: Its mutator.
        device: Where it trains.
        settings: The options with their defaults.

    Raises:
        ConfigError: with everything that is wrong with the arguments.
    """

    runs_every_candidate: ClassVar[bool] = False
    """Whether a step always runs the same graph, which can be compiled as a whole."""

    bn_batches: int = 8
    """Training batches from which batch-norm statistics are estimated before an architecture is
    judged; 0 judges it by those of the supernet."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__init__ = freeing_the_model(cls.__init__)  # type: ignore[method-assign]

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        metrics: Metrics,
        optimizer: torch.optim.Optimizer,
        num_epochs: int,
        dataset_train: Dataset[Any] | None,
        dataset_valid: Dataset[Any] | None,
        *,
        mutator: Mutator,
        search_fraction: float,
        options: Options,
    ) -> None:
        name = self._kind = type(self).__name__
        self.mutator = mutator
        self.settings = read_options(options, name)
        problems = [*check_arguments(model, loss, metrics, optimizer, num_epochs, mutator)]
        if problems:
            raise ConfigError(problems, name)
        self.device = distributed.local_device(device_of(self.settings))
        if distributed.join_group(self.device):
            atexit.register(distributed.leave_group)
        self.model = model.to(self.device)
        self.mutator = _placed(mutator, self.device)
        self.num_epochs = num_epochs
        self.seed = _common_seed(self.settings)
        self._loss = loss.to(self.device) if isinstance(loss, nn.Module) else loss
        self._metrics = metrics
        self._weights = self._update(optimizer, clip=self.settings.grad_clip)
        self._parts: dict[str, Stateful] = {
            "model": self.model,
            "mutator": self.mutator,
            "weights": self._weights,
        }
        self._data = (dataset_train, dataset_valid, search_fraction)
        self._loaders = self._make_loaders()
        self._loop = Loop(self.settings, self._streams(), self._callback_list())
        self._parts["loop"] = self._loop
        self._check_values = SupernetCheck(self.mutator)
        self._recording = Recording(self.mutator, self._loop)
        self._records_final = True
        self._scalars = Scalars(self.settings.logdir if distributed.rank() == 0 else None)
        decides = [*self.mutator.parameters(), *self.mutator.buffers()]
        distributed.broadcast([*self.model.state_dict().values(), *decides])
        _share_random_states(self.mutator)
        compile_supernet(self.mutator, self.settings.compile, whole=self.runs_every_candidate)

    @abc.abstractmethod
    def _phases(self, epoch: int) -> Sequence[Phase]:
        """What an epoch consists of."""

    def train(self, validate: bool = True) -> None:
        """Run the epochs that are left.

        Args:
            validate: After each epoch, if there is validation data, judge the architecture that
                would be exported (``valid_...`` in the log) and, where all candidates run, their
                mixture (``supernet_...``).

        Raises:
            TrainingError: if the loss is not finite, a loader is empty, or a process was lost.
            MutatorError: if the mutator was removed from the model.
        """
        if not self.mutator.is_bound:
            raise MutatorError("the mutator was removed from the model; make a new trainer")
        self.model.train()
        with self._scalars:
            while self._loop.position.epoch < self.num_epochs:
                epoch = self._loop.position.epoch
                averages = self._loop.run_epoch(self._phases(epoch))
                self._recording.write_epoch()
                if validate and VALID in self._loaders:
                    averages |= self._quality()
                self._tell(epoch, averages)
                self._loop.end_epoch()
        if self._records_final:
            self._record_final()

    def validate(self) -> dict[str, float]:
        """The loss and the metrics of the architecture that :meth:`export` would write.

        It runs with the weights of the supernet, on the validation data.

        Raises:
            TrainingError: if there is no validation data.
        """
        return self._evaluate(self._final_decision())

    def export(self, file: str | Path | None = None) -> dict[str, Any]:
        """The architecture that the search has come to.

        Args:
            file: Where to write it, as ``apply_fixed_architecture`` reads it.
        """
        position = self._loop.position
        if position.epoch == position.phase == position.step == 0:
            logger.warning("nothing was trained yet: this architecture is where the search begins")
        architecture = self._final_architecture()
        if file is not None and distributed.rank() == 0:
            save_architecture(architecture, file)
        return architecture

    def checkpoint(self, file: str | Path) -> None:
        """Write everything that :meth:`resume` needs to go on as if nothing had happened."""
        self._loop.guard.check()
        distributed.broadcast(self.model.buffers())
        mine = {
            "random": random_state(),
            "streams": {name: one.state_dict() for name, one in self._loop.streams.items()},
        }
        of_all = distributed.gather(mine)
        if distributed.rank() > 0:
            return
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        content = {"trainer": self._kind, "parts": parts, "processes": of_all}
        write_checkpoint(Path(file), content | {"seed": self.seed})

    def resume(self, file: str | Path) -> None:
        """Take up a search where :meth:`checkpoint` left it; then call :meth:`train`.

        The trainer must have been made with the same arguments.

        Raises:
            CheckpointError: if the file is unusable or does not fit; the message says why.
        """
        content = read_checkpoint(Path(file), trainer=self._kind)
        processes = content["processes"]
        if len(processes) != distributed.world_size():
            raise CheckpointError(
                f"{file}: written by {len(processes)} processes, but there are "
                f"{distributed.world_size()} now; start as many as before"
            )
        mine = processes[distributed.rank()]
        self._check_streams(mine["streams"], str(file))
        self._load_parts(content["parts"], str(file))
        self._take_seed(content["seed"])
        for name, state in mine["streams"].items():
            self._loop.streams[name].load_state_dict(state)
        set_random_state(mine["random"])

    def enable_visualization(self, logdir: str | Path | None = None) -> None:
        """Record the supernet now, and its choices during training, for the viewer.

        The supernet is run once, on two samples of the training data. The search is the same with
        and without it, unless the data draws from a generator of its own; and takes hardly longer:
        records are written as often as that allows, at the end of each epoch, and of the search
        (``final``; some trainers judge architectures for it, as :meth:`export` does).

        Args:
            logdir: A folder for ``graph.json`` and ``log``; None is a new ``logs/<time>``. A
                search that is resumed goes on with the log that it finds.

        Raises:
            ConfigError: if the folder cannot be written to.
        """
        if distributed.rank() == 0:
            self._recording.begin(logdir, self.device)
            self._write_graph(self.mutator.graph)
            logger.info("recording in %s", self.visualization_folder)

    @property
    def visualization_folder(self) -> Path | None:
        """Where the search is recorded, by this process."""
        return self._recording.folder

    def _write_graph(self, record: Callable[[Any], Mapping[str, Any]]) -> None:
        """Write the graph that a function records with inputs of the model."""
        with self._aside():
            self._recording.write_graph(record, self._batches_of(TRAIN, 1))

    # For algorithms.

    def _write_graph_status(self, kind: Kind | None = None) -> None:
        """Record the present decision, if that is wanted and due; see
        :meth:`Recording.write_step`.
        """
        self._recording.write_step(kind)

    def _update(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        clip: float | None = None,
        only: bool = False,
    ) -> Update:
        """An optimizer in the shared machinery; checkpoints must be told of it."""
        scaler = torch.amp.GradScaler(self.device.type) if self.settings.amp == "fp16" else None
        return Update(
            optimizer, clip=clip, accumulate=self.settings.accumulate, scaler=scaler, only=only
        )

    def _architecture_update(self, optimizer: torch.optim.Optimizer) -> Update:
        """The update of the architecture parameters, kept in checkpoints as ``architecture``."""
        update = self._update(optimizer, only=True)
        self._parts["architecture"] = update
        return update

    def _forward(self, batch: Batch) -> tuple[Tensor, Any]:
        """The loss of a batch, and the model's output, as decided at present.

        Raises:
            TrainingError: if the loss is no finite scalar with a gradient, or candidates do not
                fit.
        """
        with self._autocast():
            output = self._run_model(batch)
            loss = self._loss(output, batch.target)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise TrainingError(f"the loss must be a scalar tensor, but got {_described(loss)}")
        if not loss.requires_grad:
            raise TrainingError(f"the loss in {self._loop.where} {_NO_GRAPH}")
        self._loop.guard.watch(loss, self._loop.where)
        return loss, output

    def _train_weights(self, batch: Batch) -> dict[str, Value]:
        """One step of the weights; the mutator must be decided without a graph."""
        loss, output = self._forward(batch)
        self._weights.step(loss)
        return {"loss": loss.detach(), **self._measure(output, batch)}

    def _measure(self, output: Any, batch: Batch) -> dict[str, Value]:
        """The user's metrics of an output."""
        if self._metrics is None:
            return {}
        with torch.no_grad():
            return read_metrics(self._metrics(output, batch.target))

    def _final_decision(self) -> Mapping[str, Selection]:
        """What :meth:`validate` judges and :meth:`export` writes."""
        return self.mutator._final()

    def _record_final(self) -> None:
        """Record it, if that is wanted; every process must take part."""
        self._recording.write_final(self._final_decision)

    def _final_architecture(self) -> dict[str, Any]:
        return self.mutator.export()

    def _evaluate(self, decision: Mapping[str, Selection]) -> dict[str, float]:
        """Loss and metrics of an architecture on the validation data."""
        return self._judge(decision, self._validation_batches())

    def _judge(
        self,
        decision: Mapping[str, Selection],
        batches: Iterable[Batch],
        *,
        own_statistics: bool = True,
    ) -> dict[str, float]:
        """Loss and metrics of an architecture on any batches.

        Random numbers, those of augmented data too, are the same each time.

        Args:
            own_statistics: Estimate batch-norm statistics for it first.
        """
        with self._aside():
            return judge(
                self.mutator,
                decision,
                run=self._output,
                measure=self._loss_and_metrics,
                statistics=self._statistics_batches() if own_statistics else None,
                batches=batches,
            )

    def _quality(self) -> dict[str, float]:
        found = {f"valid_{name}": value for name, value in self.validate().items()}
        if self.runs_every_candidate:
            batches = self._validation_batches()
            of_mixture = self._judge(self._mixture(), batches, own_statistics=False)
            found |= {f"supernet_{name}": value for name, value in of_mixture.items()}
        return found

    def _mixture(self) -> Mapping[str, Selection]:
        """What a step would run at present; where it is drawn, later draws do not change."""
        random = _random_part(self.mutator)
        with torch.no_grad():
            self.mutator.reset()
        self.mutator.load_state_dict(random, strict=False)
        return self.mutator._current()

    def _statistics_batches(self) -> Iterator[Batch] | None:
        """Training batches for batch norm."""
        return self._batches_of(TRAIN, self.bn_batches) if self.bn_batches else None

    def _batches_of(self, loader: str, count: int) -> Iterator[Batch]:
        """The same batches each time; the stream of training stays where it is."""
        stream = Stream(loader, self._loaders[loader], seed=seed_of(self.seed, "judge", 0))
        with stream.passing_by():
            for _ in range(count):
                yield read_batch(stream.next(), self.device, self.settings.unpack)

    def _steps(self, *streams: str) -> int:
        """Steps in which the shortest of some streams is passed once."""
        return min(len(self._loop.streams[name]) for name in streams)

    # Details.

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Random numbers are the same each time; the search goes on as if never left."""
        compiler = uncompiled() if self.settings.compile else nullcontext()
        with compiler, seeded(seed_of(self.seed, "judge", 0)):
            yield

    def _output(self, batch: Batch) -> Any:
        with self._autocast():
            return self._run_model(batch)

    def _loss_and_metrics(self, output: Any, batch: Batch) -> dict[str, Value]:
        with self._autocast():
            loss = self._loss(output, batch.target)
        return {"loss": loss, **self._measure(output, batch)}

    def _validation_batches(self) -> Iterable[Batch]:
        if VALID not in self._loaders:
            raise TrainingError(
                "there is no valid data; give the trainer dataset_valid or valid_loader"
            )
        return self._read(self._loaders[VALID])

    def _read(self, loader: Iterable[Any], count: int | None = None) -> Iterator[Batch]:
        """A pass, or a part of it, that begins when the first batch is asked for."""
        for batch in islice(loader, count):
            yield read_batch(batch, self.device, self.settings.unpack)

    def _run_model(self, batch: Batch) -> Any:
        with uncompiled() if self.settings.compile else nullcontext():
            self._check_values(batch)
        try:
            with quiet_compiler() if self.settings.compile else nullcontext():
                return self.model(*batch.args, **batch.kwargs)
        except TypeError as error:
            check_call(self.model, batch, error)
            raise
        except torch.cuda.OutOfMemoryError:
            raise  # no candidate's fault, and no room to try them
        except RuntimeError as error:
            found = shape_disagreements(
                self.mutator, lambda: self.model(*batch.args, **batch.kwargs)
            )
            if not found:
                raise
            raise TrainingError("the model failed; " + "; ".join(found)) from error

    def _autocast(self) -> AbstractContextManager[Any]:
        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.settings.amp or "")
        return nullcontext() if kind is None else torch.autocast(self.device.type, dtype=kind)

    def _make_loaders(self) -> dict[str, Iterable[Any]]:
        return make_loaders(
            *self._data, self.settings, seed=self.seed, device=self.device, trainer=self._kind
        )

    def _streams(self) -> dict[str, Stream]:
        return {
            name: Stream(name, self._loaders[name], seed=seed_of(self.seed, name, 0))
            for name in (TRAIN, SEARCH)
            if name in self._loaders
        }

    def _callback_list(self) -> CallbackList:
        callbacks = CallbackList(list(self.settings.callbacks or ()))
        callbacks.build(self.model, self.mutator, self)
        return callbacks

    def _take_seed(self, seed: int) -> None:
        """Split and shuffle the data as the search that is resumed, whose seed may be drawn."""
        if seed != self.seed:
            self.seed = seed
            self._loaders = self._make_loaders()
            self._loop.streams = self._streams()

    def _check_streams(self, states: Mapping[str, Any], source: str) -> None:
        for name, state in states.items():
            try:
                self._loop.streams[name].check_state(state)
            except ValueError as error:
                raise CheckpointError(f"{source}: {error}") from None

    def _load_parts(self, states: Mapping[str, Any], source: str) -> None:
        if states.keys() != self._parts.keys():
            raise CheckpointError(
                f"{source}: holds {sorted(states)}, but this trainer keeps {sorted(self._parts)}"
            )
        try:
            for name, part in self._parts.items():
                part.load_state_dict(states[name])
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{source}: does not fit this trainer; make it with the same model, optimizer and "
                f"options: {error}"
            ) from error

    def _tell(self, epoch: int, averages: Mapping[str, float]) -> None:
        distributed.check_alike(_fingerprint(self.mutator), "the architecture parameters")
        if distributed.rank() > 0:
            return
        text = "  ".join(f"{name}: {value:.4f}" for name, value in averages.items())
        logger.info("epoch %d: %s", epoch, text)
        self._scalars.write(epoch, averages)


def _placed(mutator: Mutator, device: torch.device) -> Mutator:
    """On the device, but for mutators whose decisions are needed on the host."""
    return mutator if mutator.stays_on_host else mutator.to(device)


def _share_random_states(mutator: Mutator) -> None:
    """Give all processes those of the first: they must decide alike, whatever their seeds."""
    if distributed.world_size() > 1:
        mutator.load_state_dict(distributed.gather(_random_part(mutator))[0], strict=False)


def _random_part(mutator: Mutator) -> dict[str, Any]:
    """Its random states, of its state dict."""
    return {k: v for k, v in mutator.state_dict().items() if k.endswith("_extra_state")}


def _common_seed(settings: Settings) -> int:
    own = settings.seed if settings.seed is not None else int(torch.randint(2**62, ()))
    return int(distributed.gather(own)[0])


def _fingerprint(mutator: Mutator) -> list[float]:
    return [float(parameter.detach().double().sum()) for parameter in mutator.parameters()]


def _described(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"
