"""Tuners written to NNI's documented contract alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from nas_tuners.contract.architecture import to_parameters, to_vector
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceExhausted, TunerError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner

_REQUIRED = ("update_search_space", "generate_parameters", "receive_trial_result")


@final
class ContractTuner(Tuner):
    """Runs any object that has the three documented methods as a tuner of this package.

    ``update_search_space(search_space)``, ``generate_parameters(parameter_id)`` and
    ``receive_trial_result(parameter_id, parameters, value)``; ``trial_end(parameter_id, success)``
    is called too where it exists, and imported data go to its ``import_data(records)``, one record
    at a time, where it has one (else to ``receive_trial_result`` with the id None). To end the
    search, ``generate_parameters`` raises ``SearchSpaceExhausted`` (or NNI's
    ``NoMoreTrialError``).

    A search that is interrupted resumes by telling a fresh copy every result again, in order, so
    the object must be deep-copyable, and exact resumption needs suggestions that depend on results
    and parameter ids alone.

    Args:
        tuner: The object, before ``update_search_space``.
        optimize_mode: Passed on to nothing: the object has its own.
        seed: As ``optimize_mode``.

    Raises:
        TunerError: if a method is missing.
    """

    _attempts = 1
    _refusable = 20  # as it may say the same again and again

    def __init__(
        self, tuner: Any, *, optimize_mode: OptimizeMode = "maximize", seed: int | None = None
    ) -> None:
        self._tuner = tuner
        # Whether to try an architecture twice is the object's own decision.
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=False)
        missing = [name for name in _REQUIRED if not callable(getattr(tuner, name, None))]
        if missing:
            name = type(tuner).__name__
            raise TunerError(f"{name} is not a tuner: it lacks the method {', '.join(missing)}")

    @property
    def name(self) -> str:
        """The class that was wrapped."""
        return type(self._tuner).__name__

    def _prepare(self, space: SearchSpace) -> None:
        self._tuner.update_search_space(space.to_dict())

    def _propose(self, ask: Ask) -> IndexVector:
        try:
            parameters = self._tuner.generate_parameters(ask.number)
        except Exception as error:
            if type(error).__name__ == "NoMoreTrialError":
                raise SearchSpaceExhausted(str(error) or "the tuner has no more trials") from error
            raise
        try:
            return to_vector(self.space, _plain(parameters))
        except ArchitectureError as error:
            raise TunerError(f"{self.name}.generate_parameters: {error}") from error

    def _learn(self, result: Result) -> None:
        parameters = to_parameters(self.space, result.vector)
        if result.number is None and callable(getattr(self._tuner, "import_data", None)):
            self._tuner.import_data([{"parameter": parameters, "value": result.value}])
            return
        if result.value is not None:
            self._tuner.receive_trial_result(result.number, parameters, result.value)
        if callable(getattr(self._tuner, "trial_end", None)):
            self._tuner.trial_end(result.number, result.value is not None)


def _plain(value: Any) -> Any:
    """The same with Python's numbers and lists for numpy's, of which such tuners are full."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.tolist() if hasattr(value, "tolist") else value
