"""Evaluators: those of ``nas_tuners``."""

from __future__ import annotations

from nas_tuners.multi_trial.classification import Classification
from nas_tuners.multi_trial.evaluator import FunctionalEvaluator
from nas_tuners.multi_trial.regression import Regression

__all__ = ["Classification", "FunctionalEvaluator", "Regression"]
