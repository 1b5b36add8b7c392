"""The configuration of an experiment: one frozen dataclass, read from one YAML file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Union

from nas_tuners.contract.errors import (
    ConfigError,
    Problem,
    SearchSpaceError,
    TunerError,
    did_you_mean,
)
from nas_tuners.contract.search_space import SearchSpace

from . import config_values as values
from .config_values import Parser
from .prior import prior_problems
from .yaml_file import YamlFile, read_yaml

Command = Union[str, tuple[str, ...]]


@dataclass(frozen=True)
class TunerConfig:
    """Which tuner, and what it knows before the first trial.

    Attributes:
        name: A registered name, or an import path.
        args: Its arguments.
        code_directory: Where to import it from.
        warm_start: A file of scores; once the experiment has its folder, one in there.
        import_data: A file of results that are not in the study, likewise.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    code_directory: Path | None = None
    warm_start: Path | None = None
    import_data: Path | None = None


@dataclass(frozen=True)
class ExperimentConfig:
    """What ``nas-tuners run`` reads; ``command`` is required in the file.

    Attributes:
        name: Names the experiment's folder and, unless ``study_name`` is given, its study.
        command: What a trial runs: a text for the shell, or a list of arguments.
        tuner: The tuner; its name alone, or the fields of :class:`TunerConfig`.
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
        optimize_mode: ``"maximize"`` or ``"minimize"``.
        seed: Of all randomness in the search; drawn once if not given.
        storage: An Optuna storage URL, or ``journal:///path``; None for a SQLite file in the
            experiment's folder.
        study_name: The study within the storage. Experiments that name the same one share it.
        experiments_directory: Where the experiment's folder is made; ``nas-experiments`` in the
            current folder if not given.
        environment: Environment variables for trials.
    """

    name: str
    command: Command
    tuner: TunerConfig
    code_directory: Path
    experiments_directory: Path
    search_space: SearchSpace | Path | None = None
    concurrency: int = 1
    max_trials: int | None = None
    max_duration: float | None = None
    max_trial_duration: float | None = None
    max_consecutive_failures: int = 10
    optimize_mode: Literal["maximize", "minimize"] = "maximize"
    seed: int = field(default_factory=lambda: secrets.randbelow(2**31))
    storage: str | None = None
    study_name: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """All of it but the search space, which has a file of its own."""
        content = asdict(replace(self, search_space=None))
        del content["search_space"]
        return json.dumps(content, indent=2, default=str) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ExperimentConfig:
        """What :meth:`to_json` wrote."""
        content = json.loads(text)
        content["tuner"] = _recorded_tuner(content["tuner"])
        if isinstance(content["command"], list):
            content["command"] = tuple(content["command"])
        for name in ("code_directory", "experiments_directory"):
            content[name] = Path(content[name])
        _check_edited(content)
        return cls(**content)


_REQUIRED = ("command",)
_EDITED = (
    "concurrency",
    "max_trials",
    "max_duration",
    "max_trial_duration",
    "max_consecutive_failures",
    "optimize_mode",
    "seed",
)


def load_config(path: str | Path) -> ExperimentConfig:
    """Read and check a configuration file, the tuner and the search space that it names included.

    Raises:
        ConfigError: with every problem found, each with its line.
    """
    path = Path(path)
    file = read_yaml(path)
    reader = _Reader(file)
    base = path.resolve().parent
    fields = reader.read_mapping("", file.content, _fields(base), _REQUIRED)
    config = ExperimentConfig(**(_defaults(path) | fields))
    reader.take(_tuner_problems(config))
    if reader.problems:
        raise ConfigError(reader.problems, str(path))
    return config


def _recorded_tuner(content: Mapping[str, Any]) -> TunerConfig:
    names = ("code_directory", "warm_start", "import_data")
    paths = {name: Path(content[name]) for name in names if content.get(name)}
    return TunerConfig(content["name"], content["args"], **paths)


def _check_edited(content: dict[str, Any]) -> None:
    """What people may have changed by hand in the experiment's folder."""
    parsers = _fields(Path())
    for name in _EDITED:
        if content[name] is not None:
            try:
                content[name] = parsers[name](content[name])
            except ValueError as error:
                raise ValueError(f"{name} {error}") from None


def _defaults(path: Path) -> dict[str, Any]:
    """What depends on the configuration's own place, or on the current folder."""
    return {
        "command": "",  # so that the tuner can be checked even where the command is missing
        "tuner": TunerConfig("BayesianTuner"),
        "name": values.default_name(path),
        "code_directory": path.resolve().parent,
        "experiments_directory": Path.cwd() / "nas-experiments",
    }


def _fields(base: Path) -> dict[str, Parser]:
    """How each key of the file is read; the names are those of :class:`ExperimentConfig`."""
    return {
        "name": values.folder_name,
        "command": values.command,
        "code_directory": values.existing_directory(base),
        "search_space": _search_space(base),
        "tuner": _tuner(base),
        "concurrency": values.whole_number(1),
        "max_trials": values.whole_number(1),
        "max_duration": values.duration,
        "max_trial_duration": values.duration,
        "max_consecutive_failures": values.whole_number(1),
        "optimize_mode": values.direction,
        "seed": values.whole_number(0),
        "storage": values.storage_url(base),
        "study_name": values.text,
        "experiments_directory": values.path(base),
        "environment": values.environment,
    }


class _Reader:
    """Reads mappings by a table of parsers and collects every problem."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self.problems: list[Problem] = list(file.problems)

    def read_mapping(
        self, prefix: str, content: Any, fields: Mapping[str, Parser], required: tuple[str, ...]
    ) -> dict[str, Any]:
        """The parsed fields; those that are absent, null or wrong are left out."""
        if content is not None and not isinstance(content, Mapping):
            kind = type(content).__name__
            self._wrong(prefix, f"expected keys and values, got a {kind}: {content!r}")
            return {}
        given = {key: value for key, value in (content or {}).items() if value is not None}
        for key in content or {}:
            if key not in fields:
                self._wrong(f"{prefix}{key}", f"unknown key{did_you_mean(key, fields)}")
        for name in required:
            if name not in given:
                self._wrong(f"{prefix}{name}", "missing")
        results: dict[str, Any] = {}
        for name, parse in fields.items():
            if name in given:
                self._read(f"{prefix}{name}", given[name], parse, results, name)
        return results

    def _read(
        self, where: str, value: Any, parse: Parser, results: dict[str, Any], name: str
    ) -> None:
        try:
            results[name] = parse(value)
        except ConfigError as error:
            self.take(error.problems, within=where)
        except SearchSpaceError as error:
            if error.source:
                self._wrong(where, str(error))
            else:
                self.take(error.problems, within=where)
        except ValueError as error:
            self._wrong(where, str(error))

    def take(self, problems: Iterable[Problem], *, within: str = "") -> None:
        """Add problems that were found elsewhere; ``within`` leads to what was read there."""
        for problem in problems:
            where = ".".join(part for part in (within, problem.where) if part)
            self._wrong(where, problem.message)

    def _wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(self._file.where(where), message))


def _tuner(base: Path) -> Parser:
    fields = {
        "name": values.text,
        "args": values.mapping,
        "code_directory": values.existing_directory(base),
        "warm_start": values.path(base),
        "import_data": values.path(base),
    }

    def parse(value: Any) -> TunerConfig:
        if isinstance(value, str):
            return TunerConfig(value)
        if isinstance(value, Mapping) and "class" in value:
            if "name" in value:
                raise ValueError("give either name or class (two words for the same), not both")
            value = {"name" if key == "class" else key: item for key, item in value.items()}
        reader = _Reader(YamlFile())
        read = reader.read_mapping("", value, fields, ("name",))
        if reader.problems:
            raise ConfigError(reader.problems)
        return TunerConfig(**read)

    return parse


def _search_space(base: Path) -> Parser:
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


def _tuner_problems(config: ExperimentConfig) -> list[Problem]:
    """What is wrong with the tuner, found by making one, and with the files for it."""
    from .study import make_tuner_of

    problems = list(prior_problems(config.tuner))
    try:
        tuner = make_tuner_of(config)
        if config.tuner.warm_start is not None:
            tuner.warm_start(())  # refused by a tuner that makes no use of scores
    except ConfigError as error:
        problems += error.problems
    except TunerError as error:
        problems.append(Problem("tuner.warm_start", str(error)))
    return problems
