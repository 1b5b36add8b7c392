"""What Lightning calls in a trial; needs the package lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from nas_tuners.contract.errors import MetricError, did_you_mean
from trial_api import report_intermediate_result
from trial_api.randomness import generators_of, seed_all, seed_of


@final
class Report(Callback):
    """Reports what a module has logged, after each validation.

    Args:
        metric: The name of the one that the search is about; None if that is plain.

    Attributes:
        history: What was reported.
    """

    def __init__(self, metric: str | None) -> None:
        self._metric = metric
        self.history: list[dict[str, float]] = []

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self.history.append(result_of(trainer.callback_metrics, self._metric))
            report_intermediate_result(self.history[-1])

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = list(state_dict["history"])
        for result in self.history:  # an attempt's reports are its own
            report_intermediate_result(result)


@final
class Seeds(Callback):
    """Seeds each epoch by itself, so that it is the same when a trial goes on with it.

    Args:
        seed: Of the trial.
        loaders: What may have generators of their own.
    """

    def __init__(self, seed: int, *loaders: object) -> None:
        self._seed, self._loaders = seed, loaders
        self._epoch = 0
        self._is_seeded = False

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._begin()  # the first pass over the data begins before the first epoch does
        self._is_seeded = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._is_seeded:
            self._begin()
        self._epoch, self._is_seeded = self._epoch + 1, False

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self._epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._epoch = state_dict["epoch"]

    def _begin(self) -> None:
        seed = seed_of(self._seed, "epoch", self._epoch)
        seed_all(seed)
        for loader in self._loaders:
            for generator in generators_of(loader):
                generator.manual_seed(seed)


def result_of(logged: Mapping[str, Tensor], metric: str | None) -> dict[str, float]:
    """What is reported.

    Raises:
        MetricError: if it is not known which one the search is about.
    """
    found = {name: float(value) for name, value in logged.items()}
    name = metric or ("default" if "default" in found else "")
    if not name and len(found) == 1:
        [name] = found
    if name in found:
        return {**found, "default": found[name]}
    if not found:
        raise MetricError("the module logs nothing: call self.log(name, value) in validation_step")
    names = ", ".join(found)
    if metric:
        hint = did_you_mean(metric, found)
        raise MetricError(f"the module logs no {metric!r}, but {names}{hint}")
    raise MetricError(
        f"the module logs {names}: say which one the search is about, "
        f"Lightning(..., metric={list(found)[-1]!r})"
    )
