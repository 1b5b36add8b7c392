"""Puts many finished trials into a study at once, which Optuna does one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages._rdb import models
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Engine, insert, text

from nas_tuners.contract.architecture import to_architecture, to_parameters
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.storages.journal import RunnerJournal
from nas_tuners.experiment.storages.storage import open_storage, storage_file
from nas_tuners.tuners._study import distributions

from ._search import SPACE, Table

_TAKES = timedelta(seconds=0.5)


def random_trials(count: int) -> Iterator[FrozenTrial]:
    """Finished trials as an experiment leaves them, of random architectures of the table."""
    encoding, table = FlatEncoding(SearchSpace(SPACE)), Table()
    ranges = distributions(encoding)
    began = datetime.now() - timedelta(days=1)
    for number in range(count):
        vector = encoding.space.sample(Random(number))
        trial = create_trial(
            state=TrialState.COMPLETE,
            value=table(to_parameters(encoding.space, vector)),
            params=encoding.encode(vector),
            distributions=ranges,
            user_attrs={"architecture": to_architecture(encoding.space, vector)},
            system_attrs={"nas_tuners:runner": "bench"},
        )
        trial.number = number
        trial.datetime_start = began + number * _TAKES
        trial.datetime_complete = trial.datetime_start + _TAKES
        yield trial


def fill_study(url: str, name: str, trials: Iterable[FrozenTrial]) -> None:
    """Add trials to a study that has none."""
    with open_storage(url) as storage:
        if url.startswith("journal"):
            file = storage_file(url)
            assert file is not None
            _fill_journal(file, name, trials)
        else:
            study = optuna.load_study(study_name=name, storage=storage)
            _fill_tables(storage._backend.engine, study._study_id, list(trials))


class _Log(BaseJournalBackend):
    """A journal in memory."""

    def __init__(self, records: Iterable[dict[str, Any]]) -> None:
        self.records = list(records)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        yield from self.records[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.records += logs


def _fill_journal(file: Path, name: str, trials: Iterable[FrozenTrial]) -> None:
    journal = RunnerJournal(file)
    log = _Log(journal.read_logs(0))
    before = len(log.records)
    study = optuna.load_study(study_name=name, storage=JournalStorage(log))
    for trial in trials:
        study._storage.create_new_trial(study._study_id, trial)
    journal.append_logs(log.records[before:])


def _fill_tables(engine: Engine, study_id: int, trials: Sequence[FrozenTrial]) -> None:
    """The database is new, so that numbers of trials are free as ids."""
    tables: dict[type, list[dict[str, Any]]] = {}
    for trial in trials:
        for model, row in _rows(trial):
            tables.setdefault(model, []).append({"trial_id": trial.number + 1} | row)
    for row in tables[models.TrialModel]:
        row["study_id"] = study_id
    with engine.begin() as connection:
        for model, rows in tables.items():
            connection.execute(insert(model), rows)
        if engine.name == "postgresql":
            sequence = "pg_get_serial_sequence('trials', 'trial_id')"
            connection.execute(text(f"SELECT setval({sequence}, {len(trials)})"))


def _rows(trial: FrozenTrial) -> Iterator[tuple[type, dict[str, Any]]]:
    yield (
        models.TrialModel,
        {
            "number": trial.number,
            "state": trial.state,
            "datetime_start": trial.datetime_start,
            "datetime_complete": trial.datetime_complete,
        },
    )
    finite = models.TrialValueModel.TrialValueType.FINITE
    yield models.TrialValueModel, {"objective": 0, "value": trial.value, "value_type": finite}
    for name, value in trial.params.items():
        distribution = trial.distributions[name]
        internal = distribution.to_internal_repr(value)
        row = {"param_name": name, "param_value": internal}
        yield (
            models.TrialParamModel,
            row | {"distribution_json": distribution_to_json(distribution)},
        )
    for model, attributes in (
        (models.TrialUserAttributeModel, trial.user_attrs),
        (models.TrialSystemAttributeModel, trial.system_attrs),
    ):
        for key, value in attributes.items():
            yield model, {"key": key, "value_json": json.dumps(value)}
