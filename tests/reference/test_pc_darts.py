"""PC-DARTS against mixtures written by hand: sections 3.2 and 3.3 of Xu et al. (ICLR 2020)."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice
from trial_api.mutators import EdgeNormalizedMutator
from trial_api.nn import PartialChannels

CHANNELS, K = 8, 4


def conv(kernel: int, stride: int = 1) -> nn.Module:
    return nn.Conv2d(CHANNELS // K, CHANNELS // K, kernel, stride, kernel // 2)


def edge(key: str, stride: int = 1) -> PartialChannels:
    candidates = {"none": conv(1, stride), "three": conv(3, stride), "five": conv(5, stride)}
    return PartialChannels(LayerChoice(candidates, key=key), K, stride=stride)


class Node(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = edge("a"), edge("b"), edge("c")
        self.switch = InputChoice(choose_from=["a", "b", "c"], n_chosen=2, key="switch")

    def forward(self, x: Tensor) -> Tensor:
        sources = zip("abc", (self.a, self.b, self.c), (x, x.flip(1), x.tanh()), strict=True)
        result: Tensor = self.switch({name: run(given) for name, run, given in sources})
        return result


def set_logits(mutator: EdgeNormalizedMutator) -> dict[str, Tensor]:
    """Logits that matter; returned by key, to be used by hand."""
    torch.manual_seed(5)
    for parameter in mutator.parameters():
        parameter.data.normal_()
    mutator.to(torch.float64)
    return mutator.logits.one.rows() | mutator.edges.rows()


def partly_connected(x: Tensor, choice: LayerChoice, alpha: Tensor, *, stride: int = 1) -> Tensor:
    """The mixture on the first channels, the rest beside it, and channel g of each group next to
    each other."""
    weights = alpha.exp() / alpha.exp().sum()
    width = CHANNELS // K
    mixed = sum(w * op(x[:, :width]) for w, op in zip(weights, choice, strict=True))
    beside = F.max_pool2d(x[:, width:], stride, ceil_mode=True) if stride > 1 else x[:, width:]
    unshuffled = torch.cat([mixed, beside], dim=1)
    order = [group * width + channel for channel in range(width) for group in range(K)]
    return unshuffled[:, order]


@pytest.mark.parametrize(("stride", "size"), [(1, 6), (2, 6), (2, 7)])
def test_an_edge_mixes_the_first_channels_and_shuffles(stride: int, size: int) -> None:
    torch.manual_seed(0)
    model = edge("edge", stride).double()
    x = torch.randn(3, CHANNELS, size, size, dtype=torch.float64, requires_grad=True)
    mutator = EdgeNormalizedMutator(model)
    alpha = set_logits(mutator)["edge"]
    mutator.reset()
    expected = partly_connected(x, model.layer, alpha, stride=stride)
    result = model(x)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    direction = torch.randn_like(expected)
    inputs = [x, *mutator.parameters()]
    ours = torch.autograd.grad((result * direction).sum(), inputs, allow_unused=True)
    theirs = torch.autograd.grad((expected * direction).sum(), inputs, allow_unused=True)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_a_node_sums_its_edges_with_normalized_weights() -> None:
    torch.manual_seed(1)
    model = Node().double()
    x = torch.randn(2, CHANNELS, 5, 5, dtype=torch.float64)
    mutator = EdgeNormalizedMutator(model)
    logits = set_logits(mutator)
    mutator.reset()
    beta = logits["switch"].exp() / logits["switch"].exp().sum()
    parts = [
        partly_connected(x, model.a.layer, logits["a"]),
        partly_connected(x.flip(1), model.b.layer, logits["b"]),
        partly_connected(x.tanh(), model.c.layer, logits["c"]),
    ]
    expected = sum(w * part for w, part in zip(beta, parts, strict=True))
    result = model(x)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    ours = torch.autograd.grad(result.square().sum(), list(mutator.parameters()))
    theirs = torch.autograd.grad(expected.square().sum(), list(mutator.parameters()))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_the_edges_with_the_largest_products_are_chosen(seed: int) -> None:
    mutator = EdgeNormalizedMutator(Node())
    torch.manual_seed(seed)
    for parameter in mutator.parameters():
        parameter.data.normal_()
    rows = mutator.logits.one.rows() | mutator.edges.rows()
    logits = {key: row.detach() for key, row in rows.items()}
    beta = logits["switch"].softmax(0)
    names = ["none", "three", "five"]
    products, operations = [], {}
    for position, key in enumerate("abc"):
        probabilities = logits[key].softmax(0)
        best = max((1, 2), key=lambda index: probabilities[index])  # no zero operation
        operations[key] = names[best]
        products.append((float(probabilities[best] * beta[position]), key))
    taken = sorted(key for _, key in sorted(products)[-2:])
    assert mutator.export() == {**operations, "switch": taken}


def test_edges_decide_against_operations() -> None:
    """Without the weights of edges, a and b would be taken."""
    mutator = EdgeNormalizedMutator(Node())
    for parameter in mutator.parameters():
        parameter.data.zero_()
    rows = mutator.logits.one.rows()
    for key, strength in (("a", 3.0), ("b", 2.0), ("c", 1.0)):
        rows[key].data[1] = strength
    assert mutator.export()["switch"] == ["a", "b"]
    mutator.edges.rows()["switch"].data.copy_(torch.tensor([-2.0, 0.0, 2.0]))
    assert mutator.export()["switch"] == ["b", "c"]
