"""A model in training: an epoch, a validation, a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ConfigError, ExportError, TrainingError
from trial_api import get_output_dir, get_trial_budget
from trial_api.training.auxiliary import on_logits, with_auxiliary
from trial_api.training.batches import Batch, check_call, read_batch
from trial_api.training.guard import LossGuard

from ._progress import FILE, read_progress, write_progress
from ._scores import Scoring
from ._training import Training
from .weights import save_weights

_logger = logging.getLogger(__name__)

_ADVICE = "the trial ends. A lower learning_rate, or grad_clip, may help"
_AMP = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Task:
    """What is trained for.

    Attributes:
        train_data: In any form that users may give.
        valid_data: The same.
        criterion: A loss, or a class of losses.
        metric: The one that the search is about.
        scoring: How it is computed.
        settings: All that must be as it was for a trial to go on.
    """

    train_data: Any
    valid_data: Any
    criterion: Any
    metric: str
    scoring: Scoring
    settings: dict[str, Any]


@final
class Learner:
    """A model and what trains it."""

    def __init__(self, model: nn.Module, task: Task, training: Training) -> None:
        self._training, self._task = training, task
        self._device = training.where
        self._model = model.to(self._device)
        self._optimizer = training.make_optimizer(self._model.parameters())
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=training.amp == "fp16")
        criterion = task.criterion() if isinstance(task.criterion, type) else task.criterion
        self._criterion = criterion.to(self._device) if _is_module(criterion) else criterion
        self._loss = with_auxiliary(self._aligned(self._criterion), training.aux_weight)
        self._judge = on_logits(self._aligned(self._judged))

    def train_epoch(self, loader: Iterable[Any], where: str) -> float:
        """Change the weights; the mean loss."""
        self._model.train()
        guard, total, count = LossGuard(_ADVICE), torch.zeros((), device=self._device), 0
        for number, batch in enumerate(self._batches(loader)):
            loss = self._loss(self._output(batch), batch.target)
            guard.watch(loss, f"batch {number} of {where}")
            self._step(loss)
            total, count = total + loss.detach() * batch.size, count + batch.size
        guard.check()
        _require(count, "train_data")
        return total.item() / count

    @torch.no_grad()
    def validate(self, loader: Iterable[Any]) -> dict[str, float]:
        """The metrics over all batches."""
        self._model.eval()
        loss, count = torch.zeros((), device=self._device), 0
        sums: Tensor | None = None
        for batch in self._batches(loader):
            batch_loss, batch_sums = self._judge(self._output(batch), batch.target)
            loss, count = loss + batch_loss * batch.size, count + batch.size
            sums = batch_sums if sums is None else sums + batch_sums
        _require(count, "valid_data")
        assert sums is not None
        return {**self._task.scoring.read(sums), "loss": loss.item() / count}

    def restore(self) -> list[dict[str, float]]:
        """Go on from the trial's checkpoint, if it has one: the metrics of each epoch so far."""
        state = read_progress(get_output_dir(), self._task.settings)
        if state is None:
            return []
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        history: list[dict[str, float]] = state["history"]
        _logger.info("going on after %d epochs", len(history))
        return history

    def save(self, history: list[dict[str, float]]) -> None:
        """Write the trial's checkpoint."""
        if not self._training.save:
            return
        content = {
            "settings": self._task.settings,
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "history": history,
        }
        write_progress(get_output_dir(), content)

    def finish(self, loader: Iterable[Any]) -> None:
        """Leave the files that are asked for; a checkpoint only for a larger budget."""
        if self._training.save:
            save_weights(self._model)
            if get_trial_budget() is None:
                (get_output_dir() / FILE).unlink(missing_ok=True)
        if self._training.export_onnx:
            export(self._model, next(self._batches(loader)))

    def _batches(self, loader: Iterable[Any]) -> Iterator[Batch]:
        for batch in loader:
            yield read_batch(batch, self._device, self._training.unpack)

    def _output(self, batch: Batch) -> Any:
        """What the model gives, in full precision."""
        amp = self._training.amp
        dtype = _AMP[amp] if amp else None
        with torch.autocast(self._device.type, dtype=dtype, enabled=amp is not None):
            try:
                output = self._model(*batch.args, **batch.kwargs)
            except TypeError as error:
                check_call(self._model, batch, error)
                raise
        return tuple(map(_full, output)) if isinstance(output, tuple) else _full(output)

    def _step(self, loss: Tensor) -> None:
        self._optimizer.zero_grad()
        torch.autograd.backward(self._scaler.scale(loss))
        if self._training.grad_clip is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._model.parameters(), self._training.grad_clip)
        self._scaler.step(self._optimizer)
        self._scaler.update()

    def _aligned(self, function: Callable[[Tensor, Tensor], Any]) -> Callable[[Any, Any], Any]:
        """A function of outputs and of targets as users give them."""

        def of_user_data(output: Any, target: Any) -> Any:
            if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
                kinds = f"{type(output).__name__} for targets that are {type(target).__name__}"
                raise TrainingError(f"the model must give a tensor for tensors, but gives {kinds}")
            return function(output, self._task.scoring.align(output, target))

        return of_user_data

    def _judged(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        return self._criterion(output, target), self._task.scoring.sums(output, target)


def export(model: nn.Module, batch: Batch) -> None:
    """Write ``model.onnx``; a model that cannot be written is told, and is no failure."""
    from trial_api.export import export_onnx

    try:
        if batch.kwargs:
            raise ExportError("its inputs are given by name")
        export_onnx(model, batch.args)
    except ExportError as error:
        _logger.warning("there is no model.onnx: %s", error)


def _full(output: Any) -> Any:
    """Half precision is for the model alone."""
    is_half = isinstance(output, Tensor) and output.dtype in _AMP.values()
    return output.float() if is_half else output


def _is_module(value: Any) -> bool:
    return isinstance(value, nn.Module)


def _require(count: int, name: str) -> None:
    if not count:
        raise ConfigError(
            "it gave no batch; what is iterated must begin anew each time, as a DataLoader does "
            "and a generator does not",
            name,
        )
