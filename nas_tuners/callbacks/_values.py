"""What the callbacks share: packages that may be missing, and results as plain numbers."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Mapping
from typing import Any

from nas_tuners.contract.errors import ConfigError
from nas_tuners.experiment.events.events import TrialFinished, TrialReported


def need(package: str, extra: str) -> None:
    """Make sure that a package is installed, without importing it.

    Raises:
        ConfigError: if it is not.
    """
    if importlib.util.find_spec(package) is None:
        raise ConfigError(f"needs the package {package}: pip install 'nas-tuners[{extra}]'")


def numbers_of(event: TrialReported | TrialFinished) -> dict[str, float]:
    """The numbers of a report by name, the one that the search is about as ``value``."""
    named = {**event.metrics, "value": event.value}
    return {name: float(value) for name, value in named.items() if _is_number(value)}


def flat(architecture: Mapping[str, Any]) -> dict[str, str | float]:
    """An architecture as tools show it: numbers and texts; all else as JSON."""
    return {
        key: value if isinstance(value, (str, int, float)) else json.dumps(value)
        for key, value in architecture.items()
    }


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)
