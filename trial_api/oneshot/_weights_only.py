"""Epochs at the start that train weights and leave the architecture alone."""

from __future__ import annotations

from nas_tuners.contract.errors import ConfigError


def check_weights_only(name: str, epochs: object, num_epochs: int) -> None:
    """Refuse a start that is no number of epochs, or the whole search.

    Raises:
        ConfigError: naming the argument.
    """
    if not isinstance(epochs, int) or isinstance(epochs, bool) or epochs < 0:
        raise ConfigError(f"must be a whole number >= 0, but got {epochs!r}", name)
    if num_epochs and epochs >= num_epochs:
        raise ConfigError(
            f"must be less than num_epochs={num_epochs}, or the architecture is never trained, "
            f"but got {epochs}; set fewer",
            name,
        )
