"""Floating-point operations of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def count_flops(run: Callable[[], Any]) -> int:
    """The FLOPs of a run: **two** for a multiply-add.

    Convolutions, products of matrices and vectors, recurrent layers and attention count, whatever
    kernel computes them; what is done to single elements (norms, activations, pools) does not, as
    in the papers.
    """
    counter = FlopCounterMode(display=False, custom_mapping=_formulas())
    with _countable_kernels(), counter:
        run()
    return int(counter.get_total_flops())


@contextmanager
def _countable_kernels() -> Iterator[None]:
    """Without the kernel that computes a layer of attention as a whole, unseen by the counter."""
    mha = torch.backends.mha
    fast = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(fast)


def _formulas() -> dict[Any, Callable[..., int]]:
    """Of operators that PyTorch's counter does not know, by the shapes of their arguments."""
    aten = torch.ops.aten
    return {
        aten.dot: _product,
        aten.mv: _product,
        aten.addmv: _product_and_sum,
        aten.addbmm: _product_and_sum,
        aten.mkldnn_rnn_layer: _recurrent_layer,
        aten._cudnn_rnn: _recurrent,
        aten.miopen_rnn: _recurrent,
        aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    }


def _product(left: Sequence[int], right: Sequence[int], *_: Any, **__: Any) -> int:
    """Of (batch, rows, inner) and (batch, inner, columns), whichever of these there are."""
    columns = right[2] if len(right) == 3 else 1
    return 2 * math.prod(left) * columns


def _product_and_sum(
    added: Sequence[int], left: Sequence[int], right: Sequence[int], *_: Any, **__: Any
) -> int:
    return _product(left, right)


def _recurrent(inputs: Sequence[int], weights: Sequence[Sequence[int]], *_: Any, **__: Any) -> int:
    """Every weight matrix times a vector, at each step of each sequence."""
    steps = math.prod(inputs[:-1])
    return 2 * steps * sum(math.prod(weight) for weight in weights if len(weight) == 2)


def _recurrent_layer(
    inputs: Sequence[int], of_input: Sequence[int], of_state: Sequence[int], *_: Any, **__: Any
) -> int:
    return _recurrent(inputs, [of_input, of_state])


def _attention(
    query: Sequence[int], key: Sequence[int], value: Sequence[int], *_: Any, **__: Any
) -> int:
    """Queries with keys, and weights with values; a mask saves nothing."""
    batch, heads, targets, width = query
    pairs = batch * heads * targets * key[2]
    return 2 * pairs * (width + value[3])
