"""Runs one trial by calling a function of the user's: ``python -m ... module:name``.

The module is looked up from the current folder. What the function returns is the final result.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import TrialError, did_you_mean
from nas_tuners.contract.trial_io import (
    TRIAL_DIR,
    Metric,
    append_metric,
    check_metric,
    read_assignment,
)


def call_function(target: str) -> None:
    """Call ``module:name`` with this trial's parameters and report what it returns.

    A function that returns None has reported its result itself.

    Raises:
        TrialError: if there is no such function.
        MetricError: if what it returns is no result.
    """
    folder = Path(os.environ[TRIAL_DIR])
    assignment = read_assignment(folder)
    value = _find(target)(assignment.parameters)
    if value is not None:
        append_metric(folder, Metric("final", 0, check_metric(value, assignment.metric)))


def function_command(target: str) -> list[str]:
    """The command that runs a trial by calling ``module:name``."""
    return [sys.executable, "-m", __name__, target]


def _find(target: str) -> Any:
    module_name, _, name = target.partition(":")
    module = importlib.import_module(module_name)
    if not hasattr(module, name):
        hint = did_you_mean(name, dir(module))
        raise TrialError(f"module {module_name!r} has no function {name!r}{hint}")
    return getattr(module, name)


if __name__ == "__main__":
    call_function(sys.argv[1])
