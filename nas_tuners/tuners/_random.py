"""Random search."""

from __future__ import annotations

from typing import final

from nas_tuners.contract.search_space import IndexVector

from ._base import Ask, Tuner


@final
class RandomTuner(Tuner):
    """Draws every decision from its prior, without replacement unless ``dedup=False``.

    Asking costs O(number of decisions), telling O(1).

    Example::

        tuner = RandomTuner(seed=0)
        tuner.update_search_space("search_space.json")
        tuner.generate_parameters(0)  # {"conv": {"_value": "5x5", "_idx": 1}}
    """

    multi_objective = True

    def _propose(self, ask: Ask) -> IndexVector:
        return self.space.sample(ask.rng)
