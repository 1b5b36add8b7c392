from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import TrialState

from nas_tuners.experiment.storages.operations import again, finish_trial, storage_lock
from nas_tuners.experiment.storages.storage import open_storage
from tests.networks import free_port

_WORKERS = multiprocessing.get_context("forkserver")
_WORKERS.set_forkserver_preload(["optuna"])  # one import for all of them


@pytest.fixture(params=["sqlite", "journal", "in-memory", "optuna's own"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseStorage]:
    if request.param == "in-memory":
        yield InMemoryStorage()
    elif request.param == "optuna's own":
        own = RDBStorage(f"sqlite:///{tmp_path}/own.db")
        yield own
        own.remove_session()
        own.engine.dispose()
    else:
        with open_storage(f"{request.param}:///{tmp_path}/study") as opened:
            yield opened


def _serve(database: str, port: int) -> None:
    import warnings

    warnings.simplefilter("ignore")  # that the proxy is experimental
    optuna.storages.run_grpc_proxy_server(RDBStorage(database), host="127.0.0.1", port=port)


def _begun(storage: BaseStorage) -> int:
    """A running trial."""
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    return storage.create_new_trial(study._study_id)


def test_finishing_a_trial(storage: BaseStorage) -> None:
    trial_id = _begun(storage)
    finish_trial(
        storage,
        trial_id,
        TrialState.COMPLETE,
        values=[2.5],
        user_attrs={"result": {"default": 2.5}},
        system_attrs={"constraints:latency": -1.0},
    )
    trial = storage.get_trial(trial_id)
    assert trial.state is TrialState.COMPLETE
    assert trial.values == [2.5]
    assert trial.user_attrs == {"result": {"default": 2.5}}
    assert trial.system_attrs["constraints:latency"] == -1.0
    assert trial.datetime_complete is not None


def test_finishing_it_twice_in_the_same_way(storage: BaseStorage) -> None:
    trial_id = _begun(storage)
    for _ in range(2):
        finish_trial(storage, trial_id, TrialState.FAIL, user_attrs={"failure": "exit code 1"})
    assert storage.get_trial(trial_id).state is TrialState.FAIL


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.COMPLETE])
def test_what_others_recorded_stands(storage: BaseStorage, state: TrialState) -> None:
    trial_id = _begun(storage)
    finish_trial(storage, trial_id, TrialState.COMPLETE, values=[1.0])
    with pytest.raises(UpdateFinishedTrialError):
        finish_trial(storage, trial_id, state, values=[2.0])
    assert storage.get_trial(trial_id).values == [1.0]


def test_operations_on_files_are_run_once(storage: BaseStorage) -> None:
    runs: list[None] = []

    def fail() -> None:
        runs.append(None)
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        again(storage, fail)
    assert len(runs) == 1


def test_every_storage_has_a_lock_or_goes_without(storage: BaseStorage) -> None:
    with storage_lock(storage, "s"):
        _begun(storage)


def test_a_proxy_that_is_started_again(tmp_path: Path) -> None:
    pytest.importorskip("grpc", reason="needs grpcio and protobuf")
    port, database = free_port(), f"sqlite:///{tmp_path}/study.db"
    servers = [_start_proxy(database, port)]

    def start_again(_: str) -> None:
        servers.append(_start_proxy(database, port))

    with (
        open_storage(f"grpc://127.0.0.1:{port}", patience=60, on_wait=start_again) as storage,
        storage_lock(storage, "s"),
    ):
        trial_id = _begun(storage)
        _kill(servers[0])
        finish_trial(storage, trial_id, TrialState.COMPLETE, values=[1.0], user_attrs={"a": 1})
        trial = storage.get_trial(trial_id)
    for server in servers:
        _kill(server)
    assert (trial.values, trial.user_attrs) == ([1.0], {"a": 1})
    assert len(servers) == 2


def _start_proxy(database: str, port: int) -> ForkServerProcess:
    server = _WORKERS.Process(target=_serve, args=(database, port), daemon=True)
    server.start()
    return server


def _kill(server: ForkServerProcess) -> None:
    server.kill()
    server.join()
