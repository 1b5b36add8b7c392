from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from trial_api.oneshot._batch_norm import (
    batch_norms,
    estimate_statistics,
    frozen_statistics,
    kept_statistics,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.BatchNorm2d(3),
        nn.Dropout(0.5),
        nn.BatchNorm2d(3, momentum=None),
        nn.BatchNorm2d(3, track_running_stats=False),
        nn.BatchNorm2d(3, affine=False, momentum=0.3),
    )


def batches(count: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [2 + 3 * torch.randn(4, 3, 2, 2, generator=generator) for _ in range(count)]


def trained() -> nn.Sequential:
    model = network().train()
    for x in batches(2):
        model(x)
    return model


def buffers(model: nn.Module) -> dict[str, Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_only_layers_with_statistics_count():
    model = network()
    assert batch_norms(model) == [model[0], model[2], model[4]]


def test_the_estimate_is_the_plain_mean_over_the_batches():
    model = trained()
    given = batches()
    estimate_statistics(model, lambda: [model(x) for x in given])
    means = torch.stack([x.mean((0, 2, 3)) for x in given])
    variances = torch.stack([x.var((0, 2, 3), correction=1) for x in given])
    assert torch.allclose(model[0].running_mean, means.mean(0), atol=1e-6)
    assert torch.allclose(model[0].running_var, variances.mean(0), atol=1e-5)
    assert model[0].num_batches_tracked.item() == len(given)


def test_the_estimate_does_not_depend_on_what_was_before():
    fresh, old = network(), trained()
    for model in (fresh, old):
        estimate_statistics(model, lambda model=model: [model(x) for x in batches()])
    assert same(buffers(fresh), buffers(old))


def test_the_estimate_is_without_dropout():
    model = network().train()
    seen = []
    model[2].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    estimate_statistics(model, lambda: model(batches(1)[0]))
    assert seen[0].ne(0).all()


@pytest.mark.parametrize("fails", [False, True])
def test_modes_momenta_and_gradients_are_as_before(fails):
    model = trained()
    model[1].eval()
    modes = [module.training for module in model.modules()]

    def run() -> None:
        output = model(batches(1)[0])
        assert not output.requires_grad
        if fails:
            raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            estimate_statistics(model, run)
    else:
        estimate_statistics(model, run)
    assert [module.training for module in model.modules()] == modes
    assert [model[i].momentum for i in (0, 2, 4)] == [0.1, None, 0.3]


@pytest.mark.parametrize("fails", [False, True])
def test_kept_statistics(fails):
    model = trained()
    before = buffers(model)
    tensors = list(model.buffers())
    try:
        with kept_statistics(model):
            model(batches(1)[0])
            estimate_statistics(model, lambda: model(batches(1)[0]))
            assert not same(buffers(model), before)
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails
    assert same(buffers(model), before)
    assert all(a is b for a, b in zip(tensors, model.buffers(), strict=True))


def test_frozen_statistics_stay_but_the_batch_normalizes():
    model = trained()
    before = buffers(model)
    x = batches(1)[0]
    reference = copy.deepcopy(model)
    torch.manual_seed(3)
    expected = reference(x)
    torch.manual_seed(3)
    with frozen_statistics(model):
        output = model(x)
    assert torch.equal(output, expected)
    assert same(buffers(model), before)
    model(x)
    after = buffers(model)
    assert after["0.num_batches_tracked"] == before["0.num_batches_tracked"] + 1
    assert not torch.equal(after["0.running_mean"], before["0.running_mean"])


def test_frozen_statistics_thaw_after_an_error():
    model = trained()
    expected = copy.deepcopy(model)
    with pytest.raises(ZeroDivisionError), frozen_statistics(model):
        raise ZeroDivisionError
    for one in (model, expected):
        torch.manual_seed(3)
        one(batches(1)[0])
    assert same(buffers(model), buffers(expected))
