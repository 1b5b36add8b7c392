"""The averages of epochs, for TensorBoard."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError


class Scalars:
    """Writes numbers by epoch; as a context, it closes its file at the end.

    Args:
        logdir: A folder; None writes nothing.

    Raises:
        ConfigError: if there is a folder, but not the package that writes there.
    """

    def __init__(self, logdir: str | None) -> None:
        if logdir is not None and importlib.util.find_spec("tensorboard") is None:
            raise ConfigError("needs the package tensorboard: pip install tensorboard", "logdir")
        self._logdir = logdir
        self._writer: Any = None

    def write(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add the values of an epoch; those of an earlier run of it and of later ones go."""
        if self._logdir is None:
            return
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(self._logdir, purge_step=epoch)
        for name, value in values.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def __enter__(self) -> Scalars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None
