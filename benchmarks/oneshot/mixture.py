"""A supernet step through the mutator machinery against the same mixture written by hand."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from search_spaces import darts
from trial_api.mutators import SoftmaxMutator

from .._claim import Claim, paired_medians
from ._networks import HandWrittenDarts, batch

CHANNELS, CELLS = 4, 3


def measure(seed: int) -> list[Claim]:
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    by_hand, ours = HandWrittenDarts(CHANNELS, CELLS), darts(CHANNELS, CELLS)
    mutator = SoftmaxMutator(ours, scale=0.0)
    _copy_weights(by_hand.network, ours)
    x, y = batch(seed)

    def run_ours() -> None:
        mutator.reset()
        F.cross_entropy(ours(x), y).backward()

    def run_theirs() -> None:
        F.cross_entropy(by_hand(x), y).backward()

    _check_equal(run_ours, run_theirs, ours, by_hand.network)
    mine, theirs = paired_medians(run_ours, run_theirs, repeats=20)
    name = f"DARTS supernet, {CELLS} cells, C={CHANNELS}, forward + backward"
    return [Claim(name, mine * 1e3, theirs * 1e3, "hand-written", "ms", limit=1.02)]


def _copy_weights(source: nn.Module, target: nn.Module) -> None:
    for theirs, ours in zip(source.parameters(), target.parameters(), strict=True):
        ours.data.copy_(theirs.data)


def _check_equal(run_ours: object, run_theirs: object, ours: nn.Module, theirs: nn.Module) -> None:
    """Both compute the same gradients, up to the order of sums."""
    assert callable(run_ours)
    assert callable(run_theirs)
    run_ours()
    run_theirs()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        if a.grad is not None and b.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=1e-4)
