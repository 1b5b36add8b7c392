"""The launcher that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from .configuration.config import ExperimentConfig
from .launcher import Launcher
from .local.launcher import LocalLauncher

_MB = 1_000_000


def make_launcher(config: ExperimentConfig, *, trials: Path) -> AbstractContextManager[Launcher]:
    """What runs the trials of an experiment.

    Args:
        config: The configuration.
        trials: The folder that holds a folder per trial.
    """
    if config.launcher.name == "ray":
        from .ray_cluster.launcher import RayLauncher

        return RayLauncher.from_config(config, trials=trials)
    return local_launcher(config, trials=trials, environment=config.environment)


def local_launcher(
    config: ExperimentConfig, *, trials: Path, environment: Mapping[str, str]
) -> LocalLauncher:
    """Trials as processes on this machine."""
    gpus = None
    if config.gpus is not None:
        from .gpus.placement import GpuPlacement

        gpus = GpuPlacement(config.gpus)
    return LocalLauncher(
        config.command,
        function=config.function,
        warm=config.warm,
        cwd=config.code_directory,
        trials=trials,
        environment=environment,
        gpus=gpus,
        max_log_bytes=int(config.max_log_size * _MB),
    )
