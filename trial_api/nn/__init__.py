"""Choices in PyTorch models: writing them, reading the search space, applying architectures."""

from ._apply import apply_fixed_architecture
from ._checkpoint import load_supernet_state_dict
from ._input_choice import InputChoice
from ._layer_choice import LayerChoice
from ._next import get_and_apply_next_architecture
from ._partial_channels import PartialChannels
from ._scope import MutableScope
from ._space import search_space
from ._super_kernel import SuperKernelConv2d

__all__ = [
    "InputChoice",
    "LayerChoice",
    "MutableScope",
    "PartialChannels",
    "SuperKernelConv2d",
    "apply_fixed_architecture",
    "get_and_apply_next_architecture",
    "load_supernet_state_dict",
    "search_space",
]
