"""The objective of CDARTS (Yu et al., TPAMI 2022) against its written-out form, in float64."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice
from trial_api.oneshot import CdartsTrainer
from trial_api.oneshot._cdarts_loss import (
    distillation_loss,
    joint_loss,
    regularization_weight,
)
from trial_api.training.batches import Batch

ALPHA, T, EPOCHS, WARMUP = 3.0, 2.5, 12, 2


class Net(nn.Module):
    """Two heads on a mixture of four candidates, two of them without weights, and two inputs."""

    def __init__(self) -> None:
        super().__init__()
        candidates = {
            "none": nn.Threshold(1e9, 0.0),
            "tanh": nn.Tanh(),
            "fc": nn.Linear(5, 5),
            "identity": nn.Identity(),
        }
        self.op = LayerChoice(candidates, key="op")
        self.pick = InputChoice(n_candidates=2, n_chosen=1, key="pick")
        self.head, self.ensemble = nn.Linear(5, 3), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.op(x) + self.pick([x, x.sin()])
        return self.head(y), self.ensemble(y)


def mixture(net: Net, alphas: dict[str, Tensor], x: Tensor) -> Tensor:
    p = alphas["op"].exp() / alphas["op"].exp().sum()
    q = alphas["pick"].exp() / alphas["pick"].exp().sum()
    operations = p[1] * x.tanh() + p[2] * net.op["fc"](x) + p[3] * x
    return operations + q[0] * x + q[1] * x.sin()


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    probabilities = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -probabilities[torch.arange(len(y)), y].log().mean()


def by_hand(
    small: Net, large: Net, alphas: dict[str, Tensor], x: Tensor, y: Tensor, *, penalty: float
) -> Tensor:
    """The whole objective with sums and exponentials; the large network runs fc and sin."""
    state = mixture(small, alphas, x)
    fixed = large.op["fc"](x) + x.sin()
    labels = cross_entropy(small.head(state), y) + cross_entropy(large.head(fixed), y)
    student = (small.ensemble(state) / T).exp()
    student = student / student.sum(1, keepdim=True)
    teacher = (large.ensemble(fixed) / T).exp()
    teacher = teacher / teacher.sum(1, keepdim=True)
    divergence = (teacher * (teacher / student).log()).sum() / len(y)
    regular = alphas["op"][1].abs() + alphas["op"][3].abs()
    return labels / ALPHA + ALPHA * T**2 * divergence + penalty * regular


@pytest.mark.parametrize(("epoch", "penalty"), [(2, 5.0), (3, 2.5), (4, 0.0), (11, 0.0)])
def test_the_objective_and_its_gradients(epoch: int, penalty: float) -> None:
    torch.manual_seed(0)
    small, large = Net().double(), Net().double()
    trainer = CdartsTrainer(
        small,
        large,
        F.cross_entropy,
        None,
        torch.optim.SGD(small.parameters(), 0.1),
        torch.optim.SGD(large.parameters(), 0.1),
        EPOCHS,
        train_loader=[0],
        search_loader=[0],
        warmup_epochs=WARMUP,
        loss_alpha=ALPHA,
        temperature=T,
        device="cpu",
    )
    trainer.mutator.double()
    trainer._masks = {size: mask.double() for size, mask in trainer._masks.items()}
    trainer._loop.position.epoch = epoch
    rows = trainer.mutator.logits.one.rows()
    rows["op"].data.copy_(torch.tensor([0.1, -0.3, 0.7, 0.2]))
    rows["pick"].data.copy_(torch.tensor([-0.2, 0.5]))
    trainer._follower.reset()
    x, y = torch.randn(7, 5, dtype=torch.float64), torch.arange(7) % 3
    trainer.mutator.reset()
    ours = trainer._joint_loss(Batch((x,), {}, y, 7))
    theirs = by_hand(small, large, trainer.mutator.logits.one.rows(), x, y, penalty=penalty)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)
    learned = [*trainer.mutator.parameters(), *large.parameters()]
    pairs = [torch.autograd.grad(loss, learned, allow_unused=True) for loss in (ours, theirs)]
    assert all(gradient is not None for gradient in pairs[0][:2])
    for one, other in zip(*pairs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-14)


def check_step(now: Net, before: Net, loss: Tensor, rate: float) -> None:
    """A step of SGD by the gradient of a loss."""
    gradients = torch.autograd.grad(loss, list(before.parameters()), allow_unused=True)
    for new, old, gradient in zip(now.parameters(), before.parameters(), gradients, strict=True):
        step = 0 if gradient is None else rate * gradient
        torch.testing.assert_close(new, old - step, rtol=1e-10, atol=1e-14)


def test_who_learns_what_in_a_joint_step() -> None:
    """The evaluation network from the objective; then the search network from labels alone."""
    torch.manual_seed(1)
    small, large = Net().double(), Net().double()
    rate = 0.01
    trainer = CdartsTrainer(
        small,
        large,
        F.cross_entropy,
        None,
        torch.optim.SGD(small.parameters(), rate),
        torch.optim.SGD(large.parameters(), rate),
        EPOCHS,
        train_loader=[0],
        search_loader=[0],
        warmup_epochs=0,
        loss_alpha=ALPHA,
        temperature=T,
        grad_clip=None,
        device="cpu",
    )
    trainer.mutator.double()
    rows = trainer.mutator.logits.one.rows()
    rows["op"].data.copy_(torch.tensor([0.0, 0.0, 1.0, 0.0]))
    rows["pick"].data.copy_(torch.tensor([0.0, 1.0]))
    trainer._follower.reset()
    old_small, old_large = copy.deepcopy(small), copy.deepcopy(large)
    x, y = torch.randn(6, 5, dtype=torch.float64), torch.arange(6) % 3
    alphas = {key: row.detach().clone() for key, row in rows.items()}
    trainer._joint_step(Batch((x.cos(),), {}, y, 6), Batch((x,), {}, y, 6))
    objective = by_hand(old_small, old_large, alphas, x, y, penalty=5.0)
    check_step(large, old_large, objective, rate)
    moved = {key: row.detach() for key, row in trainer.mutator.logits.one.rows().items()}
    assert not any(torch.equal(alphas[key], moved[key]) for key in alphas)
    labels = cross_entropy(old_small.head(mixture(old_small, moved, x.cos())), y)
    check_step(small, old_small, labels, rate)


def test_the_distillation_is_a_mean_over_samples_not_classes() -> None:
    generator = torch.Generator().manual_seed(3)
    search, evaluation = torch.randn(2, 9, 4, generator=generator, dtype=torch.float64)
    total = 0.0
    for s, e in zip(search / T, evaluation / T, strict=True):
        p, q = e.exp() / e.exp().sum(), s.exp() / s.exp().sum()
        total += float((p * (p.log() - q.log())).sum())
    ours = float(distillation_loss(search, evaluation, T))
    assert ours == pytest.approx(T**2 * total / 9, rel=1e-12)
    assert float(distillation_loss(search, search, T)) == pytest.approx(0, abs=1e-15)


def test_gradients_of_the_distillation_do_not_shrink_with_the_temperature() -> None:
    """The limit of high temperatures is the squared difference of centred logits."""
    generator = torch.Generator().manual_seed(4)
    search, evaluation = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    difference = search - evaluation
    centred = difference - difference.mean(1, keepdim=True)
    limit = float(centred.square().sum() / (2 * 3 * 5))
    assert float(distillation_loss(search, evaluation, 1e4)) == pytest.approx(limit, rel=1e-3)


def test_the_sum_of_the_parts() -> None:
    labels, distillation, regularization = torch.tensor([2.0, 3.0, 5.0]).double()
    total = joint_loss(labels, distillation, regularization, alpha=4.0, weight=0.5)
    assert float(total) == 2 / 4 + 4 * 3 + 0.5 * 5


@pytest.mark.parametrize(
    ("epoch", "expected"), [(2, 5.0), (5, 2.5), (8, 0.0), (9, 0.0), (31, 0.0)]
)
def test_the_penalty_falls_to_zero(epoch: int, expected: float) -> None:
    """5 (1 - (e - 2) / ((32 - 2) 0.2)), not below zero."""
    weight = regularization_weight(5.0, 0.2, epoch, warmup=2, epochs=32)
    assert weight == pytest.approx(expected, abs=1e-12)
