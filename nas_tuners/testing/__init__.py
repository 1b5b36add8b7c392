"""Test cases that every implementation of an interface must pass. They need pytest."""

from __future__ import annotations

from ._tuner_suite import TunerSuite

__all__ = ["TunerSuite"]
