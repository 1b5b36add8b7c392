"""Two objectives: validation accuracy and latency on NAS-Bench-201.

What counts is the volume that the architectures found dominate, beyond one of median accuracy and
median latency, as a share of what the whole table dominates (the hypervolume indicator).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from nas_tuners.bench import PEERS, Table, load_table
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector
from nas_tuners.tuners import make_tuner
from nas_tuners.tuners._pareto import hypervolume
from nas_tuners.tuners._study import distributions

from .methods import FLAGSHIP

NAME = "nasbench201-cifar10-pixel3"
METHODS = (FLAGSHIP, "random", "optuna-tpe", "optuna-nsga2")
BUDGETS = (50, 100, 200)
_TABLE, _DEVICE = "nasbench201-cifar10", "pixel3"
_GOALS = {"default": "maximize", "latency": "minimize"}

_Scores = tuple[float, float]


@dataclass(frozen=True)
class TradeOff:
    """A table with two objectives.

    Attributes:
        table: The table.
        corner: Median accuracy and negated median latency, from where volume is measured.
        whole: The volume that the whole table dominates.
    """

    table: Table
    corner: _Scores
    whole: float

    @classmethod
    def load(cls) -> TradeOff:
        """Read it; takes about a second.

        Raises:
            TableError: if a file is missing.
        """
        table = load_table(_TABLE)
        points = [_scores(table, vector) for vector in table.space.enumerate()]
        corner = (median(point[0] for point in points), median(point[1] for point in points))
        return cls(table, corner, hypervolume(points, corner))

    def missing_share(self, vectors: Sequence[IndexVector]) -> float:
        """The share of the whole volume that these architectures leave."""
        points = [_scores(self.table, vector) for vector in dict.fromkeys(vectors)]
        return 1.0 - hypervolume(points, self.corner) / self.whole


def search(method: str, goal: TradeOff, seed: int) -> dict[str, Any]:
    """One search, as it is stored.

    Args:
        method: A name in :data:`~nas_tuners.bench.PEERS`, or the name of a tuner.
        goal: What is searched.
        seed: Of everything random.
    """
    start = time.process_time()
    run = _run_sampler if method in PEERS else _run_tuner
    vectors = run(method, goal.table, max(BUDGETS), seed)
    seconds = (time.process_time() - start) / len(vectors)
    return {
        "seed": seed,
        "evaluations": len(vectors),
        "missing_share": {
            str(budget): round(goal.missing_share(vectors[:budget]), 6) for budget in BUDGETS
        },
        "distinct": len(set(vectors)),
        "seconds_per_ask": round(seconds, 7),
    }


def _run_tuner(name: str, table: Table, evaluations: int, seed: int) -> list[IndexVector]:
    tuner = make_tuner(name, {}, optimize_mode=_GOALS, seed=seed)
    tuner.update_search_space(table.space)
    vectors = []
    for number in range(evaluations):
        parameters = tuner.generate_parameters(number)
        vectors.append(tuner.proposed_vector(number))
        accuracy, speed = _scores(table, vectors[-1])
        tuner.receive_trial_result(number, parameters, {"default": accuracy, "latency": -speed})
    return vectors


def _run_sampler(name: str, table: Table, evaluations: int, seed: int) -> list[IndexVector]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=list(_GOALS.values()), sampler=PEERS[name](seed))
    encoding = FlatEncoding(table.space)
    parameters = distributions(encoding)
    vectors = []
    for _ in range(evaluations):
        trial = study.ask(parameters)
        vectors.append(encoding.decode(trial.params))
        accuracy, speed = _scores(table, vectors[-1])
        study.tell(trial, [accuracy, -speed])
    return vectors


def _scores(table: Table, vector: IndexVector) -> _Scores:
    """Accuracy and negated latency: higher is better."""
    accuracy = table.validation(vector)
    assert accuracy is not None, "every architecture of this table was published"
    return accuracy, -table.latency(vector, _DEVICE)
