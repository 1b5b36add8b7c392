"""Networks that an architecture was applied to, and what they know of their supernet."""

from __future__ import annotations

from torch import nn

from .wrappers import unwrap

SUPERNET_PATHS = "_nas_supernet_paths"
"""An attribute of a plain network: what became of its supernet's state-dict names.

A dict from a prefix in the supernet to the prefix here, None for what is gone; the longest prefix
counts. ``load_supernet_state_dict`` translates checkpoints with it.
"""

ALREADY_APPLIED = (
    "an architecture was already applied to this model; build it anew to apply another"
)


def is_applied(model: nn.Module) -> bool:
    """Whether the model is the plain network of an architecture."""
    return hasattr(unwrap(model), SUPERNET_PATHS)
