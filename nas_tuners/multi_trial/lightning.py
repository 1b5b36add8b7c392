"""The evaluator for modules of Lightning."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch

from nas_tuners.contract.errors import ConfigError, Problem, TrainingError, did_you_mean
from trial_api import get_output_dir, get_trial_budget
from trial_api.training.batches import read_batch

from ._data import is_function
from ._learner import export
from .choices import is_choice
from .evaluator import Evaluator, ModelClass, Result, choices_within, misfits
from .weights import save_weights

if TYPE_CHECKING:
    from lightning import LightningModule, Trainer
    from lightning.pytorch.callbacks import Callback

_CHECKPOINT = "lightning.ckpt"


@final
class Lightning(Evaluator):
    """Trains with Lightning's ``Trainer``: ``pip install 'nas-tuners[lightning]'``.

    The trial reports the metrics that the module logs, after each epoch with a validation; its
    result is that of the last one. Lightning writes a checkpoint after each epoch, from which a
    trial that is run again goes on; under an experiment with a ``budget`` that is ``max_epochs``.

    Args:
        lightning_module: A class or function that makes a ``LightningModule`` of a model, and of
            ``arguments``.
        train_dataloaders: A loader, or a function without arguments that makes one in the trial.
        val_dataloaders: The same.
        trainer: Arguments of ``lightning.Trainer``, such as ``{"max_epochs": 10}``.
        metric: The one that the search is about, as the module logs it. It may be left out if
            only one is logged, or one is called ``default``.
        optimize_mode: Its direction, ``"maximize"`` or ``"minimize"``, if the experiment is not
            to say it.
        seed: Of everything random.
        save: Whether to keep the weights of the model, and on the way checkpoints.
        export_onnx: Whether to write ``model.onnx``, too.
        arguments: Further arguments of ``lightning_module``; choices among them are searched.

    Raises:
        ConfigError: with everything that is wrong with the arguments.

    Example::

        class Digits(lightning.LightningModule):
            def __init__(self, model, lr):
                ...

        Lightning(
            Digits, make_train_loader, make_valid_loader,
            trainer={"max_epochs": 10}, metric="val_accuracy", lr=loguniform(1e-4, 1e-1),
        )
    """

    def __init__(
        self,
        lightning_module: Callable[..., LightningModule],
        train_dataloaders: Any,
        val_dataloaders: Any,
        *,
        trainer: Mapping[str, Any] | None = None,
        metric: str | None = None,
        optimize_mode: str | None = None,
        seed: int = 0,
        save: bool = True,
        export_onnx: bool = False,
        **arguments: Any,
    ) -> None:
        _require_lightning()
        problems = [*_problems(lightning_module, arguments), *_trainer_problems(trainer or {})]
        if is_choice(seed):
            problems.append(Problem("seed", "is one for all trials, so it is not searched"))
        if optimize_mode not in (None, "maximize", "minimize"):
            rule = f"must be 'maximize' or 'minimize', but got {optimize_mode!r}"
            problems.append(Problem("optimize_mode", rule))
        if problems:
            raise ConfigError(problems, self.name)
        super().__init__(**arguments)
        self._make = lightning_module
        self._train_data, self._val_data = train_dataloaders, val_dataloaders
        self._trainer = {**(trainer or {})}
        self._metric, self._optimize_mode = metric, optimize_mode
        self._seed, self._save, self._export_onnx = seed, save, export_onnx

    @property
    def optimize_mode(self) -> str | None:
        return self._optimize_mode

    def evaluate(self, model_cls: ModelClass, *args: Any, **arguments: Any) -> Result:
        from lightning import seed_everything

        from ._lightning_report import Report, Seeds

        seed_everything(self._seed, workers=True, verbose=False)
        train_data, val_data = _called(self._train_data), _called(self._val_data)
        model = model_cls()
        report = Report(self._metric)
        checkpoint = get_output_dir() / _CHECKPOINT
        seeds = Seeds(self._seed, train_data, val_data)
        self._make_trainer([seeds, report], checkpoint).fit(
            self._make(model, **arguments),
            train_data,
            val_data,
            ckpt_path=checkpoint if checkpoint.exists() else None,
            weights_only=False,  # of this very trial; modules may have saved anything in it
        )
        if not report.history:
            raise TrainingError("no validation has run, so there is no result to report")
        if self._save:
            save_weights(model)
        if get_trial_budget() is None:
            checkpoint.unlink(missing_ok=True)
        if self._export_onnx:
            export(model.cpu(), read_batch(next(iter(val_data)), torch.device("cpu")))
        return report.history[-1]

    def _make_trainer(self, ours: list[Callback], checkpoint: Path) -> Trainer:
        """Quiet, on one device, and with what the trial needs beside what was asked for."""
        from lightning import Trainer
        from lightning.pytorch.callbacks import ModelCheckpoint

        given = dict(self._trainer)
        callbacks = [*_listed(given.pop("callbacks", None)), *ours]
        if self._save:
            callbacks.append(
                ModelCheckpoint(
                    checkpoint.parent,
                    checkpoint.stem,
                    enable_version_counter=False,  # the same file each time
                    save_on_train_epoch_end=True,
                )
            )
        budget = get_trial_budget()
        limit = {} if budget is None else {"max_epochs": budget}
        options = {**_defaults(checkpoints=self._save), **given, **limit}
        return Trainer(**options, callbacks=callbacks)


def _defaults(*, checkpoints: bool) -> dict[str, Any]:
    from lightning.fabric.plugins.environments.lightning import LightningEnvironment

    return {
        "plugins": LightningEnvironment(),  # a trial is by itself, even in a job of Slurm's
        "devices": 1,
        "logger": False,
        "enable_checkpointing": checkpoints,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": get_output_dir(),
    }


def _problems(make: Any, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    if not callable(make):
        rule = "must be a class or function that makes a LightningModule of a model"
        yield Problem("lightning_module", f"{rule}, but got {make!r}")
    else:
        yield from misfits(make, arguments)


def _trainer_problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    from lightning import Trainer

    yield from choices_within({"trainer": given})
    known = inspect.signature(Trainer).parameters
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known)
            yield Problem(f"trainer.{name}", f"lightning.Trainer takes no such argument{hint}")


def _require_lightning() -> None:
    try:
        import lightning  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "needs the package lightning: pip install 'nas-tuners[lightning]'", "Lightning"
        ) from error


def _called(data: Any) -> Any:
    return data() if is_function(data) else data


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
