"""Any Optuna sampler as a tuner."""

from __future__ import annotations

import copy
import importlib.util
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any, final

from nas_tuners.contract.errors import TunerError
from nas_tuners.contract.flat_encoding import ENCODINGS, FlatEncoding
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner
from ._study import distributions

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

# What suits each sampler; everything else takes the general encoding.
_ENCODINGS = {
    "BruteForceSampler": "subsets",
    "CmaEsSampler": "scores",
    "GPSampler": "slots",
    "GridSampler": "subsets",
    "NSGAIISampler": "booleans",
    "NSGAIIISampler": "booleans",
}
_REFUSABLE = {"GPSampler": 5}  # each proposal of which takes a fit
_BRUTE_FORCE = "BruteForceSampler"
_CMAES = "CmaEsSampler"  # knows one objective, no constraints, and the order of values only
_BELOW_ALL = -1e100


@final
class OptunaTuner(Tuner):
    """Runs an Optuna sampler (TPE, CMA-ES, NSGA-II, GP, ...) as a tuner of this package.

    The results are kept in a private in-memory study, in the order in which they came. Every
    suggestion is made by a fresh copy of the sampler, seeded from ``seed`` and the parameter id,
    on a study that holds the results and the pending trials: so the suggestion is a function of
    the history, and resuming is exact. What a sampler writes to a trial (CMA-ES its distribution,
    NSGA-II its generation) travels as the proposal's note.

    Several objectives, bounds, intermediate results and stopped trials reach the sampler as
    Optuna's own (bounds from Optuna 5 on). TPE, NSGA-II, NSGA-III and GP handle several
    objectives; CMA-ES has one, and takes what is beyond a bound for worse than all else.

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

        if not isinstance(sampler, BaseSampler):
            raise ValueError(
                "`sampler` must be an instance of an Optuna sampler, such as "
                f"optuna.samplers.TPESampler(), but got (sampler={sampler!r})."
            )
        if encoding is not None and encoding not in ENCODINGS:
            raise ValueError(f"`encoding` must be one of {ENCODINGS}, but got {encoding!r}")
        if isinstance(sampler, QMCSampler):
            raise ValueError(
                "`sampler` must not be a QMCSampler: it counts its points in the study, which a "
                "tuner cannot replay; take QMCTuner, or give it to optuna.create_study itself."
            )
        if type(sampler).__name__ == _CMAES and importlib.util.find_spec("cmaes") is None:
            raise ValueError(
                f"{_CMAES} needs the package cmaes: pip install cmaes, or nas-tuners[cmaes]."
            )
        self._sampler = copy.deepcopy(sampler)  # what a study left in it is none of our history
        self._encoding_name = encoding or _ENCODINGS.get(type(sampler).__name__, "auto")
        self._refusable = _REFUSABLE.get(type(sampler).__name__, 20)
        self.multi_objective = handles_several(type(sampler))
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        if self.goals.bounds and not self._is_cmaes:
            _require_constraints()

    @property
    def name(self) -> str:
        """The sampler is the algorithm."""
        return f"OptunaTuner({type(self._sampler).__name__})"

    @property
    def _is_cmaes(self) -> bool:
        return type(self._sampler).__name__ == _CMAES

    def _prepare(self, space: SearchSpace) -> None:
        if type(self._sampler).__name__ == _BRUTE_FORCE and space.size == math.inf:
            endless = [d.name for d in space.decisions if d.domain.size == math.inf]
            raise TunerError(
                f"{_BRUTE_FORCE} tries every architecture, but {', '.join(map(repr, endless))} "
                "has infinitely many values: make it a grid (such as quniform), or take another "
                "tuner"
            )
        self._encoding = FlatEncoding(space, self._encoding_name)
        self._distributions = distributions(self._encoding)
        self._study, self._storage = _new_study(len(self.goals.objectives))

    def _propose(self, ask: Ask) -> IndexVector:
        from optuna.trial import TrialState

        sampler = _fresh_copy(self._sampler)
        _seed_sampler(sampler, Random(ask.rng.getrandbits(64)))
        self._study.sampler = sampler
        finished = self._storage.n_trials
        try:
            for number in sorted(ask.pending):
                self._add(ask.pending[number], state=TrialState.RUNNING)
            trial = self._study.ask(self._distributions)
            frozen = self._storage.get_trial(trial._trial_id)
            ask.note = _note(frozen.system_attrs)
            return self._encoding.decode(frozen.params)
        finally:
            self._storage.forget_after(finished)

    def _learn(self, result: Result) -> None:
        outcome = _penalized(result) if self._is_cmaes else _outcome(result)
        self._add(result.vector, system_attrs=result.note or {}, **outcome)

    def _add(self, vector: IndexVector, **content: Any) -> None:
        from optuna.trial import create_trial

        params = self._encoding.encode(vector)
        trial = create_trial(params=params, distributions=self._distributions, **content)
        self._study.add_trial(trial)


def handles_several(sampler: type[BaseSampler]) -> bool:
    """Whether a sampler's class handles several objectives."""
    return sampler.__name__ != _CMAES


def _require_constraints() -> None:
    import optuna

    if not hasattr(optuna.trial.FrozenTrial, "constraints"):
        raise ValueError(
            "`optimize_mode` has bounds, which reach a sampler from Optuna 5 on; this is "
            f"Optuna {optuna.__version__}: pip install -U optuna."
        )


def _outcome(result: Result) -> dict[str, Any]:
    """The result as :func:`optuna.trial.create_trial` takes it."""
    from optuna.trial import TrialState

    if result.score is None:
        return {"state": TrialState.FAIL}
    # Optuna prunes in studies of one objective only.
    pruned = result.pruned and len(result.scores) == 1
    outcome = {
        "state": TrialState.PRUNED if pruned else TrialState.COMPLETE,
        "values": list(result.scores),
        "intermediate_values": dict(result.partial),
    }
    return outcome | ({"constraints": dict(result.excess)} if result.excess else {})


def _penalized(result: Result) -> dict[str, Any]:
    """The same without constraints: what violates them is below all that does not."""
    outcome = _outcome(result)
    outcome.pop("constraints", None)
    if result.score is not None and result.violation:
        outcome["values"] = [_BELOW_ALL * (1 + result.violation)]
    return outcome


def _new_study(objectives: int) -> tuple[Study, Any]:
    import optuna

    from ._scratch_storage import ScratchStorage

    storage = ScratchStorage()
    with _silenced("optuna.storages._in_memory"):
        study = optuna.create_study(storage=storage, directions=["maximize"] * objectives)
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
