"""All paths at once, some of them dropped at random, as in Bender et al."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, final

from torch import nn

from nas_tuners.contract.domains import Subset
from nas_tuners.contract.errors import Problem, SearchSpaceError

from ..nn._input_choice import InputChoice
from ..nn._tree import Choice
from ._mutator import Mutator, size_of
from ._random import draw_seed, selections_of
from ._selection import Selection


@final
class PathDropoutMutator(Mutator):
    """Runs the sum of all candidates of each choice, without those that are dropped at random.

    Bender, Kindermans, Zoph, Vasudevan, Le: Understanding and Simplifying One-Shot Architecture
    Search, ICML 2018, section 3. Each of the k candidates of a choice is dropped independently,
    with probability r^(1/k): so r is the probability that all are. What is dropped is not run,
    what remains is not scaled.

    Where the network needs an output, one candidate remains: if all of a layer choice are dropped,
    a random one stays after all; of an input choice, as many as it asks for at least.

    Args:
        model: A model with choices that sum or average.
        drop_rate: r, from 0, all paths, to 1, one.
        seed: Of the draws; None takes one from torch's generator.

    Attributes:
        drop_rate: May be set between steps, to raise it.

    Raises:
        SearchSpaceError: if a choice concatenates or lists its outputs, and their number is fixed.
    """

    def __init__(
        self, model: nn.Module, *, drop_rate: float = 0.0, seed: int | None = None
    ) -> None:
        super().__init__(model)
        problems = [*_unfit(self.mutables)]
        if problems:
            self.remove()
            raise SearchSpaceError(problems, "path dropout runs any number of candidates")
        self.drop_rate = drop_rate
        self._rng = Random(draw_seed() if seed is None else seed)

    def sample_search(self) -> dict[str, Selection]:
        return {m.key or "": self._drop(size_of(m), self._least(m)) for m in self.mutables}

    def sample_final(self) -> dict[str, Selection]:
        """A random architecture: which one is best, only a search in the supernet tells."""
        return selections_of(self.search_space, self.search_space.sample_fitting(self._rng))

    def get_extra_state(self) -> dict[str, Any]:
        return {"drop_rate": self.drop_rate, "random": self._rng.getstate()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.drop_rate = state["drop_rate"]
        self._rng.setstate(state["random"])

    def _drop(self, length: int, least: int) -> Selection:
        rate = drop_probability(self.drop_rate, length)
        kept = [index for index in range(length) if self._rng.random() >= rate]
        if len(kept) < least:
            others = [index for index in range(length) if index not in kept]
            kept += self._rng.sample(others, least - len(kept))
        return Selection(length, tuple(sorted(kept)))

    def _least(self, mutable: Choice) -> int:
        position = self.search_space.first_decision[mutable.key or ""]
        domain = self.search_space.decisions[position].domain
        return domain.low if isinstance(domain, Subset) else 1


def drop_probability(rate: float, paths: int) -> float:
    """Of each of some paths, so that all of them are dropped with probability ``rate``."""
    return float(rate ** (1 / paths)) if rate > 0 else 0.0


def _unfit(mutables: Any) -> Iterator[Problem]:
    for mutable in mutables:
        is_open = isinstance(mutable, InputChoice) and not isinstance(mutable.n_chosen, int)
        if mutable.reduction in ("concat", "none") and not is_open:
            yield Problem(mutable.key, f"its reduction is {mutable.reduction!r}; sum or average")
