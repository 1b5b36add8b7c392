from __future__ import annotations

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError
from trial_api import (
    LayerChoice,
    SuperKernelConv2d,
    apply_fixed_architecture,
    load_supernet_state_dict,
    search_space,
)
from trial_api.mutators import FixedMutator, RandomMutator
from trial_api.oneshot import candidate_costs


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.deep = SuperKernelConv2d(3, 4, (1, 3, 5), groups=1, skippable=True)
        self.wide = SuperKernelConv2d(4, 4, stride=2, groups=4, bias=False, key="wide")

    def forward(self, x: Tensor) -> Tensor:
        return self.wide(self.deep(x) + x.mean(1, keepdim=True))


def images() -> Tensor:
    return torch.randn(2, 3, 7, 8)


def test_it_is_a_layer_choice_of_sizes():
    space = search_space(Net())
    assert space.to_dict() == {
        "deep": {"_type": "layer_choice", "_value": ["skip", "1x1", "3x3", "5x5"]},
        "wide": {"_type": "layer_choice", "_value": ["3x3", "5x5"]},
    }


def test_small_kernels_are_the_centres_of_the_largest():
    choice = SuperKernelConv2d(2, 3, (3, 5, 7), dilation=2)
    x = torch.randn(1, 2, 9, 9)
    whole = choice["7x7"].weight
    for margin, size in ((2, 3), (1, 5)):
        centre = whole[:, :, margin:-margin, margin:-margin]
        expected = F.conv2d(x, centre, choice["7x7"].bias, padding=2 * (size // 2), dilation=2)
        assert torch.equal(choice[f"{size}x{size}"](x), expected)
    assert [*choice.parameters()] == [whole, choice["7x7"].bias]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_skipping_gives_zeros_of_the_same_shape(stride):
    choice = SuperKernelConv2d(2, 3, stride=stride, skippable=True)
    x = torch.randn(1, 2, 9, 10)
    assert choice["skip"](x).shape == choice["3x3"](x).shape == choice["5x5"](x).shape
    assert not choice["skip"](x).any()


@pytest.mark.parametrize("skippable", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_one_convolution_is_the_weighted_sum_of_all(skippable, groups):
    choice = SuperKernelConv2d(
        2, 4, (3, 5, 7), stride=2, dilation=2, groups=groups, skippable=skippable
    ).double()
    x = torch.randn(2, 2, 9, 9, dtype=torch.float64)
    weights = torch.randn(len(choice), dtype=torch.float64)
    expected = sum(w * layer(x) for w, layer in zip(weights, choice, strict=True))
    torch.testing.assert_close(choice.mixed(weights, x), expected)


@pytest.mark.parametrize("deep", ["skip", "1x1", "3x3", "5x5"])
@pytest.mark.parametrize("wide", ["3x3", "5x5"])
def test_applied_it_is_plain_and_computes_the_same(deep, wide):
    model, x = Net(), images()
    architecture = {"deep": deep, "wide": wide}
    mutator = FixedMutator(model, architecture)
    expected = model(x)
    mutator.remove()
    plain = apply_fixed_architecture(copy.deepcopy(model), architecture)
    assert torch.equal(plain(x), expected)
    assert type(plain.wide) is nn.Conv2d
    size = int(wide[0])
    assert plain.wide.weight.shape == (4, 1, size, size)
    plain(x).sum().backward()
    assert all(parameter.grad.any() for parameter in plain.wide.parameters())
    assert not any(isinstance(module, LayerChoice) for module in plain.modules())


def test_a_choice_in_two_places_stays_one_layer():
    choice = SuperKernelConv2d(2, 2)
    model = apply_fixed_architecture(nn.Sequential(choice, nn.ReLU(), choice), {"0": "3x3"})
    assert model[0] is model[2]


def test_a_chosen_kernel_is_its_own():
    choice = SuperKernelConv2d(1, 1)
    whole = choice["5x5"].weight
    plain = apply_fixed_architecture(nn.Sequential(choice).eval(), {"0": "3x3"})
    with torch.no_grad():
        plain[0].weight.fill_(7)
    assert not (whole == 7).any()
    assert not plain[0].training


@pytest.mark.parametrize("wide", ["3x3", "5x5"])
def test_the_network_inherits_the_supernets_weights(wide):
    supernet, x = Net(), images()
    architecture = {"deep": "3x3", "wide": wide}
    network = apply_fixed_architecture(Net(), architecture)
    load_supernet_state_dict(network, supernet.state_dict())
    assert torch.equal(network(x), apply_fixed_architecture(supernet, architecture)(x))


def test_state_dicts_hold_each_size_and_load_again():
    one, other = Net(), Net()
    state = one.state_dict()
    assert state["deep.3x3.weight"].shape == (4, 3, 3, 3)
    assert state["deep.3x3.weight"].is_contiguous()
    other.load_state_dict(state)
    loaded = other.state_dict()
    assert all(torch.equal(state[name], loaded[name]) for name in state)


def test_the_centre_alone_can_be_loaded():
    choice = SuperKernelConv2d(1, 1, bias=False)
    before = choice["5x5"].weight.detach().clone()
    choice.load_state_dict({"3x3.weight": torch.ones(1, 1, 3, 3)}, strict=False)
    after = choice["5x5"].weight
    assert (after[..., 1:-1, 1:-1] == 1).all()
    assert torch.equal(after[..., 0, :], before[..., 0, :])


def test_another_shape_is_refused():
    choice = SuperKernelConv2d(1, 1, bias=False)
    with pytest.raises(RuntimeError, match=r"size mismatch for 3x3\.weight"):
        choice.load_state_dict({"3x3.weight": torch.ones(1, 1, 2, 2)}, strict=False)


def test_assignment_would_separate_the_kernels():
    choice = SuperKernelConv2d(1, 1)
    with pytest.raises(RuntimeError, match="shares its weight, so load without assign=True"):
        choice.load_state_dict(SuperKernelConv2d(1, 1).state_dict(), assign=True)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies_share_among_themselves(copied):
    choice = copied(SuperKernelConv2d(1, 1).double())
    assert choice["3x3"].weight is choice["5x5"].weight
    assert choice.squares.dtype == torch.float64


def test_any_mutator_trains_it():
    model = Net()
    mutator = RandomMutator(model, seed=0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = copy.deepcopy(model.state_dict())
    for _ in range(8):
        mutator.reset()
        model(images()).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert not torch.equal(before["wide.5x5.weight"], model.state_dict()["wide.5x5.weight"])


def test_costs_are_those_of_the_applied_networks():
    model, x = Net(), images()
    for measure in ("flops", "parameters"):
        costs = candidate_costs(model, x, measure=measure)
        plain = [apply_fixed_architecture(Net(), {"deep": 0, "wide": i}).wide for i in range(2)]
        if measure == "parameters":
            assert costs["wide"] == [layer.weight.numel() for layer in plain]
        assert costs["wide"][1] / costs["wide"][0] == pytest.approx(25 / 9)


def test_candidates_can_be_dropped_but_not_replaced():
    choice = SuperKernelConv2d(1, 1, (3, 5, 7), bias=False)
    x = torch.randn(1, 1, 9, 9)
    del choice["7x7"]
    assert choice.names == ["3x3", "5x5"]
    torch.testing.assert_close(choice.mixed(torch.tensor([0.0, 1.0]), x), choice["5x5"](x))
    with pytest.raises(SearchSpaceError, match="share one weight and cannot be replaced"):
        choice["3x3"] = nn.Conv2d(1, 1, 3)


def test_both_directions_have_one_stride_and_dilation():
    with pytest.raises(SearchSpaceError) as caught:
        SuperKernelConv2d(1, 1, stride=(2, 1), dilation=0)
    assert [problem.message for problem in caught.value.problems] == [
        "`stride` must be one number > 0 for both directions, but got (2, 1)",
        "`dilation` must be one number > 0 for both directions, but got 0",
    ]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((), r"must be a list or tuple of sizes, but got \(\)"),
        (5, "must be a list or tuple of sizes, but got 5"),
        ((3, 4), r"must be odd numbers > 0, but got \(3, 4\)"),
        ((5, 3), r"must be ascending, each once, but got \(5, 3\)"),
        ((3, 3), r"must be ascending, each once, but got \(3, 3\)"),
    ],
)
def test_wrong_sizes(sizes, message):
    with pytest.raises(SearchSpaceError, match=message):
        SuperKernelConv2d(1, 1, sizes)
