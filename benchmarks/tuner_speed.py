"""Asking and telling on 28 keys of 8 candidates, early and late in a search."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

import optuna

from nas_tuners import RandomTuner, RegularizedEvolutionTuner, Tuner
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._study import distributions

from ._claim import Claim

SPACE = SearchSpace(
    {f"key_{i}": {"_type": "layer_choice", "_value": list("abcdefgh")} for i in range(28)}
)
EARLY, LATE, WINDOW = 100, 100_000, 400


def measure(seed: int) -> list[Claim]:
    claims = []
    peer_ask, peer_tell = _optuna(seed)
    for kind in (RandomTuner, RegularizedEvolutionTuner):
        early, late = _ask_and_tell(kind(seed=seed))
        for place, verb in enumerate(("ask", "tell")):
            name = f"{kind.__name__} {verb}"
            for trial, figures in ((EARLY, early), (LATE, late)):
                claims.append(
                    Claim(f"{name} at trial {trial:,}", figures[place], 100.0, "limit", "us")
                )
            name_flat, flat = f"{name}, {LATE:,} against {EARLY}", f"trial {EARLY}"
            claims.append(Claim(name_flat, late[place], early[place], flat, "us", 1.5))
            peer = (peer_ask, peer_tell)[place]
            of = f"optuna {optuna.__version__} RandomSampler, in memory"
            claims.append(Claim(f"{name} at trial {EARLY}", early[place], peer, of, "us", None))
    return claims


def _ask_and_tell(tuner: Tuner) -> tuple[tuple[float, float], tuple[float, float]]:
    tuner.update_search_space(SPACE)
    number, windows = 0, []
    for target in (EARLY, LATE):
        while number < target:
            number = _trials(tuner, number, 1)[0]
        number, ask, tell = _trials(tuner, number, WINDOW)
        windows.append((ask, tell))
    return windows[0], windows[1]


def _trials(tuner: Tuner, number: int, count: int) -> tuple[int, float, float]:
    """Run some trials one after the other; median microseconds of an ask and of a tell."""
    asks, tells = [], []
    for trial in range(number, number + count):
        start = time.perf_counter()
        parameters = tuner.generate_parameters(trial)
        asked = time.perf_counter()
        tuner.receive_trial_result(trial, parameters, float(trial * 7919 % 1009))
        tells.append(time.perf_counter() - asked)
        asks.append(asked - start)
    return number + count, median(asks) * 1e6, median(tells) * 1e6


def _optuna(seed: int) -> tuple[float, float]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    space: dict[str, Any] = distributions(FlatEncoding(SPACE))
    asks, tells = [], []
    for trial in range(2 * EARLY):
        start = time.perf_counter()
        suggested = study.ask(space)
        asked = time.perf_counter()
        study.tell(suggested, float(trial))
        tells.append(time.perf_counter() - asked)
        asks.append(asked - start)
    return median(asks[EARLY:]) * 1e6, median(tells[EARLY:]) * 1e6
