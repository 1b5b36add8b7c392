"""Test cases that every one-shot trainer passes. They need pytest."""

from __future__ import annotations

try:
    import pytest
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("trial_api.testing needs pytest: pip install pytest") from error

# Failures show values, in an installed package too.
pytest.register_assert_rewrite(f"{__name__}._one_shot_suite")

from ._one_shot_suite import OneShotSuite  # noqa: E402 - rewritten while it is imported

__all__ = ["OneShotSuite"]
