"""A named part of a model."""

from __future__ import annotations

from torch import nn

from nas_tuners.contract.errors import SearchSpaceError


class MutableScope(nn.Module):
    """Base of a part of the model that has a name, such as a cell.

    It is an ordinary module: it decides nothing, and stays when an architecture is applied.

    Args:
        key: The name.

    Raises:
        SearchSpaceError: if the name is not a non-empty string.

    Example::

        class Cell(MutableScope):
            def __init__(self, key):
                super().__init__(key)
                self.op = LayerChoice([nn.Identity(), nn.ReLU()])
    """

    def __init__(self, key: str) -> None:
        super().__init__()
        if not isinstance(key, str) or not key:
            raise SearchSpaceError(
                f"`key` must be a non-empty string, but got {key!r}", "MutableScope"
            )
        self.key = key
