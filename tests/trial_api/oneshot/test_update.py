from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api.oneshot._update import Update, adam

X = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randn(8, 2, generator=torch.Generator().manual_seed(1))


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 2)


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)


def loss_of(model: nn.Module, rows: slice = slice(None)) -> Tensor:
    return F.mse_loss(model(X[rows]), Y[rows])


def weights(model: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def by_hand(steps: int, clip: float | None = None) -> nn.Module:
    model = network()
    optimizer = sgd(model)
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return model


def test_a_step_is_the_optimizers():
    model = network()
    update = Update(sgd(model))
    for _ in range(3):
        update.step(loss_of(model))
    assert torch.equal(weights(model), weights(by_hand(3)))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_accumulated_batches_are_one_big_batch():
    model = network()
    update = Update(sgd(model), accumulate=4)
    for step in range(8):
        before = weights(model)
        update.step(loss_of(model, slice(step % 4 * 2, step % 4 * 2 + 2)))
        assert torch.equal(before, weights(model)) == ((step + 1) % 4 != 0)
    assert torch.allclose(weights(model), weights(by_hand(2)), atol=1e-7)


def test_clipping():
    model = network()
    update = Update(sgd(model), clip=0.01)
    for _ in range(2):
        update.step(loss_of(model))
    assert torch.equal(weights(model), weights(by_hand(2, clip=0.01)))
    assert not torch.equal(weights(model), weights(by_hand(2)))


def test_the_accumulated_gradient_is_clipped_once():
    model = network()
    update = Update(sgd(model), clip=0.01, accumulate=2)
    for rows in (slice(0, 4), slice(4, 8)):
        update.step(loss_of(model, rows))
    assert torch.allclose(weights(model), weights(by_hand(1, clip=0.01)), atol=1e-8)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_scaled_losses_give_the_same_step(accumulate):
    model = network()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    update = Update(sgd(model), scaler=scaler, clip=0.01, accumulate=accumulate)
    for _ in range(2 * accumulate):
        update.step(loss_of(model))
    assert torch.allclose(weights(model), weights(by_hand(2, clip=0.01)), atol=1e-7)


def test_a_step_that_overflows_is_left_out_and_the_scale_falls():
    model = network()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    update = Update(sgd(model), scaler=scaler)
    update.step(loss_of(model) * torch.inf)
    assert torch.equal(weights(model), weights(network()))
    assert scaler.get_scale() == 512.0
    update.step(loss_of(model))
    assert torch.allclose(weights(model), weights(by_hand(1)), atol=1e-7)


def test_only_the_own_parameters_get_gradients():
    model, other = network(), nn.Parameter(torch.ones(()))
    update = Update(sgd(model), only=True)
    update.step(loss_of(model) * other)
    assert other.grad is None
    kept = torch.tensor(7.0)
    other.grad = kept
    update.step(loss_of(model) * other)
    assert other.grad is kept
    assert torch.equal(weights(model), weights(by_hand(2)))


def test_only_with_parameters_that_the_loss_does_not_use():
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    update = Update(torch.optim.SGD([used, unused], 0.1, weight_decay=0.5), only=True)
    update.step(used.sum())
    assert used.tolist() != [1.0, 1.0]
    assert unused.tolist() == [1.0, 1.0]


def test_parameters_without_a_gradient_are_left_alone():
    """Candidates that did not run must not decay."""
    run, idle = network(), network()
    both = nn.ModuleList([run, idle])
    update = Update(torch.optim.SGD(both.parameters(), 0.1, momentum=0.9, weight_decay=0.1))
    update.step(loss_of(run) + 0 * loss_of(idle))
    before = weights(idle)
    for _ in range(3):
        update.step(loss_of(run))
    assert torch.equal(weights(idle), before)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_two_optimizers_step_on_one_loss(accumulate, scaled):
    model, other = network(), nn.Parameter(torch.ones(()))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0) if scaled else None
    update = Update(sgd(model), clip=0.01, accumulate=accumulate, scaler=scaler)
    second = Update(torch.optim.SGD([other], 0.1), accumulate=accumulate)
    for step in range(accumulate):
        update.step(loss_of(model) + 3 * other, second)
        assert (other.item() == 1) == (step < accumulate - 1)
    assert torch.allclose(weights(model), weights(by_hand(1, clip=0.01)), atol=1e-7)
    assert other.item() == pytest.approx(0.7)
    assert other.grad is None


def test_an_optimizer_with_losses_of_its_own_keeps_them_until_both_step():
    other, more = (nn.Parameter(torch.ones(())) for _ in range(2))
    first, second = (Update(torch.optim.SGD([p], 0.1), accumulate=2) for p in (other, more))
    second.step(2 * more)
    first.step(4 * more + other, second)
    assert second.state_dict()["gradients"] == [torch.tensor(3.0)]
    first.step(4 * more + other, second)
    assert more.item() == pytest.approx(1 - 0.1 * (2 + 4 + 4) / 2)
    assert second.state_dict()["gradients"] == []


def test_an_optimizer_without_gradients_may_be_scaled():
    model, idle = network(), nn.Parameter(torch.ones(()))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    update = Update(torch.optim.SGD([idle], 0.1), scaler=scaler)
    update.step(loss_of(model), Update(sgd(model)))
    assert torch.allclose(weights(model), weights(by_hand(1)), atol=1e-7)
    assert idle.item() == 1


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_from_elsewhere(accumulate, scaled):
    model = network()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0) if scaled else None
    update = Update(sgd(model), clip=0.01, accumulate=accumulate, scaler=scaler)
    for _ in range(2 * accumulate):
        gradients = torch.autograd.grad(loss_of(model), list(model.parameters()))
        update.apply(gradients)
    assert torch.allclose(weights(model), weights(by_hand(2, clip=0.01)), atol=1e-7)


def test_missing_gradients_from_elsewhere():
    model = network()
    bias = model.bias.detach().clone()
    update = Update(sgd(model))
    update.apply([torch.ones_like(model.weight), None])
    assert torch.equal(model.bias, bias)
    assert torch.allclose(model.weight, network().weight - 0.1)


def test_the_state_in_the_middle_of_an_accumulation():
    whole = network()
    update = Update(sgd(whole), accumulate=3)
    parts = [slice(0, 3), slice(3, 6), slice(6, 8)]
    for rows in parts[:2]:
        update.step(loss_of(whole, rows))
    state, model = copy.deepcopy(update.state_dict()), copy.deepcopy(whole)
    resumed = Update(sgd(model), accumulate=3)
    resumed.load_state_dict(state)
    for one, net in ((update, whole), (resumed, model)):
        for step in range(4):
            one.step(loss_of(net, parts[(2 + step) % 3]))
    assert torch.equal(weights(whole), weights(model))


def test_the_state_keeps_momentum_and_scale():
    whole = network()
    update = Update(sgd(whole), scaler=torch.amp.GradScaler("cpu", init_scale=256.0))
    update.step(loss_of(whole))
    state, model = copy.deepcopy(update.state_dict()), copy.deepcopy(whole)
    scaler = torch.amp.GradScaler("cpu")
    resumed = Update(sgd(model), scaler=scaler)
    resumed.load_state_dict(state)
    assert scaler.get_scale() == 256.0
    for one, net in ((update, whole), (resumed, model)):
        one.step(loss_of(net))
    assert torch.equal(weights(whole), weights(model))


def test_the_state_of_another_optimizer_is_refused():
    net = network()
    state = Update(sgd(net)).state_dict()
    with pytest.raises(ValueError, match="the optimizer was SGD, but is Adam now"):
        Update(torch.optim.Adam(net.parameters())).load_state_dict(state)


def test_betas_may_be_whole_numbers():
    parameter = nn.Parameter(torch.ones(1))
    optimizer = adam([parameter], lr=0.1, betas=(0, 0.5), weight_decay=0.0)
    parameter.sum().backward()
    optimizer.step()
    assert parameter.item() == pytest.approx(0.9)
