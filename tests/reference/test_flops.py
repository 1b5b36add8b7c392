"""FLOPs against formulas by hand, in whole numbers, and against published tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_tuners.bench import data_folder
from search_spaces import darts, nas_bench_201
from search_spaces._nas_bench_201 import EDGES
from trial_api import profile, profile_architecture

TABLE = data_folder().resolve() / "nasbench201_cifar10.npz"  # before tests clear the environment
N, L, E = 3, 5, 8  # batch, length, embedding


class Function(nn.Module):
    """A function of the inputs alone."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


class Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(E, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return y


def of_attention(targets: int, sources: int) -> int:
    """Multiply-adds of all heads: queries with keys, weights with values."""
    return 2 * N * targets * sources * E


PROJECTIONS = 4 * N * L * E * E  # of queries, keys, values and the output

# Each with the shapes of its inputs and its multiply-adds.
LAYERS: dict[str, tuple[nn.Module, list[tuple[int, ...]], int]] = {
    "linear": (nn.Linear(4, 7), [(N, 4)], N * 4 * 7),
    "linear without bias": (nn.Linear(4, 7, bias=False), [(N, 4)], N * 4 * 7),
    "linear on a sequence": (nn.Linear(4, 7), [(N, L, 4)], N * L * 4 * 7),
    "linear on a vector": (nn.Linear(4, 7), [(4,)], 4 * 7),
    "conv1d": (nn.Conv1d(4, 6, 3), [(N, 4, 9)], N * 6 * 7 * 4 * 3),
    "conv2d": (nn.Conv2d(4, 6, 3, padding=1), [(N, 4, 8, 8)], N * 6 * 64 * 4 * 9),
    "conv2d stride 2": (nn.Conv2d(4, 6, 3, 2, 1), [(N, 4, 8, 8)], N * 6 * 16 * 4 * 9),
    "conv2d 1x5": (nn.Conv2d(4, 6, (1, 5)), [(N, 4, 8, 8)], N * 6 * 8 * 4 * 4 * 5),
    "conv2d dilated": (nn.Conv2d(4, 6, 3, dilation=2), [(N, 4, 8, 8)], N * 6 * 16 * 4 * 9),
    "conv2d grouped": (nn.Conv2d(4, 6, 3, groups=2), [(N, 4, 8, 8)], N * 6 * 36 * 2 * 9),
    "conv2d depthwise": (nn.Conv2d(4, 4, 3, groups=4), [(N, 4, 8, 8)], N * 4 * 36 * 9),
    "conv2d of one image": (nn.Conv2d(4, 6, 3), [(4, 8, 8)], 6 * 36 * 4 * 9),
    "conv3d": (nn.Conv3d(2, 3, 2), [(N, 2, 4, 4, 4)], N * 3 * 27 * 2 * 8),
    # of a transposed one, each input meets the whole kernel
    "transposed": (nn.ConvTranspose2d(4, 6, 3, 2), [(N, 4, 5, 5)], N * 4 * 25 * 6 * 9),
    "transposed grouped": (
        nn.ConvTranspose2d(4, 6, 3, 2, groups=2),
        [(N, 4, 5, 5)],
        N * 4 * 25 * 3 * 9,
    ),
    "attention": (Attention(2), [(N, L, E)], PROJECTIONS + of_attention(L, L)),
    "transformer layer": (
        nn.TransformerEncoderLayer(E, 2, 16, batch_first=True),
        [(N, L, E)],
        PROJECTIONS + of_attention(L, L) + 2 * N * L * E * 16,
    ),
    "attention by function": (
        Function(nn.functional.scaled_dot_product_attention),
        [(N, 2, L, E // 2), (N, 2, 9, E // 2), (N, 2, 9, E // 2)],
        of_attention(L, 9),
    ),
    "rnn": (nn.RNN(4, 7), [(L, N, 4)], L * N * 7 * (4 + 7)),
    "gru": (nn.GRU(4, 7), [(L, N, 4)], L * N * 3 * 7 * (4 + 7)),
    "lstm": (nn.LSTM(4, 7), [(L, N, 4)], L * N * 4 * 7 * (4 + 7)),
    "lstm of two layers": (
        nn.LSTM(4, 7, 2, batch_first=True),
        [(N, L, 4)],
        L * N * 4 * 7 * ((4 + 7) + (7 + 7)),
    ),
    "lstm both ways": (
        nn.LSTM(4, 7, bidirectional=True),
        [(L, N, 4)],
        2 * L * N * 4 * 7 * (4 + 7),
    ),
    "matrix product": (Function(torch.matmul), [(4, 5), (5, 6)], 4 * 5 * 6),
    "matrix and vector": (Function(torch.matmul), [(4, 5), (5,)], 4 * 5),
    "vectors": (Function(torch.matmul), [(5,), (5,)], 5),
    "batch of products": (Function(torch.bmm), [(N, 4, 5), (N, 5, 6)], N * 4 * 5 * 6),
    "sum of products": (
        Function(torch.addbmm),
        [(4, 6), (N, 4, 5), (N, 5, 6)],
        N * 4 * 5 * 6,
    ),
    "einsum": (
        Function(lambda a, b: torch.einsum("nij,njk->nik", a, b)),
        [(N, 4, 5), (N, 5, 6)],
        N * 4 * 5 * 6,
    ),
    "elements": (
        nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)),
        [(N, 4, 8, 8)],
        0,
    ),
}


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, device: str) -> None:
    layer, shapes, multiply_adds = LAYERS[name]
    found = profile(layer, input_size=shapes, device=device)
    assert found.multiply_adds == multiply_adds
    assert found.flops == 2 * multiply_adds
    assert found.device == device


def test_a_module_counts_as_often_as_it_runs() -> None:
    layer = nn.Linear(4, 4)
    found = profile(nn.Sequential(layer, nn.ReLU(), layer), input_size=(N, 4))
    assert found.multiply_adds == 2 * N * 4 * 4
    assert found.parameters == 4 * 4 + 4


@pytest.mark.skipif(not TABLE.is_file(), reason=f"no published table {TABLE}")
@pytest.mark.parametrize("row", [1, 5000])
def test_nas_bench_201_costs_what_its_table_says(row: int) -> None:
    table: Any = np.load(TABLE, allow_pickle=False)
    architecture = dict(zip(EDGES, table["ops"][row].tolist(), strict=True))
    found = profile_architecture(nas_bench_201, architecture, input_size=(1, 3, 32, 32))
    assert found.device == "meta"
    assert found.parameters == table["params_cifar10"][row]
    assert found.multiply_adds / 1e6 == pytest.approx(table["mflops_cifar10"][row], abs=1e-4)


def test_a_darts_network_costs_the_sum_of_its_parts() -> None:
    """Every edge an identity: what is left are stem, preprocessing and classifier."""

    def build() -> nn.Module:
        return darts(channels=4, cells=3)

    space = __import__("trial_api").search_space(build())
    architecture = {
        key: "skip_connect" if spec["_type"] == "layer_choice" else [0, 1]
        for key, spec in space.to_dict().items()
    }
    found = profile_architecture(build, architecture, input_size=(2, 3, 32, 32))
    assert found.flops > 0
