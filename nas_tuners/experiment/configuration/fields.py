"""The keys of a configuration file, and how each is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_tuners.contract.search_space import SearchSpace

from . import metrics, values
from .described import accepts
from .parts import (
    BudgetConfig,
    CallbackConfig,
    ConstraintConfig,
    EarlyStoppingConfig,
    GpuConfig,
    LauncherConfig,
    NotifyConfig,
    TunerConfig,
)
from .reader import named, part
from .values import Parser


def fields_of(base: Path) -> dict[str, Parser]:
    """Key -> parser; the names are those of :class:`.ExperimentConfig`.

    Args:
        base: What relative paths start from.
    """
    path, folder = values.path(base), values.existing_directory(base)
    return {
        "name": values.folder_name,
        "command": values.command,
        "function": values.import_path,
        "warm": values.truth,
        "code_directory": folder,
        "search_space": _search_space(base),
        "tuner": named(TunerConfig, _tuner_fields(path, folder)),
        "concurrency": values.whole_number(1),
        "max_trials": values.whole_number(1),
        "max_duration": values.duration,
        "max_trial_duration": values.duration,
        "max_consecutive_failures": values.whole_number(1),
        "max_retries": values.whole_number(0),
        "max_log_size": values.megabytes,
        "optimize_mode": metrics.goals,
        "early_stopping": named(EarlyStoppingConfig, _EARLY_STOPPING),
        "budget": part(BudgetConfig, _BUDGET, ("maximum",), alone="maximum"),
        "constraint": part(ConstraintConfig, _CONSTRAINT, ("measure", "bounds")),
        "gpus": part(GpuConfig, _GPUS, (), alone="per_trial"),
        "launcher": named(LauncherConfig, _LAUNCHER),
        "seed": values.whole_number(0),
        "storage": values.storage_url(base),
        "storage_patience": values.duration,
        "heartbeat": values.duration,
        "study_name": values.text,
        "experiments_directory": path,
        "environment": values.environment,
        "callbacks": values.list_of(named(CallbackConfig, _CALLBACK)),
        "notify": part(NotifyConfig, _NOTIFY, ("command",), alone="command"),
    }


def recorded_fields() -> dict[str, Parser]:
    """The same for what an experiment has recorded: paths are taken as they are."""
    taken = values.recorded_path
    return fields_of(Path()) | {
        "code_directory": taken,
        "experiments_directory": taken,
        "storage": values.text,
        "tuner": named(TunerConfig, _tuner_fields(taken, taken)),
    }


def _tuner_fields(path: Parser, folder: Parser) -> dict[str, Parser]:
    return {
        "name": values.text,
        "args": values.mapping,
        "code_directory": folder,
        "warm_start": path,
        "import_data": path,
    }


_PRUNED = values.one_of("ignore", "latest", "best")
_EARLY_STOPPING: dict[str, Parser] = {
    "name": values.text,
    "args": values.mapping,
    "pruned_trials": _PRUNED,
}
_BUDGET: dict[str, Parser] = {
    "maximum": values.whole_number(1),
    "minimum": values.whole_number(1),
    "eta": values.whole_number(2),
    "brackets": values.whole_number(1),
    "pruned_trials": _PRUNED,
}
_CONSTRAINT: dict[str, Parser] = {
    "measure": values.import_path,
    "bounds": metrics.bounds,
    "attempts": values.whole_number(1),
}
_GPUS: dict[str, Parser] = {
    "per_trial": values.gpu_number,
    "indices": values.indices,
    "trials_per_gpu": values.whole_number(1),
    "use_occupied": values.truth,
    "patience": values.duration,
}
_LAUNCHER: dict[str, Parser] = {
    "name": values.one_of("local", "ray", "slurm"),
    "args": values.mapping,
}
_CALLBACK: dict[str, Parser] = {"name": values.text, "args": values.mapping}
_NOTIFY: dict[str, Parser] = {
    "command": values.argument_list,
    "events": values.list_of(values.text),
}


def _search_space(base: Path) -> Parser:
    @accepts(anyOf=[{"type": "string"}, {"type": "object"}])
    def parse(value: Any) -> SearchSpace | Path:
        if isinstance(value, Mapping):
            return SearchSpace(value)
        file = values.path(base)(value)
        if not file.parent.is_dir():
            raise ValueError(f"no such folder: {file.parent}")
        if not file.exists():
            return file
        return SearchSpace.load(file)

    return parse
