"""Any Optuna sampler as a tuner."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, final

from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner
from ._study import distributions

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

# What each sampler can work with; everything else takes the general encoding.
_ENCODINGS = {"CmaEsSampler": "scores", "BruteForceSampler": "subsets", "GridSampler": "subsets"}


@final
class OptunaTuner(Tuner):
    """Runs an Optuna sampler (TPE, CMA-ES, NSGA-II, GP, ...) as a tuner of this package.

    The results are kept in a private in-memory study, in the order in which they came. Every
    suggestion is made by a fresh copy of the sampler, seeded from ``seed`` and the parameter id,
    on a study that holds the results and the pending trials: so the suggestion is a function of
    the history, and resuming is exact. What a sampler writes to a trial (CMA-ES its distribution,
    NSGA-II its generation) travels as the proposal's note.

    Asking and telling cost what the sampler costs, plus O(pending trials).

    Args:
        sampler: An Optuna sampler. Its own seed is not used.
        encoding: How the space is written as Optuna parameters, see
            :class:`~nas_tuners.contract.flat_encoding.FlatEncoding`. None: what suits the sampler.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = OptunaTuner(optuna.samplers.TPESampler())
    """

    _attempts = 5  # samplers that repeat themselves tend to go on doing so

    def __init__(
        self,
        sampler: BaseSampler,
        *,
        encoding: str | None = None,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        from optuna.samplers import BaseSampler, QMCSampler

        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        if not isinstance(sampler, BaseSampler):
            raise ValueError(
                "`sampler` must be an instance of an Optuna sampler, such as "
                f"optuna.samplers.TPESampler(), but got (sampler={sampler!r})."
            )
        if isinstance(sampler, QMCSampler):
            raise ValueError(
                "`sampler` must not be a QMCSampler: it counts its points in the study, which a "
                "tuner cannot replay; give it to optuna.create_study itself."
            )
        self._sampler = copy.deepcopy(sampler)  # what a study left in it is none of our history
        self._encoding_name = encoding or _ENCODINGS.get(type(sampler).__name__, "auto")

    def _prepare(self, space: SearchSpace) -> None:
        self._encoding = FlatEncoding(space, self._encoding_name)
        self._distributions = distributions(self._encoding)
        self._study, self._storage = _new_study()

    def _propose(self, ask: Ask) -> IndexVector:
        sampler = _fresh_copy(self._sampler)
        _seed_sampler(sampler, Random(ask.rng.getrandbits(64)))
        self._study.sampler = sampler
        finished = self._storage.n_trials
        try:
            for number in sorted(ask.pending):
                self._add(ask.pending[number], None, None, running=True)
            trial = self._study.ask(self._distributions)
            frozen = self._storage.get_trial(trial._trial_id)
            ask.note = _note(frozen.system_attrs)
            return self._encoding.decode(frozen.params)
        finally:
            self._storage.forget_after(finished)

    def _learn(self, result: Result) -> None:
        self._add(result.vector, result.score, result.note, running=False)

    def _add(
        self,
        vector: IndexVector,
        score: float | None,
        note: dict[str, Any] | None,
        *,
        running: bool,
    ) -> None:
        from optuna.trial import TrialState, create_trial

        state = TrialState.COMPLETE if score is not None else TrialState.FAIL
        trial = create_trial(
            state=TrialState.RUNNING if running else state,
            value=score,
            params=self._encoding.encode(vector),
            distributions=self._distributions,
            system_attrs=note or {},
        )
        self._study.add_trial(trial)


def _new_study() -> tuple[Study, Any]:
    import optuna

    from ._scratch_storage import ScratchStorage

    storage = ScratchStorage()
    with _silenced("optuna.storages._in_memory"):
        study = optuna.create_study(storage=storage, direction="maximize")
    return study, storage


@contextmanager
def _silenced(name: str) -> Iterator[None]:
    """A private study is nobody's news."""
    logger, deaf = logging.getLogger(name), lambda record: False
    logger.addFilter(deaf)
    try:
        yield
    finally:
        logger.removeFilter(deaf)


def _fresh_copy(sampler: BaseSampler) -> BaseSampler:
    """A copy that shares what samplers remember of finished trials: the parameters they have."""
    from optuna.search_space import IntersectionSearchSpace

    shared = [v for v in vars(sampler).values() if isinstance(v, IntersectionSearchSpace)]
    return copy.deepcopy(sampler, {id(thing): thing for thing in shared})


def _seed_sampler(sampler: Any, rng: Random) -> None:
    """Seed every random state in a sampler and in the strategies and samplers it holds."""
    from optuna.samplers._lazy_random_state import LazyRandomState

    seen: set[int] = set()

    def visit(thing: Any) -> None:
        if id(thing) in seen:
            return
        seen.add(id(thing))
        if isinstance(thing, LazyRandomState):
            thing.rng.seed(rng.getrandbits(32))
        elif type(thing).__module__.startswith("optuna.") and hasattr(thing, "__dict__"):
            for name in sorted(vars(thing)):
                visit(vars(thing)[name])

    visit(sampler)
    for name in sorted(vars(sampler)):  # a sampler from elsewhere that holds Optuna's
        visit(vars(sampler)[name])


def _note(attributes: dict[str, Any]) -> dict[str, Any] | None:
    """What a sampler must find again on the finished trial; the proposal itself is its params."""
    kept = {key: value for key, value in attributes.items() if "relative_params" not in key}
    return kept or None
