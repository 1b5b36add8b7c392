"""The operations of cell-based spaces, and drop path."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import nas_bench_201, set_drop_path
from search_spaces._drop_path import DropPath
from search_spaces._inputs import LazyTensors
from search_spaces._operations import (
    FactorizedReduce,
    ReluConvBn,
    Zero,
    average_pool,
    dilated_conv,
    max_pool,
    separable_conv,
    skip_connect,
)

Shape = tuple[int, int]


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(8, 8), (7, 5), (1, 2)])
def test_all_keep_the_same_part_of_the_resolution(stride: int, size: Shape) -> None:
    x = torch.randn(2, 3, *size)
    operations = [
        Zero(3, stride),
        max_pool(stride),
        average_pool(stride),
        skip_connect(3, 3, stride, affine=True),
        ReluConvBn(3, 3, 3, stride, affine=True),
        separable_conv(3, 3, 3, stride, affine=True),
        separable_conv(3, 3, 5, stride, affine=True),
        dilated_conv(3, 3, 3, stride, affine=True),
        dilated_conv(3, 3, 5, stride, affine=True),
    ]
    expected = (2, 3, *(-(-length // stride) for length in size))
    assert [tuple(operation(x).shape) for operation in operations] == [expected] * len(operations)


@pytest.mark.parametrize("outputs", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_zero_is_zero_whatever_comes(outputs: int, stride: int) -> None:
    x = torch.full((2, 3, 5, 4), float("nan"), dtype=torch.float64)
    x[0] = float("inf")
    assert torch.equal(
        Zero(outputs, stride)(x), torch.zeros(2, outputs, -(-5 // stride), 4 // stride).double()
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_zero_keeps_the_memory_format(stride: int) -> None:
    x = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last)
    zeros = Zero(3, stride)(x)
    assert zeros.is_contiguous(memory_format=torch.channels_last)


def test_a_factorized_reduction_reads_the_pixels_between() -> None:
    reduce = FactorizedReduce(2, 3, affine=False).double().eval()
    x = torch.rand(1, 2, 5, 4, dtype=torch.float64)  # positive, so the activation changes nothing
    between = torch.zeros(1, 2, 3, 2, dtype=torch.float64)
    between[:, :, :2, :] = x[:, :, 1::2, 1::2]
    expected = torch.cat(
        [
            torch.einsum("oi,nihw->nohw", reduce.even.weight[:, :, 0, 0], x[:, :, ::2, ::2]),
            torch.einsum("oi,nihw->nohw", reduce.odd.weight[:, :, 0, 0], between),
        ],
        dim=1,
    )
    assert (reduce.even.out_channels, reduce.odd.out_channels) == (2, 1)
    torch.testing.assert_close(reduce(x), expected / (1 + reduce.norm.eps) ** 0.5)


def test_an_average_does_not_count_the_padding() -> None:
    ones = torch.ones(1, 1, 4, 4)
    assert torch.equal(average_pool(1)(ones), ones)


def test_a_skip_connection_is_an_identity_where_it_can_be() -> None:
    assert isinstance(skip_connect(3, 3, 1, affine=True), nn.Identity)
    assert skip_connect(3, 4, 1, affine=True)(torch.randn(2, 3, 5, 5)).shape == (2, 4, 5, 5)


def test_no_operation_changes_its_input() -> None:
    x = torch.randn(2, 3, 6, 6)
    for operation in (
        FactorizedReduce(3, 4, affine=True),
        ReluConvBn(3, 4, affine=True),
        separable_conv(3, 3, 3, 1, affine=True),
        dilated_conv(3, 3, 3, 1, affine=True),
    ):
        before = x.clone()
        operation(x)
        assert torch.equal(x, before)


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    drop, n, probability = DropPath(0.3), 20_000, 0.3
    factors = drop(nn.ReLU(), torch.ones(n, 2, 1, 3)).flatten(1)
    assert torch.equal(factors, factors[:, :1].expand_as(factors)), "all of a sample or nothing"
    assert sorted(factors.unique().tolist()) == pytest.approx([0.0, 1 / (1 - probability)])
    deviation = (probability * (1 - probability) / n) ** 0.5
    assert abs((factors[:, 0] == 0).float().mean() - probability) < 4 * deviation


@pytest.mark.parametrize(
    ("operation", "probability", "training"),
    [(nn.Identity(), 0.9, True), (nn.ReLU(), 0.0, True), (nn.ReLU(), 0.9, False)],
)
def test_drop_path_leaves_identities_and_evaluation_alone(
    operation: nn.Module, probability: float, training: bool
) -> None:
    x = torch.rand(64, 1, 1, 1)
    drop = DropPath(probability).train(training)
    assert torch.equal(drop(operation, x), x)


def test_a_network_without_drop_path_says_who_has_it() -> None:
    with pytest.raises(SearchSpaceError, match="Chain has no drop path; darts"):
        set_drop_path(nas_bench_201(2, 1), 0.1)
    with pytest.raises(SearchSpaceError, match=r"probability < 1` must hold, but got 1\.5"):
        set_drop_path(nas_bench_201(2, 1), 1.5)


def test_lazy_tensors_are_computed_once_and_when_read() -> None:
    computed: list[str] = []

    def source(name: str) -> Tensor:
        computed.append(name)
        return torch.zeros(1)

    lazy = LazyTensors({"a": lambda: source("a"), "b": lambda: source("b")})
    lazy.put("c", torch.ones(1))
    assert (list(lazy), len(lazy), "b" in lazy, "c" in lazy, "d" in lazy) == (
        ["a", "b", "c"],
        3,
        True,
        True,
        False,
    )
    assert computed == []
    assert lazy["b"] is lazy["b"]
    assert lazy["c"].item() == 1
    assert computed == ["b"]
