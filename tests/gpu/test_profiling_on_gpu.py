"""Latency by CUDA events, and counts where other kernels run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from trial_api import measure_latency, profile

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def _chain(length: int) -> nn.Module:
    return nn.Sequential(*[nn.Linear(2048, 2048, bias=False) for _ in range(length)])


def test_a_longer_network_takes_longer() -> None:
    model = _chain(20)
    long = measure_latency(model, input_size=(2048, 2048), device="cuda", repeats=10)
    short = measure_latency(_chain(1), input_size=(2048, 2048), device="cuda", repeats=10)
    assert long.median > short.median > 0
    assert long.device == "cuda"
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_the_host_waits_once() -> None:
    model = _chain(2).cuda()
    x = torch.randn(8, 2048, device="cuda")
    torch.cuda.set_sync_debug_mode("error")  # does not see torch.cuda.synchronize()
    try:
        latency = measure_latency(model, x, repeats=5)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert latency.n == 5


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, groups=2), (3, 4, 8, 8)),
        (nn.LSTM(4, 7, 2, bidirectional=True), (5, 3, 4)),
        (nn.GRU(4, 7), (5, 3, 4)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (3, 5, 8)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_counts_are_those_of_shapes_alone(layer: nn.Module, shape: tuple[int, ...]) -> None:
    on_gpu = profile(layer, input_size=shape, device="cuda")
    assert on_gpu.flops == profile(layer, input_size=shape, device="meta").flops
    assert on_gpu.device == "cuda"
