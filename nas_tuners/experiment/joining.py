"""What a worker on another machine must know to join an experiment: it stands in the study."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ExperimentError, did_you_mean
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import SEARCH_SPACE_ATTR

from .configuration.config import ExperimentConfig
from .configuration.parts import LauncherConfig
from .generation import generate_search_space
from .logs import without_notices
from .prior import Prior, read_prior
from .records import CONFIG_ATTR, PRIOR_ATTR
from .storages.operations import storage_lock
from .storages.storage import open_storage
from .study_setup import open_study, study_name

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from .folder import ExperimentFolder

# Where a runner keeps its files and reaches the study is its own affair.
_LOCAL = ("storage", "study_name", "code_directory", "experiments_directory")

# What all of them must agree on, beside the tuner; the seed is that of whoever began.
_SEARCH = ("optimize_mode", "early_stopping", "budget", "constraint")


def publish(study: Study, config: ExperimentConfig, prior: Prior) -> None:
    """Write an experiment into its study, unless another has been written there."""
    storage, study_id = study._storage, study._study_id
    if CONFIG_ATTR in storage.get_study_system_attrs(study_id):
        return
    storage.set_study_system_attr(study_id, PRIOR_ATTR, json.dumps(asdict(prior), default=list))
    storage.set_study_system_attr(study_id, CONFIG_ATTR, json.dumps(_shared(config)))


def begin(folder: ExperimentFolder) -> None:
    """Make an experiment's study and publish it there, for workers to come.

    Raises:
        ExperimentError: if the storage is unusable, or the study is another experiment's.
    """
    from nas_tuners.tuners._study import attach_space

    config = folder.config()
    with (
        open_storage(folder.storage_url) as storage,
        storage_lock(storage, study_name(config)),
    ):
        study = open_study(storage, config)
        attach_space(study, folder.space())
        publish(study, config, folder.prior())


def begin_or_join(
    url: str,
    name: str,
    *,
    given: ExperimentConfig | None,
    code_directory: Path,
    experiments_directory: Path,
) -> tuple[ExperimentConfig, SearchSpace, Prior]:
    """An experiment as a worker on this machine runs it.

    Args:
        url: How this machine reaches the storage.
        name: The study.
        given: What the experiment is if nobody has begun it; None if somebody must have.
        code_directory: Where the trials' code is here.
        experiments_directory: Where the worker's folder shall be.

    Raises:
        ExperimentError: if it has not begun, differs from what is given, or was written by a
            version that this one does not understand.
    """
    from nas_tuners.tuners._study import attach_space

    with without_notices(), open_storage(url) as storage, storage_lock(storage, name):
        if given is not None:
            given = replace(given, storage=url, study_name=name)
            study = open_study(storage, given)
            attach_space(study, _space_of(given))
            publish(study, given, read_prior(given.tuner, Path()))
        else:
            study = _published_study(storage, name)
        joined = _joined(study, url, code_directory, experiments_directory)
    if given is not None:
        _refuse_other(joined[0], given, name)
    return joined


def _space_of(given: ExperimentConfig) -> SearchSpace:
    """The given one, or what the trial command generates."""
    if isinstance(given.search_space, SearchSpace):
        return given.search_space
    assert given.command is not None, "a function has its search space given"
    return generate_search_space(
        given.command, cwd=given.code_directory, environment=given.environment
    )


def _published_study(storage: BaseStorage, name: str) -> Study:
    import optuna

    try:
        study = optuna.load_study(study_name=name, storage=storage)
    except KeyError:
        names = [summary.study_name for summary in optuna.get_all_study_summaries(storage)]
        hint = did_you_mean(name, names) if names else "; it holds none at all: is the URL right?"
        raise ExperimentError(
            f"no study {name!r} in this storage; begin it with `nas-tuners run`, or --config{hint}"
        ) from None
    if CONFIG_ATTR not in storage.get_study_system_attrs(study._study_id):
        raise ExperimentError(
            f"the study {name!r} does not say how its trials are run (an experiment with an older "
            "version, or somebody's own study): give --config CONFIG"
        )
    return study


def _refuse_other(joined: ExperimentConfig, given: ExperimentConfig, name: str) -> None:
    """Workers that search differently would not be one experiment."""
    differ = [key for key in _SEARCH if getattr(joined, key) != getattr(given, key)]
    if joined.tuner.name != given.tuner.name or joined.tuner.args != given.tuner.args:
        differ.append("tuner")
    if differ:
        raise ExperimentError(
            f"the study {name!r} was begun with another {' and '.join(differ)}; leave out "
            "--config to join it as it is, or choose another --study"
        )


def _joined(
    study: Study, url: str, code_directory: Path, experiments_directory: Path
) -> tuple[ExperimentConfig, SearchSpace, Prior]:
    attributes = study._storage.get_study_system_attrs(study._study_id)
    content = json.loads(attributes[CONFIG_ATTR])
    own = {
        "storage": url,
        "study_name": study.study_name,
        "code_directory": str(code_directory),
        "experiments_directory": str(experiments_directory),
    }
    if content["tuner"].get("code_directory"):
        where = os.path.normpath(code_directory / content["tuner"]["code_directory"])
        content["tuner"]["code_directory"] = where
    try:
        config = ExperimentConfig.from_json(json.dumps(content | own))
    except ValueError as error:
        message = f"the experiment in the study {study.study_name!r} cannot be read: {error}"
        raise ExperimentError(message) from error
    if config.launcher.name == "slurm":  # this is one of the workers that Slurm started
        config = replace(config, launcher=LauncherConfig())
    space = SearchSpace(study.user_attrs[SEARCH_SPACE_ATTR], source=f"study {study.study_name!r}")
    return config, space, Prior(**json.loads(attributes[PRIOR_ATTR]))


def _shared(config: ExperimentConfig) -> dict[str, Any]:
    """What all runners of the experiment have in common; paths relative to the code."""
    content: dict[str, Any] = json.loads(config.to_json())
    for name in _LOCAL:
        content[name] = None
    tuner = content["tuner"]
    tuner["warm_start"] = tuner["import_data"] = None  # the records themselves are published
    if config.tuner.code_directory is not None:
        tuner["code_directory"] = os.path.relpath(
            config.tuner.code_directory, config.code_directory
        )
    return content
