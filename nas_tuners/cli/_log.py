"""What a module logs, as a part of what a command prints."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class _Printer(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        with suppress(BrokenPipeError):  # nobody reads on
            print(record.getMessage(), flush=True)


@contextmanager
def print_log(name: str) -> Iterator[None]:
    """Print what a module logs meanwhile, a line each."""
    logger, printer = logging.getLogger(name), _Printer()
    level = logger.level
    logger.addHandler(printer)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(printer)
