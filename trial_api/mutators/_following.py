"""The architecture that another mutator has come to, in another model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch import nn

from nas_tuners.contract.errors import Problem, SpaceMismatchError

from ._mutator import Mutator
from ._selection import Selection


@final
class FollowingMutator(Mutator):
    """Runs what another mutator would export at the time of :meth:`reset`.

    Args:
        model: A model with the same search space as the other one's, deeper or wider perhaps.
        leader: The other mutator.

    Raises:
        SpaceMismatchError: naming the keys that differ.
    """

    leader: Mutator

    def __init__(self, model: nn.Module, leader: Mutator) -> None:
        super().__init__(model)
        self.__dict__["leader"] = leader  # as an attribute it would be a submodule
        ours, theirs = self.search_space.specs, leader.search_space.specs
        keys = [key for key in {**theirs, **ours} if ours.get(key) != theirs.get(key)]
        if keys:
            self.remove()
            raise SpaceMismatchError(
                [Problem(key, _difference(ours.get(key), theirs.get(key))) for key in keys],
                type(model).__name__,
            )

    def sample_search(self) -> Mapping[str, Selection]:
        return self.leader._final()

    def sample_final(self) -> Mapping[str, Selection]:
        return self.leader._final()

    def get_extra_state(self) -> dict[str, list[int]] | None:
        """The architecture that runs, which the leader may have left since."""
        if self._decided is None:
            return None
        return {key: list(one.indices) for key, one in self._decided.items()}

    def set_extra_state(self, state: dict[str, list[int]] | None) -> None:
        if state is not None:
            lengths = {key: one.length for key, one in self.leader._final().items()}
            self.apply_on_model(
                {key: Selection(lengths[key], tuple(chosen)) for key, chosen in state.items()}
            )


def _difference(ours: Any, theirs: Any) -> str:
    return f"is {_named(ours)} here, but {_named(theirs)} in the model that is followed"


def _named(spec: Any) -> str:
    return "missing" if spec is None else str(spec)
