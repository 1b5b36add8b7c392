"""The keywords of an experiment in Python: those of the configuration file, read alike."""

from __future__ import annotations

import functools
import json
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Any

from nas_tuners.contract.errors import ConfigError, Problem
from nas_tuners.experiment.configuration.checks import problems_of
from nas_tuners.experiment.configuration.config import ExperimentConfig
from nas_tuners.experiment.configuration.fields import fields_of
from nas_tuners.experiment.configuration.nni.strangers import names_of_ours
from nas_tuners.experiment.configuration.parts import TunerConfig
from nas_tuners.experiment.configuration.reader import Reader
from nas_tuners.experiment.configuration.yaml_file import YamlFile
from nas_tuners.experiment.warm.preload import PRELOAD
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._registry import TUNERS

_COMMAND = (sys.executable, "-m", f"{__package__}.trial")
_ELSEWHERE = (
    "trials of an experiment in Python run on this machine; for others write a trial script with "
    "get_and_apply_next_architecture, and use `nas-tuners run`"
)
_NAMES = {path: name for name, path in TUNERS.items()}
_GIVEN_OTHERWISE = {
    "command": "the evaluator is what a trial runs: leave it out",
    "function": "the evaluator is what a trial runs: leave it out",
    "search_space": "the model space tells it: leave it out",
    "max_trial_number": "is NNI's name: it is called max_trials here",
    "trial_concurrency": "is NNI's name: it is called concurrency here",
}


def make_config(
    given: Mapping[str, Any], *, name: str, optimize_mode: str | None = None
) -> ExperimentConfig:
    """The configuration that keywords stand for.

    Args:
        given: Keyword -> value; those that are None are taken as not given.
        name: The experiment's name if it has none.
        optimize_mode: The direction of the evaluator's result, if it knows one.

    Raises:
        ConfigError: with every problem found.
    """
    base = Path.cwd()
    given = _with_tuner_taken_apart(given)
    table = {key: parse for key, parse in fields_of(base).items() if key not in _GIVEN_OTHERWISE}
    reader = Reader(YamlFile(), names_of_ours())
    unusable = [problem for key, value in given.items() for problem in _unusable(key, value)]
    wrong = {problem.where for problem in unusable}
    plain = {key: _plain(value) for key, value in given.items() if key not in wrong}
    reader.take(unusable)
    read = reader.read_mapping("", plain, table, ())
    known = {"optimize_mode": optimize_mode} if optimize_mode else {}
    config = ExperimentConfig(**(_defaults(base, name) | known | read))
    reader.take(_against(optimize_mode, config.optimize_mode))
    unreadable = {key for key, value in given.items() if value is not None} - read.keys()
    reader.take(problems_of(config, unreadable))
    if reader.problems:
        raise ConfigError(reader.problems, "Experiment")
    return config


def for_trials(config: ExperimentConfig, modules: Sequence[str]) -> ExperimentConfig:
    """The configuration with what this program's trials need to import what it has imported.

    Args:
        config: The configuration.
        modules: What trials import, for the process that they are forked from.
    """
    given = config.environment.get("PYTHONPATH", "").split(os.pathsep)
    places = dict.fromkeys(place for place in (*given, *_own_places()) if place)
    added = {"PYTHONPATH": os.pathsep.join(places), PRELOAD: " ".join(modules)}
    return replace(config, environment={**config.environment, **added})


def _defaults(base: Path, name: str) -> dict[str, Any]:
    return {
        "name": re.sub(r"[^A-Za-z0-9._-]", "_", name).strip("._-") or "experiment",
        "command": _COMMAND,
        "warm": True,
        "tuner": TunerConfig("BayesianTuner"),
        "code_directory": base,
        "experiments_directory": base / "nas-experiments",
    }


def _unusable(key: str, value: Any) -> Iterator[Problem]:
    """Why a value cannot be what stands in a file, if it cannot."""
    if key in _GIVEN_OTHERWISE:
        yield Problem(key, _GIVEN_OTHERWISE[key])
    elif isinstance(value, Tuner):
        yield Problem(key, _not_recorded(value))
    elif key == "tuner" and hasattr(value, "sample_relative"):
        yield Problem(key, _sampler(type(value).__name__))
    elif key == "launcher" and _name(value) not in (None, "local"):
        yield Problem(key, _ELSEWHERE)
    else:
        yield from _not_json(key, value)


def _against(evaluators: str | None, given: Any) -> Iterator[Problem]:
    """A direction that is not the evaluator's; several objectives have their own."""
    if evaluators is not None and isinstance(given, str) and given != evaluators:
        message = f"is {given!r}, but the evaluator's result is to be {evaluators}d: leave it out"
        yield Problem("optimize_mode", message)


def _not_json(key: str, value: Any) -> Iterator[Problem]:
    """It is recorded in the experiment's folder, for resuming."""
    try:
        json.dumps(_plain(value), allow_nan=False)
    except (TypeError, ValueError) as error:
        rule = "must be text, numbers, true or false, None, or lists and dicts of them"
        yield Problem(key, f"{rule}, got {value!r} ({error})")


def _plain(value: Any) -> Any:
    """As a file would have it; a class, or a partial of one, is its name or import path."""
    if isinstance(value, type):
        path = f"{value.__module__}:{value.__qualname__}"
        return _NAMES.get(path, path)
    if isinstance(value, functools.partial) and isinstance(value.func, type) and not value.args:
        return {"name": _plain(value.func), "args": _plain(value.keywords)}
    if is_dataclass(value):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return _plain({name: item for name, item in given.items() if item is not None})
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    return value


def _name(value: Any) -> Any:
    return value.get("name") if isinstance(value, Mapping) else value


def _with_tuner_taken_apart(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a new tuner as its class and arguments, as a file would have it.

    Its direction is that of the experiment, unless that has another. A tuner that cannot be
    recorded stays as it is.
    """
    tuner = given.get("tuner")
    if not isinstance(tuner, Tuner) or tuner.has_had_trials:
        return given
    arguments = tuner.constructor_arguments
    if [*_not_json("tuner", arguments)]:
        return given
    taken_apart = {**given, "tuner": {"name": _plain(type(tuner)), "args": arguments}}
    if given.get("optimize_mode") in (None, arguments.get("optimize_mode")):
        taken_apart["optimize_mode"] = arguments.pop("optimize_mode", None)
    return taken_apart


def _not_recorded(tuner: Tuner) -> str:
    name = type(tuner).__name__
    if tuner.has_had_trials:
        return f"this {name} has had trials already: give a new one"
    return (
        f"this {name} was made with what no file can hold, and resuming needs it: give {name!r}, "
        f"or {{'name': {name!r}, 'args': {{...}}}} with plain values; an Optuna sampler by "
        "its path, such as 'optuna.samplers:TPESampler'"
    )


def _sampler(name: str) -> str:
    """What to write in place of a sampler of Optuna's."""
    return (
        f"a {name} that is made already: how it was made is not known, and resuming needs that; "
        f"give functools.partial({name}, ...) with the same arguments"
    )


def _own_places() -> list[str]:
    """Where this program looks up modules beside where every Python does."""
    usual = {*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()}
    found = (os.path.abspath(place) for place in sys.path)
    return [p for p in dict.fromkeys(found) if p not in usual and not _is_of_python(p, usual)]


def _is_of_python(place: str, usual: set[str]) -> bool:
    """The standard library in an archive, and what of it is compiled."""
    return place.endswith(".zip") or os.path.dirname(place) in usual
