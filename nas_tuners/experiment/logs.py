"""The log file of a runner."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _LogFile(logging.FileHandler):
    """A full disk costs log lines, not the experiment; what matters is written elsewhere too."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        pass


@contextmanager
def log_to(file: Path) -> Iterator[None]:
    """Append what is logged, and what is raised, to a file.

    Optuna's own lines go there and no longer to stderr.
    """
    import optuna

    handler = _LogFile(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    try:
        yield
    except BaseException:
        logging.getLogger(__name__).exception("The run ended on an error")
        raise
    finally:
        optuna.logging.disable_propagation()
        optuna.logging.enable_default_handler()
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def without_notices() -> Iterator[None]:
    """Optuna's notices, such as that a study was made, are not for stderr."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
