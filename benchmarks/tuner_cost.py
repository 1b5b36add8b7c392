"""What tuners that learn cost per trial, with 100 to 10,000 results behind them.

Processor time of one thread: measured in a process of its own, as libraries read the number of
threads when they are loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from random import Random
from statistics import fmean

import optuna

from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace
from nas_tuners.tuners import Tuner, make_tuner
from nas_tuners.tuners._study import distributions

from ._claim import Claim

SPACE = SearchSpace(
    {f"key_{i}": {"_type": "layer_choice", "_value": list("abcde")} for i in range(20)}
)
SIZES = (100, 1_000, 10_000)
TUNERS = (
    "LocalSearchTuner",
    "ReinforceTuner",
    "PPOTuner",
    "PredictorEvolutionTuner",
    "BayesianTuner",
)
LIMITS = {
    "BayesianTuner": dict(zip(SIZES, (50.0, 250.0, 500.0), strict=True)),
    "PPOTuner": dict.fromkeys(SIZES, 15.0),
}
REPLAYED = 10_000
WINDOW = 40  # trials over which learning is spread


def measure(seed: int) -> list[Claim]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tuner_cost", str(seed)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [Claim(**claim) for claim in json.loads(done.stdout)]


def _measure(seed: int) -> list[Claim]:
    claims = []
    peers = {size: _optuna(seed, size) for size in SIZES}
    for name in TUNERS:
        for size in SIZES:
            ours, figure = _milliseconds(name, seed, size), f"{name}, a trial after {size:,}"
            limit = LIMITS.get(name, {}).get(size)
            if limit is not None:
                claims.append(Claim(figure, ours, limit, "limit", "ms"))
            of = f"optuna {optuna.__version__} TPESampler, in memory"
            claims.append(Claim(figure, ours, peers[size], of, "ms", None))
    replay = _replay_seconds("PPOTuner", seed)
    claims.append(Claim(f"PPOTuner, replay of {REPLAYED:,}", replay, 60.0, "limit", "s"))
    return claims


def _milliseconds(name: str, seed: int, size: int) -> float:
    """Asking and telling, on average over the trials after ``size`` of its own or others."""
    tuner = _tuner(name, seed)
    rng = Random(seed)
    for number in range(size):
        vector = SPACE.sample(rng)
        tuner.tell(number, vector, _value(vector))
    _run(tuner, size, 1)  # the first one after a resume learns from everything at once
    return 1e3 * _run(tuner, size + 1, WINDOW) / WINDOW


def _replay_seconds(name: str, seed: int) -> float:
    """A new tuner learns a history that its like has made."""
    tuner = _tuner(name, seed)
    history = []
    for number in range(REPLAYED):
        tuner.generate_parameters(number)
        vector, note = tuner.proposed_vector(number), tuner.proposal_note(number)
        tuner.tell(number, vector, _value(vector), note)
        history.append((number, vector, _value(vector), note))
    other = _tuner(name, seed)
    start = time.process_time()
    for result in history:
        other.tell(*result)
    other.generate_parameters(REPLAYED)
    return time.process_time() - start


def _tuner(name: str, seed: int) -> Tuner:
    tuner = make_tuner(name, {}, optimize_mode="maximize", seed=seed)
    tuner.update_search_space(SPACE)
    return tuner


def _run(tuner: Tuner, first: int, count: int) -> float:
    start = time.process_time()
    for number in range(first, first + count):
        tuner.generate_parameters(number)
        vector, note = tuner.proposed_vector(number), tuner.proposal_note(number)
        tuner.tell(number, vector, _value(vector), note)
    return time.process_time() - start


def _value(vector: IndexVector) -> float:
    """Separable, with a bit that looks like noise."""
    total = sum(float(entry or 0) * (place % 3 - 1) for place, entry in enumerate(vector))
    return total + Random(str(vector)).random()


def _optuna(seed: int, size: int) -> float:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed)
    )
    encoding, rng = FlatEncoding(SPACE), Random(seed)
    space = distributions(encoding)
    for _ in range(size):
        vector = SPACE.sample(rng)
        parameters = encoding.encode(vector)
        study.add_trial(
            optuna.create_trial(params=parameters, distributions=space, value=_value(vector))
        )
    times = []
    for _ in range(6):
        start = time.process_time()
        trial = study.ask(space)
        study.tell(trial, _value(encoding.decode(trial.params)))
        times.append(time.process_time() - start)
    return 1e3 * fmean(times[1:])


if __name__ == "__main__":
    print(json.dumps([asdict(claim) for claim in _measure(int(sys.argv[1]))]))
