"""How much each key matters for the main objective: Optuna's PED-ANOVA, which needs only NumPy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, final

from .rows import Row, complete_with

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_FEWEST = 20  # trials: PED-ANOVA compares the best tenth with all
_MOST = 3000  # trials: some seconds of work, and more change nothing
_MOST_KEYS = 500


@dataclass(frozen=True)
class Importance:
    """How much each key matters.

    Attributes:
        metric: For which objective.
        shares: key -> its share, which sum to 1, the largest first; empty where there are none.
        problem: Why there are none.
    """

    metric: str
    shares: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "importance": dict(self.shares),
            "problem": self.problem,
        }


@final
class ImportanceWorker:
    """Computes importances in the background, one at a time, and keeps the last one.

    The first one takes a second or two, as Optuna's evaluators have to be imported.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: tuple[int, Importance] | None = None
        self._thread: threading.Thread | None = None

    def ask(
        self, revision: int, compute: Callable[[], Importance] | None, *, wait: float
    ) -> tuple[Importance | None, bool]:
        """The last importance, if any, and whether a newer one is being computed.

        Args:
            revision: Of the trials.
            compute: Computes it for this revision; None if that has to wait.
            wait: For how many seconds to wait for it.
        """
        with self._lock:
            if compute is not None and self._thread is None and not self._is_of(revision):
                work = partial(self._work, revision, compute)
                self._thread = threading.Thread(target=work, name="importance", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None:
            thread.join(wait)
        with self._lock:
            return self._done[1] if self._done else None, not self._is_of(revision)

    def _is_of(self, revision: int) -> bool:
        return self._done is not None and self._done[0] == revision

    def _work(self, revision: int, compute: Callable[[], Importance]) -> None:
        try:
            result = compute()
        except Exception as error:  # of evaluators that are no part of this project
            result = Importance("", problem=f"{type(error).__name__}: {error}")
        with self._lock:
            self._done, self._thread = (revision, result), None


def importance_of(
    rows: Sequence[Row],
    keys: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    *,
    metric: str,
    maximize: bool,
) -> Importance:
    """The importance of each key for reaching the best tenth of the trials.

    Args:
        rows: The trials; of thousands every n-th is used.
        keys: What the rows' entries are about.
        labels: Categorical key -> the names of its candidates.
        metric: The objective.
        maximize: Whether a high one is good.
    """
    usable = complete_with(rows, metric)
    values = [row.metrics[metric] for row in usable]
    if len(usable) < _FEWEST:
        problem = f"{len(usable)} complete trials; at least {_FEWEST} are needed"
        return Importance(metric, problem=problem)
    if len(set(values)) == 1:
        return Importance(metric, problem=f"all trials have the same {metric}")
    every = -(-len(usable) // _MOST)
    sample = usable[::every]
    columns = list(_columns(sample, keys[:_MOST_KEYS], labels))
    if not columns:
        return Importance(metric, problem="all trials try the same architecture")
    shares = _evaluate(sample, columns, metric, maximize=maximize)
    total = sum(shares.values())
    if not total > 0:
        return Importance(metric, problem="the best trials differ from the others in no key")
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    return Importance(metric, {key: round(share / total, 6) for key, share in ordered})


@dataclass(frozen=True)
class _Column:
    """A parameter of Optuna's that stands for a key; an entry is None where it is inactive."""

    name: str
    key: str
    distribution: BaseDistribution
    entries: Sequence[Any]


def _columns(
    rows: Sequence[Row], keys: Sequence[str], labels: Mapping[str, Sequence[str]]
) -> Iterator[_Column]:
    """The keys of which the trials try more than one value.

    A key that chooses several candidates becomes one parameter for each of them: as one category
    with a value for every subset, hardly any two trials would be alike.
    """
    for place, key in enumerate(keys):
        entries = [row.entries[place] if place < len(row.entries) else None for row in rows]
        if any(isinstance(entry, list) for entry in entries):
            for index in range(len(labels.get(key, ()))):
                chosen = [None if entry is None else int(index in entry) for entry in entries]
                yield from _column(f"{key}/{index}", key, chosen, categorical=True)
        else:
            yield from _column(key, key, entries, categorical=key in labels)


def _column(
    name: str, key: str, entries: Sequence[Any], *, categorical: bool
) -> Iterator[_Column]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    tried = sorted({entry for entry in entries if entry is not None})
    if len(tried) < 2:
        return
    if categorical:
        yield _Column(name, key, CategoricalDistribution(tried), entries)
    else:
        numbers = [None if entry is None else float(entry) for entry in entries]
        yield _Column(name, key, FloatDistribution(float(tried[0]), float(tried[-1])), numbers)


def _evaluate(
    rows: Sequence[Row], columns: Sequence[_Column], metric: str, *, maximize: bool
) -> dict[str, float]:
    """Key -> what Optuna's evaluator says of its parameters."""
    from optuna.importance import PedAnovaImportanceEvaluator

    from nas_tuners.tuners._registry import without_experimental_warnings

    from .sample import StudySample

    trials = [_trial(row, columns, place, metric) for place, row in enumerate(rows)]
    study = StudySample(trials, maximize=maximize)
    with without_experimental_warnings():
        found = PedAnovaImportanceEvaluator().evaluate(study)
    shares: dict[str, float] = {}
    for column in columns:
        shares[column.key] = shares.get(column.key, 0.0) + float(found.get(column.name, 0.0))
    return shares


def _trial(row: Row, columns: Sequence[_Column], place: int, metric: str) -> FrozenTrial:
    from optuna.trial import FrozenTrial, TrialState

    active = [column for column in columns if column.entries[place] is not None]
    return FrozenTrial(
        number=place,
        trial_id=place,
        state=TrialState.COMPLETE,
        value=row.metrics[metric],
        datetime_start=None,
        datetime_complete=None,
        params={column.name: column.entries[place] for column in active},
        distributions={column.name: column.distribution for column in active},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )
