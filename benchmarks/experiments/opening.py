"""Opening an experiment whose study holds ten thousand trials, until the first new suggestion."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tqdm import tqdm

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.config_parts import TunerConfig
from nas_tuners.experiment.folder import ExperimentFolder

from .._claim import Claim
from ._search import SPACE, Table, in_new_process, new_experiment, new_storages

TRIALS = 10_000
TUNERS = ("random", "RegularizedEvolution", "BayesianTuner")
SECONDS = 10.0  # promised

Breakdown = dict[str, float]  # what was done -> seconds


def measure(seed: int, trials: int = TRIALS) -> list[Claim]:
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as folder, new_storages(Path(folder)) as storages:
        for name, new in tqdm(storages.items(), leave=False):
            url = new()
            in_new_process(fill, Path(folder) / name, url, trials, seed)
            for tuner in TUNERS if name == "SQLite" else TUNERS[:1]:
                path = Path(folder) / f"{name}-{tuner}"
                claims += _claims(
                    f"{name}, {tuner}", in_new_process(first_suggestion, path, url, tuner, seed)
                )
    return claims


def fill(path: Path, url: str, trials: int, seed: int) -> None:
    """Put finished trials of random architectures into a new study."""
    import optuna
    from optuna.trial import TrialState, create_trial

    from nas_tuners.experiment.joining import begin
    from nas_tuners.experiment.storage import open_storage
    from nas_tuners.tuners._study import distributions

    begin(_experiment(path, url, "random", seed))
    encoding, table = FlatEncoding(SearchSpace(SPACE)), Table()
    ranges = distributions(encoding)
    start = datetime.now() - timedelta(days=1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    finished = []
    for number in range(trials):
        vector = encoding.space.sample(Random(number))
        trial = create_trial(
            state=TrialState.COMPLETE,
            value=table(to_parameters(encoding.space, vector)),
            params=encoding.encode(vector),
            distributions=ranges,
            user_attrs={"architecture": to_architecture(encoding.space, vector)},
            system_attrs={"nas_tuners:runner": "bench"},
        )
        trial.datetime_start = start + timedelta(seconds=number)
        trial.datetime_complete = start + timedelta(seconds=number + 0.5)
        finished.append(trial)
    with open_storage(url) as storage:
        optuna.load_study(study_name="bench", storage=storage).add_trials(finished)
