"""Choices in PyTorch models: writing them, reading the search space, applying architectures."""

from ._activation import Activation
from ._apply import apply_fixed_architecture
from ._building import add_constraint, decided
from ._cell import Cell
from ._checkpoint import load_supernet_state_dict
from ._input_choice import InputChoice
from ._layer_choice import LayerChoice
from ._model_space import model_space
from ._nas_bench_101_cell import NasBench101Cell
from ._nas_bench_201_cell import NasBench201Cell
from ._next import get_and_apply_next_architecture
from ._partial_channels import PartialChannels
from ._repeat import Repeat
from ._scope import MutableScope
from ._subject import search_space
from ._super_kernel import SuperKernelConv2d
from ._supernet import make_supernet
from ._value_choice import ValueChoice

model_wrapper = model_space

__all__ = [
    "Activation",
    "Cell",
    "InputChoice",
    "LayerChoice",
    "MutableScope",
    "NasBench101Cell",
    "NasBench201Cell",
    "PartialChannels",
    "Repeat",
    "SuperKernelConv2d",
    "ValueChoice",
    "add_constraint",
    "apply_fixed_architecture",
    "decided",
    "get_and_apply_next_architecture",
    "load_supernet_state_dict",
    "make_supernet",
    "model_space",
    "model_wrapper",
    "search_space",
]
