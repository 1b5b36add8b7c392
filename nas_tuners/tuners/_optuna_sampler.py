"""Any tuner as an Optuna sampler."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.study_attributes import NOTE_ATTR, SEARCH_SPACE_ATTR, VECTOR_ATTR

from ._base import OptimizeMode, Tuner
from ._history import Encoding, HistoryFollower, Proposal
from ._ordinary_encoding import OrdinaryEncoding
from ._study import attach_space, distributions

_logger = logging.getLogger(__name__)

_StudyKey = tuple[int, int]
_Distributions = dict[str, BaseDistribution]


class TunerSampler(BaseSampler):
    """Runs a tuner of this package as the sampler of an Optuna study.

    The study is the only record, so any number of threads, processes and machines may share it,
    trials may be enqueued, told or imported by others, and a study that was left goes on with the
    suggestion that would have come next. Parameters of the objective that do not belong to the
    search space are drawn at random.

    When every architecture has been proposed, ``study.optimize`` ends; ``study.ask`` raises
    :class:`~nas_tuners.SearchSpaceExhausted` at the first suggestion.

    Args:
        tuner: A tuner that has learned nothing; it is copied. Its ``optimize_mode`` is set from
            the study's direction.
        search_space: The space that the objective searches, in any form. None: the parameters
            that all trials of the study have in common, whatever they are, as Optuna's own
            samplers do.
        encoding: How subsets are written as Optuna parameters, see
            :class:`~nas_tuners.contract.flat_encoding.FlatEncoding`.

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
    ) -> None:
        self._tuner = tuner
        self._space = None if search_space is None else SearchSpace.of(search_space)
        self._encoding_name = encoding
        self._attached: tuple[_StudyKey, FlatEncoding, _Distributions] | None = None
        self._ordinary: tuple[_Distributions, OrdinaryEncoding] | None = None
        self._following: tuple[_StudyKey, Encoding, HistoryFollower] | None = None
        self._intersection = IntersectionSearchSpace()
        self._independent = RandomSampler(seed=tuner.seed)
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.RLock()

    def reseed_rng(self) -> None:
        """Only for parameters outside the space: all else is seeded by the trial's number."""
        self._independent.reseed_rng()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Record the space first: the objective may know only a part of it, that of a model."""
        if self._space is None or len(study.directions) > 1:
            return
        with self._lock:
            if not self._is_attached_to(study) and SEARCH_SPACE_ATTR not in study.user_attrs:
                self._attached_to(study, self._space)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if len(study.directions) > 1:
            return {}
        with self._lock:
            if self._space is not None:
                return self._attached_to(study, self._space)
            common = self._intersection.calculate(study)
            return {name: common[name] for name in sorted(common) if not common[name].single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._raise_error_if_multi_objective(study)
        if not search_space:
            return {}
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
        self._raise_error_if_multi_objective(study)
        with self._lock:
            return self._independent.sample_independent(
                study, trial, param_name, param_distribution
            )

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """End ``study.optimize`` when nothing is left. Learning never happens here."""
        if self._following is None or not _optimizing(study):
            return
        _, encoding, follower = self._following
        if isinstance(encoding, FlatEncoding) and follower.is_exhausted:
            study.stop()

    def _encoding_of(self, study: Study, search_space: _Distributions) -> Encoding:
        if self._space is not None and search_space == self._attached_to(study, self._space):
            assert self._attached is not None
            return self._attached[1]
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
            tuner = copy.deepcopy(self._tuner)
            tuner.optimize_mode = _mode(study)
            following = self._following = (_key(study), encoding, HistoryFollower(tuner, encoding))
        return following[2]

    def _propose(self, study: Study, trial: FrozenTrial, encoding: Encoding) -> Proposal:
        follower = self._follower_of(study, encoding)
        try:
            proposal = follower.propose(trial.number, _trials(study))
            self._publish(study, trial, proposal)
            if self._is_taken(study, trial, proposal):
                proposal = follower.propose(trial.number, _trials(study))
                self._publish(study, trial, proposal)
            return proposal
        except SearchSpaceExhausted:
            if isinstance(encoding, FlatEncoding):
                self._end(study, trial)
            return follower.repeat(trial.number)

    def _end(self, study: Study, trial: FrozenTrial) -> None:
        """Nothing new is left of the search space. (Ordinary objectives may be noisy: they go on.)

        Raises:
            SearchSpaceExhausted: outside ``study.optimize``, which ends by itself.
        """
        if not _optimizing(study):
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
            raise SearchSpaceExhausted("every architecture has been proposed")
        _logger.warning("Nothing new is left; trial %d repeats an architecture.", trial.number)
        study.stop()

    def _publish(self, study: Study, trial: FrozenTrial, proposal: Proposal) -> None:
        """Show other processes what is being tried before the parameters are written."""
        storage = study._storage
        storage.set_trial_system_attr(trial._trial_id, VECTOR_ATTR, list(proposal.vector))
        if proposal.note is not None:
            storage.set_trial_system_attr(trial._trial_id, NOTE_ATTR, proposal.note)

    def _is_taken(self, study: Study, trial: FrozenTrial, proposal: Proposal) -> bool:
        """Whether an older running trial turns out to try the same."""
        vector = list(proposal.vector)
        return any(
            other.number < trial.number and other.system_attrs.get(VECTOR_ATTR) == vector
            for other in _trials(study)
            if other.state == TrialState.RUNNING
        )


def _trials(study: Study) -> list[FrozenTrial]:
    """All trials of the study, also where a pruner shows samplers only some of them."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def _key(study: Study) -> _StudyKey:
    return id(study._storage), study._study_id


def _mode(study: Study) -> OptimizeMode:
    return "maximize" if study.direction == StudyDirection.MAXIMIZE else "minimize"


def _optimizing(study: Study) -> bool:
    return bool(getattr(study._thread_local, "in_optimize_loop", False))
