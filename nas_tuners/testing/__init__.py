"""Test cases that every implementation of an interface must pass. They need pytest."""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("nas_tuners.testing needs pytest: pip install pytest") from error

# Failures show values, in an installed package too.
for _part in ("_cases", "_constraint_cases", "_odd_cases", "_search_cases", "_tuner_suite"):
    pytest.register_assert_rewrite(f"{__name__}.{_part}")

from ._tuner_suite import TunerSuite  # noqa: E402 - rewritten while it is imported

__all__ = ["TunerSuite"]
