"""Empty trials that import torch: warm, as a process each, and with Ray Tune.

Each runner is used as it normally is and does all of its own work: it suggests, records, and keeps
its files. What counts is the time from the end of one trial to that of the next, on average, once
the first trials have ended; starting up is left out.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nas_tuners.experiment.events.file import EVENTS_FILE, read_events
from nas_tuners.experiment.folder import ExperimentFolder

from .._claim import Claim
from ._search import SPACE, in_new_process, new_experiment

WARM_TRIALS, COLD_TRIALS, RAY_TRIALS = 500, 20, 20  # a slot
SLOTS = (1, 2)
COLD, RAY, NNI = 1 / 20, 1 / 10, 1 / 10  # promised, of theirs
NNI_IDLE = 5_000.0  # ms that the NNI runner leaves a slot idle between two trials, at the least
TRIAL = """
import torch
import trial_api
trial_api.get_next_parameter()
trial_api.report_final_result(0.5)
"""


def measure(seed: int) -> list[Claim]:
    claims = []
    with tempfile.TemporaryDirectory() as folder:
        for slots in tqdm(SLOTS, leave=False):
            path = Path(folder) / str(slots)
            path.mkdir()
            (path / "trial.py").write_text(TRIAL)
            warm = in_new_process(ours, path / "warm", True, slots, WARM_TRIALS, seed)
            cold = in_new_process(ours, path / "cold", False, slots, COLD_TRIALS, seed)
            peer = in_new_process(ray_tune, path / "ray", slots, RAY_TRIALS, seed)
            name = f"warm trial, {slots} at a time"
            claims += [
                Claim(name, warm, cold, "a process a trial", "ms", COLD),
                Claim(name, warm, peer, "Ray Tune", "ms", RAY),
                Claim(name, warm, NNI_IDLE / slots, "NNI's idle time", "ms", NNI),
            ]
    return claims


def ours(path: Path, warm: bool, slots: int, trials: int, seed: int) -> float:
    """Milliseconds a trial of an experiment in a new folder."""
    from nas_tuners.experiment.runner import run_experiment
    from nas_tuners.experiment.signals import StopSignals

    folder = new_experiment(
        path,
        command="python trial.py",
        warm=warm,
        concurrency=slots,
        max_trials=slots * trials,
        seed=seed,
    )
    with StopSignals() as signals:
        run_experiment(folder, signals=signals)
    return _milliseconds(_ends(folder), slots)


def ray_tune(path: Path, slots: int, trials: int, seed: int) -> float:
    """The same by Ray Tune, one CPU a trial, and as many CPUs as trials at a time."""
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["RAY_DEDUP_LOGS"] = "0"
    import ray
    from ray import tune

    def trial(parameters: dict[str, Any]) -> None:
        import torch  # noqa: F401

        tune.report({"default": 0.5})

    ray.init(address="local", num_cpus=slots, include_dashboard=False, logging_level="error")
    timer = _Timer()
    choices = {key: tune.choice(spec["_value"]) for key, spec in SPACE.items()}
    tuner = tune.Tuner(
        trial,
        param_space=choices,
        tune_config=tune.TuneConfig(num_samples=slots * trials),
        run_config=tune.RunConfig(
            storage_path=str(path), name="bench", verbose=0, callbacks=[timer.callback()]
        ),
    )
    tuner.fit()
    ray.shutdown()
    return _milliseconds(timer.ends, slots)


class _Timer:
    """Notes when Ray Tune hears that a trial has ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def callback(self) -> Any:
        from ray import tune

        ends = self.ends

        class Note(tune.Callback):  # type: ignore[misc]
            def on_trial_complete(self, *_: object, **__: object) -> None:
                ends.append(time.time())

        return Note()


def _ends(folder: ExperimentFolder) -> list[float]:
    events = read_events(folder.path / EVENTS_FILE)
    finished = [event for event in events if event["event"] == "trial_finished"]
    failed = [event for event in finished if event["state"] != "complete"]
    assert not failed, failed[0]
    return [event["time"] for event in finished]


def _milliseconds(ends: list[float], slots: int) -> float:
    """From the end of one trial to the next, on average, after a trial in each slot."""
    later = sorted(ends)[slots - 1 :]
    gaps = [after - before for before, after in itertools.pairwise(later)]
    return 1e3 * sum(gaps) / len(gaps)
