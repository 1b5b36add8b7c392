from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from nas_tuners.experiment.storages.storage import open_storage
from nas_tuners.experiment.storages.trial_list import TrialList


@pytest.fixture(params=["in-memory", "journal", "sqlite"])
def storages(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[BaseStorage]]:
    """One storage as two processes would have it: the reader's, and the one that writes."""
    if request.param == "in-memory":
        yield [InMemoryStorage()] * 2
        return
    url = f"{request.param}:///{tmp_path}/study"
    with open_storage(url) as reading, open_storage(url) as writing:
        yield [reading, writing]


def test_it_always_reads_what_the_storage_holds(storages: list[BaseStorage]) -> None:
    """Trials begin, report and end in any order, several or none between two looks."""
    reading, writing = storages
    optuna.create_study(storage=writing, study_name="other").enqueue_trial({"x": 1})
    study_id = optuna.create_study(storage=writing, study_name="s")._study_id
    listed = TrialList(reading, study_id)
    assert listed.read() == []
    random, running = Random(0), []
    for look in range(30):
        for _ in range(random.randrange(4)):
            _change(writing, study_id, running, random)
        assert listed.read() == writing.get_all_trials(study_id), look
    assert len(listed.read()) > len(running) > 0


def _change(storage: BaseStorage, study_id: int, running: list[int], random: Random) -> None:
    if len(running) < 3:
        running.append(storage.create_new_trial(study_id))
    elif random.random() < 0.4:
        storage.set_trial_intermediate_value(random.choice(running), random.randrange(9), 0.5)
    else:
        ended = running.pop(random.randrange(3))
        storage.set_trial_state_values(ended, TrialState.COMPLETE, [random.random()])
