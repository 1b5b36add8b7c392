from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.callbacks import MLflowCallback
from tests.callbacks.story import (
    ARCHITECTURE,
    ID,
    finished,
    reported,
    retried,
    run_ended,
    run_started,
    started,
    story,
    tell,
)

pytest.importorskip("mlflow")

# Of the libraries that MLflow uses in ways that they no longer recommend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Store:
    """What lies in MLflow afterwards."""

    def __init__(self, folder: Path) -> None:
        from mlflow import MlflowClient

        self.uri = f"sqlite:///{folder / 'mlflow.db'}"
        self.client = MlflowClient(tracking_uri=self.uri)

    def callback(self) -> MLflowCallback:
        return MLflowCallback(tracking_uri=self.uri)

    def runs(self) -> list[Any]:
        experiment = self.client.get_experiment_by_name("cells")
        return list(self.client.search_runs([experiment.experiment_id]))

    def parent(self) -> Any:
        (parent,) = [run for run in self.runs() if "mlflow.parentRunId" not in run.data.tags]
        return parent

    def trials(self, number: int) -> list[Any]:
        """The runs of a trial's attempts, in order."""
        parent = self.parent().info.run_id
        tags = {"nas_tuners.trial": str(number), "mlflow.parentRunId": parent}
        found = [run for run in self.runs() if tags.items() <= run.data.tags.items()]
        return sorted(found, key=lambda run: int(run.data.tags["nas_tuners.attempt"]))

    def trial(self, number: int) -> Any:
        (run,) = self.trials(number)
        return run

    def curve(self, run: Any, name: str) -> list[tuple[int, float]]:
        history = self.client.get_metric_history(run.info.run_id, name)
        return [(metric.step, metric.value) for metric in history]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A new store: MLflow takes seconds to make its tables."""
    folder = tmp_path_factory.mktemp("mlflow")
    store = Store(folder)
    store.client.search_experiments()
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def store(tmp_path: Path, template: bytes) -> Store:
    (tmp_path / "mlflow.db").write_bytes(template)
    return Store(tmp_path)


def test_a_nested_run_a_trial_though_they_overlap(tmp_path: Path, store: Store) -> None:
    tell(store.callback(), story(tmp_path))
    first = store.trial(0)
    assert first.data.params == {"conv": "conv3x3", "skip": '["in1"]', "dropout": "0.0"}
    assert store.curve(first, "value") == [(0, 0.5), (1, 0.7)]
    assert store.curve(first, "loss") == [(0, 1.5), (1, 1.0)]
    assert store.curve(first, "final/value") == [(0, 0.9)]
    assert first.data.metrics["final/latency"] == 4.0
    assert store.curve(store.trial(1), "value") == [(0, 0.1)]
    assert [store.trial(n).info.status for n in range(3)] == ["FINISHED", "KILLED", "FAILED"]
    states = [store.trial(n).data.tags["nas_tuners.state"] for n in range(3)]
    assert states == ["complete", "pruned", "failed"]
    assert store.trial(2).data.tags["nas_tuners.reason"] == "because"


def test_the_run_of_the_experiment(tmp_path: Path, store: Store) -> None:
    tell(store.callback(), story(tmp_path))
    parent = store.parent()
    assert parent.info.run_name == ID
    assert parent.info.status == "FINISHED"
    assert store.curve(parent, "best") == [(0, 0.9)]
    assert parent.data.tags["nas_tuners.best_trial"] == "0"
    assert parent.data.tags["nas_tuners.tuner"] == "random"


@pytest.mark.parametrize(
    ("ending", "status"),
    [("interrupted", "KILLED"), ("error", "FAILED"), ("exhausted", "FINISHED")],
)
def test_how_it_ended(tmp_path: Path, store: Store, ending: str, status: str) -> None:
    tell(store.callback(), [run_started(tmp_path), run_ended(ending)])
    assert store.parent().info.status == status


def test_resuming_goes_on_with_the_same_run(tmp_path: Path, store: Store) -> None:
    tell(store.callback(), [run_started(tmp_path), started(0), started(1)])  # killed here
    callback = store.callback()
    tell(callback, [run_started(tmp_path, trials=2), started(1, attempt=2)])
    assert store.parent().info.status == "RUNNING"
    assert store.trial(0).info.status == "KILLED"
    tell(callback, [finished(1, "complete", 0.5), run_ended()])
    assert [run.info.status for run in store.trials(1)] == ["KILLED", "FINISHED"]
    assert store.parent().info.status == "FINISHED"


def test_another_attempt_is_another_run(tmp_path: Path, store: Store) -> None:
    events = [run_started(tmp_path), started(0), reported(0, 0, 0.1), retried(0)]
    events += [started(0, attempt=2), reported(0, 0, 0.3), finished(0, "complete", 0.4)]
    tell(store.callback(), events)
    first, second = store.trials(0)
    assert (first.info.status, second.info.status) == ("KILLED", "FINISHED")
    assert store.curve(second, "value") == [(0, 0.3)]


def test_many_keys_long_values_and_odd_names(tmp_path: Path, store: Store) -> None:
    architecture = {f"cell.{n}": "x" * 7000 for n in range(130)} | {"sch=w$r": 1}
    event = started(0)
    object.__setattr__(event, "architecture", architecture)
    tell(store.callback(), [run_started(tmp_path), event, reported(0, 0, 0.1, **{"a=b": 2.0})])
    params = store.trial(0).data.params
    assert len(params) == 131
    assert params["cell.129"] == "x" * 6000
    assert params["sch_w_r"] == "1"
    assert store.trial(0).data.metrics["a_b"] == 2.0


def test_the_run_of_the_users_own_is_left_alone(tmp_path: Path, store: Store) -> None:
    import mlflow

    thread = threading.Thread(target=tell, args=(store.callback(), story(tmp_path)))
    thread.start()
    thread.join()
    assert mlflow.active_run() is None
    assert store.trial(0).data.params.keys() == ARCHITECTURE.keys()
