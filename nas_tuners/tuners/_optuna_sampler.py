"""Any tuner as an Optuna sampler."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from optuna import Study, TrialPruned
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_tuners.contract.errors import SearchSpaceExhausted, TunerError, did_you_mean
from nas_tuners.contract.flat_encoding import ENCODINGS, FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import NOTE_ATTR, SEARCH_SPACE_ATTR, VECTOR_ATTR

from ._base import OptimizeMode, Tuner
from ._goals import Direction
from ._history import Encoding, HistoryFollower, Proposal, copy_tuner
from ._ordinary_encoding import OrdinaryEncoding
from ._study import attach_space, distributions

_logger = logging.getLogger(__name__)

_StudyKey = tuple[BaseStorage, int]
_Distributions = dict[str, BaseDistribution]

_EXHAUSTED = "Nothing is left to propose (%s); the study ends with trial %d."
_UNUSED = (
    "Trial %d has a result, but its objective did not ask for the parameter %r%s. An objective "
    "should suggest every active key of the search space by its name; what it leaves out counts "
    "as tried as it was proposed."
)
_CONSTRAINED = (
    "the search space has constraints, which need every parameter, but another sampler fixes {}; "
    "fix them by a constraint of the space instead: space.constrain(...)"
)
_ALL = "every architecture has been tried"
_YIELDS = 10  # to other processes that try the same, before a repeat is accepted


class TunerSampler(BaseSampler):
    """Runs a tuner of this package as the sampler of an Optuna study.

    The study is the only record, so any number of threads, processes and machines may share it,
    trials may be enqueued, told or imported by others, and a study that was left goes on with the
    suggestion that would have come next. Parameters of the objective that do not belong to the
    search space, such as a learning rate, are drawn at random; leave ``search_space`` out to have
    the tuner propose them too.

    When every architecture of ``search_space`` has been proposed, ``study.optimize`` ends (a trial
    that was begun by then is pruned at its first suggestion); ``study.ask`` raises
    :class:`~nas_tuners.SearchSpaceExhausted` at the first suggestion.

    Args:
        tuner: A tuner that has proposed nothing; it is copied, with the scores and data that it
            was given. Its ``optimize_mode`` is set from the study's direction, or directions if it
            handles several objectives. Optuna's constraints, intermediate values and pruned trials
            are passed on to it; bounds are the study's too (``trial.set_constraint``).
        search_space: The space that the objective searches, in any form. None: the parameters
            that all trials of the study have in common, whatever they are, as Optuna's own
            samplers do.
        encoding: How subsets are written as Optuna parameters, see
            :class:`~nas_tuners.contract.flat_encoding.FlatEncoding`.
        pending_timeout: Seconds after which a trial that is still running counts as dead: the
            tuner no longer reckons with it, and may propose its architecture again. None: ten
            times the longest trial that ended with a result, and at least an hour.
            ``math.inf``: never.

    Example::

        sampler = TunerSampler(RegularizedEvolutionTuner(seed=0), search_space(Net()))
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=100)
    """

    def __init__(
        self,
        tuner: Tuner,
        search_space: SearchSpace | Mapping[str, Any] | str | Path | None = None,
        *,
        encoding: str = "auto",
        pending_timeout: float | None = None,
    ) -> None:
        _check_tuner(tuner)
        if encoding not in ENCODINGS:
            raise ValueError(f"`encoding` must be one of {ENCODINGS}, but got {encoding!r}.")
        if pending_timeout is not None and not _is_positive(pending_timeout):
            raise ValueError(
                "`pending_timeout` must be a positive number of seconds or None, "
                f"but got (pending_timeout={pending_timeout!r})."
            )
        self._tuner = tuner
        self._pending_timeout = pending_timeout
        self._space = None if search_space is None else SearchSpace.of(search_space)
        self._encoding_name = encoding
        self._attached: tuple[_StudyKey, FlatEncoding, _Distributions] | None = None
        self._ordinary: tuple[_Distributions, OrdinaryEncoding] | None = None
        self._following: tuple[_StudyKey, Encoding, HistoryFollower] | None = None
        self._intersection = IntersectionSearchSpace()
        self._has_warned = False
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_lock"]
        # All of it comes back from the study, whose storage may not be picklable.
        return state | {"_attached": None, "_following": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Record the space first: the objective may know only a part of it, that of a model."""
        if self._space is None or not self._handles(study):
            return
        study = _whole(study)
        with self._lock:
            if not self._is_attached_to(study) and SEARCH_SPACE_ATTR not in study.user_attrs:
                self._attached_to(study, self._space)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if not self._handles(study):
            return {}
        study = _whole(study)
        with self._lock:
            if self._space is not None:
                return dict(self._attached_to(study, self._space))  # others take entries out
            common = self._intersection.calculate(study)
            return {name: common[name] for name in sorted(common) if not common[name].single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._check_objectives(study)
        if not search_space:
            return {}
        study = _whole(study)
        with self._lock:
            encoding = self._encoding_of(study, search_space)
            proposal = self._propose(study, trial, encoding)
            return encoding.encode(proposal.vector)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        self._check_objectives(study)
        # Seeded like a proposal: neither resuming nor a second process draws the same again.
        seed = Random(f"{self._tuner.seed}:{trial.number}:{param_name}").getrandbits(32)
        sampler = RandomSampler(seed=seed)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """End ``study.optimize`` when nothing is left. Learning never happens here."""
        study, following = _whole(study), self._following
        if state == TrialState.COMPLETE and self._space is not None and self._handles(study):
            self._warn_of_unused(study, trial, self._space)
        if following is None or following[0] != _key(study) or not _optimizing(study):
            return
        _, encoding, follower = following
        if isinstance(encoding, FlatEncoding) and follower.is_exhausted:
            _logger.warning(_EXHAUSTED, _ALL, trial.number)
            study.stop()

    def _warn_of_unused(self, study: Study, trial: FrozenTrial, space: SearchSpace) -> None:
        """Say once that an objective did not ask for what was proposed: its names may differ."""
        with self._lock:
            self._attached_to(study, space)
            assert self._attached is not None
            try:
                self._attached[1].decode(trial.params)
            except KeyError as error:
                if not self._has_warned:
                    hint = did_you_mean(error.args[0], trial.params)
                    _logger.warning(_UNUSED, trial.number, error.args[0], hint)
                self._has_warned = True
            except ValueError:  # enqueued by others, out of range
                return

    def _handles(self, study: Study) -> bool:
        return len(study.directions) == 1 or self._tuner.multi_objective

    def _check_objectives(self, study: Study) -> None:
        """Have the tuner say what it does not handle."""
        if not self._handles(study):
            copy_tuner(self._tuner).optimize_mode = _mode(study)

    def _encoding_of(self, study: Study, search_space: _Distributions) -> Encoding:
        if self._space is not None and search_space == self._attached_to(study, self._space):
            assert self._attached is not None
            return self._attached[1]
        if self._space is not None and self._space.constraints:
            missing = [
                name for name in self._attached_to(study, self._space) if name not in search_space
            ]
            raise TunerError(_CONSTRAINED.format(", ".join(map(repr, missing))))
        if self._ordinary is None or self._ordinary[0] != search_space:
            self._ordinary = (search_space, OrdinaryEncoding(search_space))
        return self._ordinary[1]

    def _attached_to(self, study: Study, space: SearchSpace) -> _Distributions:
        if not self._is_attached_to(study):
            encoding = attach_space(study, space, self._encoding_name)
            self._attached = (_key(study), encoding, distributions(encoding))
        assert self._attached is not None
        return self._attached[2]

    def _is_attached_to(self, study: Study) -> bool:
        return self._attached is not None and self._attached[0] == _key(study)

    def _follower_of(self, study: Study, encoding: Encoding) -> HistoryFollower:
        following = self._following
        if following is None or following[:2] != (_key(study), encoding):
            tuner = copy_tuner(self._tuner)
            tuner.optimize_mode = _mode(study)
            follower = HistoryFollower(tuner, encoding, pending_timeout=self._pending_timeout)
            following = self._following = (_key(study), encoding, follower)
        return following[2]

    def _propose(self, study: Study, trial: FrozenTrial, encoding: Encoding) -> Proposal:
        follower = self._follower_of(study, encoding)
        try:
            proposal = self._new_proposal(study, trial, follower)
        except SearchSpaceExhausted as error:
            if isinstance(encoding, FlatEncoding):
                self._end(study, trial, str(error))
            return follower.repeat(trial.number)
        if proposal.note is not None:
            study._storage.set_trial_system_attr(trial._trial_id, NOTE_ATTR, proposal.note)
        return proposal

    def _new_proposal(
        self, study: Study, trial: FrozenTrial, follower: HistoryFollower
    ) -> Proposal:
        """A proposal that no other trial tries.

        Each process shows what it is about to try, and then looks: of two that try the same at
        least one sees the other. Neither knows whether it was seen, so whoever sees, yields.

        Raises:
            SearchSpaceExhausted: if nothing is left.
        """
        proposal = None
        for _ in range(_YIELDS):
            try:
                proposal = follower.propose(trial.number, _trials(study))
            except SearchSpaceExhausted:
                if proposal is None:
                    raise
                break
            self._publish(study, trial, proposal)
            if not follower.is_taken(trial.number, proposal.vector, _trials(study)):
                break
        assert proposal is not None
        return proposal

    def _end(self, study: Study, trial: FrozenTrial, why: str) -> None:
        """Nothing new is left of the search space. (Ordinary objectives may be noisy: they go on.)

        Raises:
            TrialPruned: within ``study.optimize``, which ends without training anything again.
            SearchSpaceExhausted: elsewhere.
        """
        if _optimizing(study):
            _logger.warning(_EXHAUSTED, why, trial.number)
            study.stop()
            raise TrialPruned(why)
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        raise SearchSpaceExhausted(why)

    def _publish(self, study: Study, trial: FrozenTrial, proposal: Proposal) -> None:
        """Show other processes what is being tried before the parameters are written."""
        vector = list(proposal.vector)
        study._storage.set_trial_system_attr(trial._trial_id, VECTOR_ATTR, vector)


def _check_tuner(tuner: object) -> None:
    if not isinstance(tuner, Tuner):
        raise ValueError(
            "`tuner` must be a Tuner, such as RandomTuner(), or an object with NNI's methods "
            f"in a nas_tuners.tuners.ContractTuner, but got (tuner={tuner!r})."
        )
    if tuner.has_had_trials:
        raise ValueError(
            f"`tuner` must be fresh, but this {tuner.name} has had trials already; make a new "
            "one: it learns the study's trials by itself, and others from its import_data()."
        )
    if tuner.goals.bounds:
        metrics = ", ".join(metric for metric, *_ in tuner.goals.bounds)
        raise ValueError(
            f"`tuner` has bounds of its own ({metrics}), but a study keeps no such metrics; "
            "leave them out of `optimize_mode`, and have the objective call "
            "trial.set_constraint(name, excess), above 0 where a bound is broken (Optuna 5)."
        )


def _is_positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _whole(study: Study) -> Study:
    """The study itself, where HyperbandPruner hands out one that shows a bracket of it."""
    whole: Study = getattr(study, "_study", study)
    return whole


def _trials(study: Study) -> list[FrozenTrial]:
    """All trials of the study, not copied."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def _key(study: Study) -> _StudyKey:
    return study._storage, study._study_id


def _mode(study: Study) -> OptimizeMode:
    if len(study.directions) == 1:
        return _goal(study.direction)
    return {f"objective {i}": _goal(direction) for i, direction in enumerate(study.directions)}


def _goal(direction: StudyDirection) -> Direction:
    return "maximize" if direction == StudyDirection.MAXIMIZE else "minimize"


def _optimizing(study: Study) -> bool:
    return bool(getattr(study._thread_local, "in_optimize_loop", False))
