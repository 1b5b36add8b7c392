"""Reading the search space of every model of the zoo, with its default arguments."""

from __future__ import annotations

import search_spaces
from search_spaces.__main__ import SPACES
from trial_api import search_space

from .._claim import Claim, median_seconds

LIMIT = 0.5


def measure(seed: int) -> list[Claim]:
    """Nothing is random."""
    return [_claim(name) for name in SPACES]


def _claim(name: str) -> Claim:
    model = getattr(search_spaces, name)
    keys = len(search_space(model).specs)
    seconds = median_seconds(lambda: search_space(model), 5)
    return Claim(f"read {name}, {keys} keys", seconds * 1e3, LIMIT * 1e3, "limit", "ms")
