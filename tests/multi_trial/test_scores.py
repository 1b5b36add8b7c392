"""Metrics from sums over batches, against those of scikit-learn on all the data."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from nas_tuners.contract.errors import TrainingError
from nas_tuners.multi_trial._scores import CLASSES, NUMBERS, Scoring

metrics: Any = pytest.importorskip("sklearn.metrics")


def scored(scoring: Scoring, output: Tensor, target: Tensor) -> dict[str, float]:
    """In batches of unequal size."""
    batches = zip(output.split(7), target.split(7), strict=True)
    aligned = [(out, scoring.align(out, given)) for out, given in batches]
    return scoring.read(torch.stack([scoring.sums(out, given) for out, given in aligned]).sum(0))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 3)])
def test_errors(shape: tuple[int, ...]) -> None:
    target = 1000 + random(*shape)
    output = target + 0.3 * random(*shape, seed=1)
    found = scored(NUMBERS, output, target)
    wide = {"multioutput": "variance_weighted"} if shape[-1] == 3 else {}
    y, p = target.double().numpy(), output.double().numpy()
    assert found["mse"] == pytest.approx(metrics.mean_squared_error(y, p))
    assert found["rmse"] == pytest.approx(math.sqrt(metrics.mean_squared_error(y, p)))
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, p))
    assert found["r2"] == pytest.approx(metrics.r2_score(y, p, **wide))


def test_numbers_in_a_column_are_not_broadcast() -> None:
    target = random(40)
    assert scored(NUMBERS, target.unsqueeze(1), target)["mse"] == 0
    with pytest.raises(TrainingError, match=r"gives \(7, 2\) for targets \(7,\), but must give"):
        scored(NUMBERS, random(40, 2), target)


def test_targets_that_are_all_the_same_have_no_variance_to_explain() -> None:
    assert math.isnan(scored(NUMBERS, random(10), torch.ones(10))["r2"])


def test_accuracy() -> None:
    logits, labels = random(40, 5), torch.arange(40) % 5
    expected = metrics.accuracy_score(labels, logits.argmax(1))
    for target in (labels, labels.to(torch.uint8), torch.eye(5)[labels]):
        assert scored(CLASSES, logits, target) == {"accuracy": expected}
    pixels = logits.reshape(8, 5, 5), labels.reshape(8, 5)
    flat = pixels[0].argmax(1).flatten()
    found = scored(CLASSES, *pixels)["accuracy"]
    assert found == metrics.accuracy_score(pixels[1].flatten(), flat)


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_accuracy_of_one_logit(shape: tuple[int, ...]) -> None:
    logits, labels = random(*shape), torch.arange(40) % 2
    expected = metrics.accuracy_score(labels, logits.flatten() > 0)
    for target in (labels, labels.float(), labels.bool()):
        assert scored(CLASSES, logits, target) == {"accuracy": expected}


def test_labels_that_do_not_fit() -> None:
    with pytest.raises(TrainingError, match="must give logits for labels, as whole numbers"):
        scored(CLASSES, random(7, 5), torch.arange(7.0))
    with pytest.raises(TrainingError, match=r"gives \(7, 5\) for targets \(7, 2\)"):
        scored(CLASSES, random(7, 5), torch.zeros(7, 2, dtype=torch.long))
