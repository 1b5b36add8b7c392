"""The configuration of an experiment: one frozen dataclass, read from one YAML file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Union

from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.search_space import SearchSpace

from .checks import problems_of
from .fields import fields_of, recorded_fields
from .nni.files import as_ours
from .nni.strangers import names_of_ours
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
from .reader import Reader
from .values import default_name
from .yaml_file import YamlFile, read_yaml

Command = Union[str, tuple[str, ...]]
OptimizeMode = Union[Literal["maximize", "minimize"], dict[str, str]]


@dataclass(frozen=True)
class ExperimentConfig:
    """What ``nas-tuners run`` reads; ``command`` or ``function`` is required in the file.

    Attributes:
        name: Names the experiment's folder and, unless ``study_name`` is given, its study.
        command: What a trial runs: a text for the shell, or a list of arguments.
        function: What a trial calls instead: the import path of a function of the parameters that
            returns the result, ``module:function``. It is always warm.
        warm: Whether Python and what the trial's script imports stay loaded between trials.
        tuner: The tuner; its name alone, or the fields of :class:`.TunerConfig`.
            :class:`~nas_tuners.BayesianTuner` if not given.
        code_directory: Where trials run; the configuration's folder if not given.
        search_space: The space; a file that the trial command shall generate it into, or None to
            generate it without keeping a file beside the experiment's own.
        concurrency: How many trials run at a time.
        max_trials: No trial is started once the study holds so many, failed ones included.
        max_duration: Seconds after which no trial is started.
        max_trial_duration: Seconds after which a trial is ended and recorded as failed.
        max_consecutive_failures: The run ends when so many trials in a row have failed or
            have lacked a metric.
        max_retries: How often a trial runs again whose process, worker or node vanished.
        max_log_size: How many MB of what a trial prints are kept, of each stream.
        optimize_mode: ``"maximize"`` or ``"minimize"``; or metric -> one of these, or a bound
            such as ``"<= 5"``. The first objective is what "best" and early stopping go by.
        early_stopping: When trials are stopped before their end; a name alone, or the fields of
            :class:`.EarlyStoppingConfig`.
        budget: Hyperband; its maximum alone, or the fields of :class:`.BudgetConfig`.
        constraint: Which architectures are refused before they are trained.
        gpus: How many GPUs a trial gets, or the fields of :class:`.GpuConfig`; what the runner
            sees if not given.
        launcher: Where trials run; a name alone, or the fields of :class:`.LauncherConfig`.
        seed: Of all randomness in the search; drawn once if not given.
        storage: An Optuna storage URL, or ``journal:///path``; None for a SQLite file in the
            experiment's folder.
        storage_patience: Seconds that a run waits for a database server that does not answer.
        heartbeat: Seconds between two signs of life that workers on one study give each other;
            four that are missing are taken for the worker's death.
        study_name: The study within the storage. Experiments that name the same one share it.
        experiments_directory: Where the experiment's folder is made; ``nas-experiments`` in the
            current folder if not given.
        environment: Environment variables for trials.
        callbacks: Classes that are told of the experiment's events; see :class:`.CallbackConfig`.
        notify: A command that is told of them; see :class:`.NotifyConfig`.
    """

    name: str
    tuner: TunerConfig
    code_directory: Path
    experiments_directory: Path
    command: Command | None = None
    function: str | None = None
    warm: bool = False
    search_space: SearchSpace | Path | None = None
    concurrency: int = 1
    max_trials: int | None = None
    max_duration: float | None = None
    max_trial_duration: float | None = None
    max_consecutive_failures: int = 10
    max_retries: int = 3
    max_log_size: float = 50.0
    optimize_mode: OptimizeMode = "maximize"
    early_stopping: EarlyStoppingConfig | None = None
    budget: BudgetConfig | None = None
    constraint: ConstraintConfig | None = None
    gpus: GpuConfig | None = None
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))
    storage: str | None = None
    storage_patience: float = 600.0
    heartbeat: float = 15.0
    study_name: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    callbacks: tuple[CallbackConfig, ...] = ()
    notify: NotifyConfig | None = None

    def to_json(self) -> str:
        """All of it but the search space, which has a file of its own."""
        content = asdict(replace(self, search_space=None))
        del content["search_space"]
        return json.dumps(content, indent=2, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ExperimentConfig:
        """What :meth:`to_json` wrote, or what people made of it; folders need not exist.

        Raises:
            ValueError: with every problem found.
        """
        reader = Reader(YamlFile())
        required = ("name", "tuner", "code_directory", "experiments_directory")
        read = reader.read_mapping("", json.loads(text), recorded_fields(), required)
        if reader.problems:
            raise ConfigError(reader.problems)
        return cls(**read)


def load_config(path: str | Path, *, code_is_elsewhere: bool = False) -> ExperimentConfig:
    """Read and check a configuration file, the tuner and the search space that it names included.

    An experiment file of NNI's is read as what it stands for; problems have its own words then.

    Args:
        path: The file.
        code_is_elsewhere: Whether trials run in another folder than it says; then their functions
            are not looked for.

    Raises:
        ConfigError: with every problem found, each with its line.
    """
    path = Path(path)
    table = fields_of(path.resolve().parent)
    file = as_ours(read_yaml(path), path, table)
    reader = Reader(file, names_of_ours())
    given = reader.read_mapping("", file.content, table, ())
    if not isinstance(file.content or {}, Mapping):
        raise ConfigError(reader.problems, str(path))
    config = ExperimentConfig(**(_defaults(path) | given))
    unreadable = _unreadable(file.content, given)
    reader.take(problems_of(config, unreadable, code_is_elsewhere=code_is_elsewhere))
    if reader.problems:
        raise ConfigError(reader.problems, str(path))
    return config


def _unreadable(content: Any, given: Mapping[str, Any]) -> set[str]:
    """The keys that have a value, and one that was refused."""
    return {key for key, value in (content or {}).items() if value is not None} - given.keys()


def _defaults(path: Path) -> dict[str, Any]:
    """What depends on the configuration's own place, or on the current folder."""
    return {
        "tuner": TunerConfig("BayesianTuner"),
        "name": default_name(path),
        "code_directory": path.resolve().parent,
        "experiments_directory": Path.cwd() / "nas-experiments",
    }
