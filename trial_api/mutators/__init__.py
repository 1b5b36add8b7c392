"""Mutators: what decides the choices of a supernet while it trains."""

from ._base import BaseMutator
from ._binary_gates import BinaryGateMutator
from ._controller import ControllerMutator
from ._edge_normalized import EdgeNormalizedMutator
from ._fixed import FixedMutator
from ._following import FollowingMutator
from ._gumbel import GumbelSoftmaxMutator
from ._hard_gumbel import HardGumbelMutator
from ._mutator import Mutator
from ._path_dropout import PathDropoutMutator
from ._progressive import ProgressiveMutator, SkipCap
from ._random import RandomMutator
from ._selection import Selection
from ._softmax import SoftmaxMutator
from ._thresholds import ThresholdMutator
from ._tree import MutableTree

__all__ = [
    "BaseMutator",
    "BinaryGateMutator",
    "ControllerMutator",
    "EdgeNormalizedMutator",
    "FixedMutator",
    "FollowingMutator",
    "GumbelSoftmaxMutator",
    "HardGumbelMutator",
    "MutableTree",
    "Mutator",
    "PathDropoutMutator",
    "ProgressiveMutator",
    "RandomMutator",
    "Selection",
    "SkipCap",
    "SoftmaxMutator",
    "ThresholdMutator",
]
