"""Two objectives on a table: the validation result, and the latency on a device.

What counts is the volume that the architectures found dominate, beyond one of median result and
median latency, as a share of what the whole table dominates (the hypervolume indicator of Zitzler
& Thiele, PPSN 1998).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import SearchSpaceExhausted, TableError, did_you_mean
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector
from nas_tuners.tuners._pareto import hypervolume

from .methods import PEERS, require_free, require_peer
from .protocol import Progress
from .tables import Table

if TYPE_CHECKING:
    from nas_tuners.tuners import Tuner

_GOALS = {"default": "maximize", "latency": "minimize"}

_Scores = tuple[float, float]


@dataclass(frozen=True)
class TradeOff:
    """A table with two objectives.

    Attributes:
        table: The table. Every architecture of it has been published.
        device: Where latency was measured.
        corner: Median result and negated median latency, from where volume is measured.
        whole: The volume that the whole table dominates.
    """

    table: Table
    device: str
    corner: _Scores
    whole: float

    @classmethod
    def of(cls, table: Table, device: str) -> TradeOff:
        """Measure the whole table; takes about a second.

        Raises:
            TableError: if the table has no latencies on this device.
        """
        if device not in table.devices:
            known = ", ".join(table.devices) or "none"
            hint = did_you_mean(device, table.devices)
            raise TableError(
                f"table {table.name} has no latency on {device!r}{hint} (devices: {known})"
            )
        points = [_scores(table, device, vector) for vector in table.space.enumerate()]
        corner = (median(point[0] for point in points), median(point[1] for point in points))
        return cls(table, device, corner, hypervolume(points, corner))

    def scores(self, vector: IndexVector) -> _Scores:
        """Result and negated latency: higher is better."""
        return _scores(self.table, self.device, vector)

    def missing_share(self, vectors: Sequence[IndexVector]) -> float:
        """The share of the whole volume that these architectures leave, from 0 to 1."""
        points = [self.scores(vector) for vector in dict.fromkeys(vectors)]
        return 1.0 - hypervolume(points, self.corner) / self.whole


@dataclass
class TradeOffTrace:
    """What happened in one search.

    Attributes:
        vectors: What was evaluated, in order.
        ask_seconds: Processor time that suggestions and learning took, in total.
    """

    vectors: list[IndexVector] = field(default_factory=list)
    ask_seconds: float = 0.0

    @property
    def distinct(self) -> int:
        """The number of different architectures."""
        return len(set(self.vectors))


def search_trade_off(
    method: str,
    goal: TradeOff,
    evaluations: int,
    *,
    seed: int,
    arguments: Mapping[str, Any] | None = None,
    code_directory: Path | None = None,
    progress: Progress | None = None,
) -> TradeOffTrace:
    """One search for both objectives, one trial at a time.

    Args:
        method: A name in :data:`PEERS`, or what :func:`nas_tuners.tuners.make_tuner` takes.
        goal: What is searched.
        evaluations: How many architectures are tried; fewer if the tuner has no more.
        seed: Of everything random.
        arguments: Of the tuner.
        code_directory: Where to look for the module of a tuner first.
        progress: Called after each evaluation.

    Raises:
        ConfigError: if there is no such tuner, if it does not take the arguments or several
            objectives, if the arguments have what the protocol sets, or if a peer is given any.
        TunerError: if the tuner fails.
    """
    if method.startswith("optuna-"):
        require_peer(method, arguments)
        return _run_sampler(method, goal, evaluations, seed, progress)
    require_free(arguments or {})
    from nas_tuners.tuners import make_tuner

    tuner = make_tuner(
        method,
        arguments or {},
        optimize_mode=_GOALS,
        seed=seed,
        code_directory=code_directory,
    )
    return _run_tuner(tuner, goal, evaluations, progress)


def _run_tuner(
    tuner: Tuner, goal: TradeOff, evaluations: int, progress: Progress | None
) -> TradeOffTrace:
    tuner.update_search_space(goal.table.space)
    trace = TradeOffTrace()
    for number in range(evaluations):
        start = time.process_time()
        try:
            parameters = tuner.generate_parameters(number)
        except SearchSpaceExhausted:
            break
        vector = tuner.proposed_vector(number)
        result, speed = goal.scores(vector)
        tuner.receive_trial_result(number, parameters, {"default": result, "latency": -speed})
        trace.ask_seconds += time.process_time() - start
        trace.vectors.append(vector)
        if progress is not None:
            progress()
    return trace


def _run_sampler(
    name: str, goal: TradeOff, evaluations: int, seed: int, progress: Progress | None
) -> TradeOffTrace:
    import optuna

    from nas_tuners.tuners._study import distributions

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = PEERS[name](seed)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    encoding = FlatEncoding(goal.table.space)
    parameters = distributions(encoding)
    trace = TradeOffTrace()
    for _ in range(evaluations):
        start = time.process_time()
        trial = study.ask(parameters)
        vector = encoding.decode(trial.params)
        trace.ask_seconds += time.process_time() - start
        result, speed = goal.scores(vector)
        study.tell(trial, [result, -speed])
        trace.vectors.append(vector)
        if progress is not None:
            progress()
    return trace


def _scores(table: Table, device: str, vector: IndexVector) -> _Scores:
    result = table.validation(vector)
    if result is None:
        raise TableError(
            f"table {table.name} lacks architectures; a trade-off needs a table that has all"
        )
    return result, -table.latency(vector, device)
