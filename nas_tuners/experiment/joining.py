"""What a worker on another machine must know to join an experiment: it stands in the study."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
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
from .storages.limits import refuse_too_long
from .storages.operations import again, storage_lock
from .storages.storage import open_storage
from .study_setup import open_study, study_name

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

    from nas_tuners.contract.flat_encoding import FlatEncoding

    from .folder import ExperimentFolder

# Where a runner keeps its files and reaches the study is its own affair.
_LOCAL = ("storage", "study_name", "code_directory", "experiments_directory")

# What all of them must agree on, beside the tuner; the seed is that of whoever began.
_SEARCH = ("optimize_mode", "early_stopping", "budget", "constraint")


def begun_study(
    storage: BaseStorage, config: ExperimentConfig, space: SearchSpace, prior: Prior
) -> tuple[Study, FlatEncoding]:
    """An experiment's study, with the encoding of its space; it is begun unless it has been.

    Raises:
        ExperimentError: if the study is another experiment's, or the storage cannot take what is
            to be recorded.
        SpaceMismatchError: if the study holds trials of another search space.
    """
    from nas_tuners.tuners._study import attach_space

    published = {
        PRIOR_ATTR: json.dumps(asdict(prior), default=list),
        CONFIG_ATTR: json.dumps(_shared(config)),
    }
    texts = {
        "the search space": space.to_dict(),
        "what the tuner is told before (warm_start, import_data)": published[PRIOR_ATTR],
        "the configuration": published[CONFIG_ATTR],
    }
    refuse_too_long(storage, texts)
    study = open_study(storage, config)
    encoding = attach_space(study, space)
    if CONFIG_ATTR not in storage.get_study_system_attrs(study._study_id):
        for name, text in published.items():
            storage.set_study_system_attr(study._study_id, name, text)
    return study, encoding


def begin(folder: ExperimentFolder) -> None:
    """Make an experiment's study and publish it there, for workers to come.

    Raises:
        ExperimentError: if the storage is unusable, or the study is another experiment's.
    """
    config = folder.config()
    with (
        open_storage(folder.storage_url) as storage,
        storage_lock(storage, study_name(config)),
    ):
        begun_study(storage, config, folder.space(), folder.prior())


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
    if given is not None:
        given = replace(given, storage=url, study_name=name)
    patience = given.storage_patience if given else ExperimentConfig.storage_patience
    with (
        without_notices(),
        _told_as_ours(),
        open_storage(url, patience=patience, from_the_start=True) as storage,
    ):
        study = again(storage, partial(_begun_study, storage, name, given))
        joined = again(
            storage, partial(_joined, study, url, code_directory, experiments_directory)
        )
    if given is not None:
        _refuse_other(joined[0], given, name)
    return joined


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """A storage that no longer answers when the patience is at its end."""
    try:
        yield
    except ConnectionError as error:
        raise ExperimentError(str(error)) from error


def _begun_study(storage: BaseStorage, name: str, given: ExperimentConfig | None) -> Study:
    """The study of an experiment that has begun; it does now if that is given."""
    with storage_lock(storage, name):
        if given is None:
            return _published_study(storage, name)
        prior = read_prior(given.tuner, Path())
        return begun_study(storage, given, _space_of(given), prior)[0]


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
