"""Tuners: they read a search space and propose architectures. One algorithm a file.

What a tuner of one's own is made of is here: the base class :class:`Tuner` with :class:`Ask` and
:class:`Result`, and :func:`mutate` on index vectors. The tuners themselves are in the top package.
For several objectives: :func:`non_dominated`, :func:`pareto_front` and :func:`hypervolume`.
"""

from __future__ import annotations

from nas_tuners.contract.search_space import IndexVector

from ._base import Ask, Result, Tuner
from ._contract_tuner import ContractTuner
from ._encoding import mutate
from ._pareto import hypervolume, non_dominated, pareto_front
from ._registry import TUNERS, make_tuner

__all__ = [
    "TUNERS",
    "Ask",
    "ContractTuner",
    "IndexVector",
    "Result",
    "Tuner",
    "hypervolume",
    "make_tuner",
    "mutate",
    "non_dominated",
    "pareto_front",
]
