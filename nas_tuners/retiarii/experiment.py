"""Experiments under NNI's names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean
from nas_tuners.multi_trial.evaluator import Evaluator
from nas_tuners.multi_trial.experiment import Experiment
from nas_tuners.multi_trial.source import ModelSpace
from nas_tuners.multi_trial.top_models import Formatter

from .strategy import Strategy

_logger = logging.getLogger(__name__)

_ENGINES = ("py", "base")


class _Attributes:
    """What may be set, and nothing else, so that no misspelling goes unnoticed."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(type(self), name):
            known = [known for known in vars(type(self)) if not known.startswith("_")]
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}{did_you_mean(name, known)} "
                f"(it has: {', '.join(known)})"
            )
        super().__setattr__(name, value)


class _TrainingService(_Attributes):
    """Where trials run: on this machine."""

    platform: str = "local"
    use_active_gpu: bool | None = None
    max_trial_number_per_gpu: int | None = None
    gpu_indices: Any = None


class RetiariiExeConfig(_Attributes):
    """What an experiment does, by NNI's names; a name that is none is refused.

    ``execution_engine`` may be ``"py"`` or ``"base"``, which are one here.

    Args:
        platform: ``"local"``.

    Raises:
        ConfigError: if it is another.
    """

    experiment_name: str | None = None
    max_trial_number: int | None = None
    max_experiment_duration: Any = None
    trial_concurrency: int = 1
    trial_gpu_number: int | None = None
    experiment_working_directory: Any = None
    trial_code_directory: Any = None
    execution_engine: str = "py"
    training_service: Any = None

    def __init__(self, platform: str = "local") -> None:
        if platform != "local":
            raise ConfigError(
                f"trials run on this machine ('local'), not on {platform!r}; for clusters see "
                "`nas-tuners run`",
                "RetiariiExeConfig",
            )
        self.training_service = _TrainingService()


class RetiariiExperiment:
    """A search: :class:`nas_tuners.Experiment` under NNI's names.

    Args:
        base_model: The model space.
        evaluator: Trains and judges a model.
        applied_mutators: None at all: what may be chosen stands in the model.
        strategy: One of :mod:`.strategy`.

    Raises:
        ConfigError: if an argument is wrong.

    Example::

        experiment = RetiariiExperiment(Net(), FunctionalEvaluator(train), [], strategy.Random())
        config = RetiariiExeConfig("local")
        config.max_trial_number = 20
        experiment.run(config)
    """

    def __init__(
        self,
        base_model: ModelSpace,
        evaluator: Evaluator,
        applied_mutators: Sequence[Any] | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        if applied_mutators:
            message = "there are none: use choices in the constructor of the model"
            raise ConfigError([Problem("applied_mutators", message)])
        if not isinstance(strategy, Strategy):
            message = f"must be one of nas_tuners.retiarii.strategy, got {strategy!r}"
            raise ConfigError([Problem("strategy", message)])
        self._base_model, self._evaluator, self._strategy = base_model, evaluator, strategy
        self._experiment: Experiment | None = None

    def run(self, config: RetiariiExeConfig, port: int = 8080) -> None:
        """Search until the end.

        Args:
            config: What to do.
            port: Taken, and not used: there is no page to show.

        Raises:
            ConfigError: with everything that is wrong with the configuration.
            ExperimentError: if no trial succeeds.
        """
        self._experiment = Experiment(
            self._base_model, self._evaluator, **_keywords(config, self._strategy)
        )
        self._experiment.run()

    def export_top_models(
        self,
        top_k: int = 1,
        optimize_mode: str | None = None,
        formatter: Formatter = "dict",
        *,
        inputs: Any = None,
    ) -> list[Any]:
        """As :meth:`nas_tuners.Experiment.export_top_models`; the search's mode counts."""
        if self._experiment is None:
            raise ConfigError("this experiment has not run yet: call run(config)")
        mode = self._strategy.optimize_mode or self._evaluator.optimize_mode or "maximize"
        if optimize_mode not in (None, mode):
            message = f"the search was to {mode}: leave it out"
            raise ConfigError([Problem("optimize_mode", message)])
        return self._experiment.export_top_models(top_k, formatter, inputs=inputs)


def _keywords(config: RetiariiExeConfig, strategy: Strategy) -> dict[str, Any]:
    """Our keywords."""
    if config.execution_engine not in _ENGINES:
        message = f"must be 'py' or 'base', which are one, got {config.execution_engine!r}"
        raise ConfigError([Problem("execution_engine", message)], "RetiariiExeConfig")
    limits = [one for one in (config.max_trial_number, strategy.max_trials) if one is not None]
    return {
        "tuner": {"name": strategy.tuner, "args": strategy.args},
        "optimize_mode": strategy.optimize_mode,
        "name": config.experiment_name,
        "max_trials": min(limits, default=None),
        "max_duration": config.max_experiment_duration,
        "concurrency": config.trial_concurrency,
        "gpus": _gpus(config),
        "experiments_directory": config.experiment_working_directory,
        "code_directory": config.trial_code_directory,
    }


def _gpus(config: RetiariiExeConfig) -> dict[str, Any] | None:
    """The GPUs of a trial; none on a machine without any, as scripts are tried out there."""
    import torch

    if config.trial_gpu_number is None:
        return None
    if config.trial_gpu_number and not torch.cuda.is_available():
        _logger.warning(
            "trial_gpu_number is %s, and torch sees no GPU here: trials run on the CPU",
            config.trial_gpu_number,
        )
        return None
    service = config.training_service
    return {
        "per_trial": config.trial_gpu_number,
        "use_occupied": service.use_active_gpu,
        "trials_per_gpu": service.max_trial_number_per_gpu,
        "indices": service.gpu_indices,
    }
