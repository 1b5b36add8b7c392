from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from nas_tuners.contract.errors import TrainingError
from trial_api.oneshot import AverageMeter, AverageMeterGroup
from trial_api.oneshot._meters import read_metrics


def test_a_meter():
    meter = AverageMeter("loss")
    assert (meter.val, meter.sum, meter.avg, meter.count) == (0.0, 0.0, 0.0, 0)
    meter.update(2.0, 3)
    meter.update(6.0)
    assert (meter.val, meter.sum, meter.avg, meter.count) == (6.0, 12.0, 3.0, 4)
    assert str(meter) == "loss 6.000000 (3.000000)"
    assert meter.summary() == "loss: 3.000000"
    meter.reset()
    assert meter.count == 0


def test_formats():
    meter = AverageMeter("acc", ":.2f")
    meter.update(0.5)
    assert str(meter) == "acc 0.50 (0.50)"


def test_tensors_are_averaged_without_their_graph():
    meter = AverageMeter("loss")
    weight = torch.tensor(3.0, requires_grad=True)
    for _ in range(2):
        meter.update(weight * 2, 4)
    assert not meter._sum.requires_grad
    assert meter.avg == 6.0


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64, torch.int64])
def test_long_sums_do_not_stall(kind):
    meter = AverageMeter("loss")
    for _ in range(3000):
        meter.update(torch.ones((), dtype=kind))
    assert meter.avg == 1.0


def test_a_group():
    group = AverageMeterGroup()
    group.update({"loss": 1.0, "acc": torch.tensor(0.5)}, 2)
    group.update({"loss": 4.0}, 1)
    assert group.loss is group["loss"]
    assert group.averages() == {"loss": 2.0, "acc": 0.5}
    assert str(group) == "loss 4.0000 (2.0000)  acc 0.5000 (0.5000)"
    assert group.summary() == "loss: 2.0000  acc: 0.5000"
    assert [meter.name for meter in group] == ["loss", "acc"]
    with pytest.raises(AttributeError, match="no meter 'top5'"):
        _ = group.top5


def test_groups_copy():
    group = AverageMeterGroup()
    group.update({"loss": 1.0})
    twin = copy.deepcopy(group)
    twin.update({"loss": 3.0})
    assert (group.loss.avg, twin.loss.avg) == (1.0, 2.0)


def test_a_group_goes_on_from_its_state():
    group, other = AverageMeterGroup(), AverageMeterGroup()
    group.update({"loss": torch.tensor(1.0), "acc": 0.5}, 3)
    other.update({"old": 1.0})
    other.load_state_dict(group.state_dict())
    for one in (group, other):
        one.update({"loss": torch.tensor(5.0)})
    assert other.averages() == group.averages() == {"loss": 2.0, "acc": 0.5}


@pytest.mark.parametrize(
    "value",
    [0.25, torch.tensor(0.25), torch.tensor([0.25]), np.float64(0.25), np.float32(0.25)],
)
def test_metrics_are_numbers(value):
    for given, name in ((value, "metric"), ({"acc": value}, "acc")):
        (found,) = read_metrics(given).items()
        assert (found[0], float(found[1])) == (name, 0.25)


def test_whole_numbers_are_numbers():
    found = read_metrics({"a": 3, "b": torch.tensor(3), "c": np.int64(3)})
    assert {name: float(value) for name, value in found.items()} == {"a": 3.0, "b": 3.0, "c": 3.0}


@pytest.mark.parametrize("value", ["0.9", None, True, [0.9], torch.ones(2), float])
def test_metrics_of_another_kind(value):
    with pytest.raises(TrainingError, match="the metrics function must return a number or a dict"):
        read_metrics(value)
    with pytest.raises(TrainingError, match="but 'acc' is"):
        read_metrics({"acc": value})


def test_metrics_carry_no_graph():
    found = read_metrics({"a": torch.tensor(1.0, requires_grad=True)})
    assert not found["a"].requires_grad


def test_metrics_of_each_sample_are_told_by_their_shape():
    with pytest.raises(TrainingError, match=r"but 'acc' is a tensor of shape \(64,\); return"):
        read_metrics({"acc": torch.ones(64)})
