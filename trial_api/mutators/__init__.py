"""Mutators: what decides the choices of a supernet while it trains."""

from ._base import BaseMutator
from ._fixed import FixedMutator
from ._gumbel import GumbelSoftmaxMutator
from ._hard_gumbel import HardGumbelMutator
from ._mutator import Mutator
from ._random import RandomMutator
from ._selection import Selection
from ._softmax import SoftmaxMutator
from ._tree import MutableTree

__all__ = [
    "BaseMutator",
    "FixedMutator",
    "GumbelSoftmaxMutator",
    "HardGumbelMutator",
    "MutableTree",
    "Mutator",
    "RandomMutator",
    "Selection",
    "SoftmaxMutator",
]
