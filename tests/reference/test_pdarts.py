"""The rules of P-DARTS (Chen et al., ICCV 2019) against brute force and written-out numbers."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice, search_space
from trial_api.mutators import ProgressiveMutator, Selection, SkipCap
from trial_api.mutators._progressive import capped
from trial_api.oneshot._pdarts_stage import left_after_drop
from trial_api.oneshot._skip_connections import skip_dropout_rate

EDGES = ["a0", "a1", "b0", "b1", "b2"]
NODES = {"a": ["a0", "a1"], "b": ["b0", "b1", "b2"]}
SKIP = 1  # of the candidates conv, skip, pool

Probabilities = Mapping[str, Sequence[float]]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 9])
def test_what_is_left_has_the_largest_probability(count: int) -> None:
    rng = random.Random(count)
    for _ in range(20):
        survivors = sorted(rng.sample(range(8), 5))
        probabilities = [rng.random() for _ in survivors]
        size = max(1, 5 - count)
        best = max(
            itertools.combinations(range(5), size), key=lambda c: sum(probabilities[i] for i in c)
        )
        expected = tuple(survivors[i] for i in best)
        assert left_after_drop(survivors, probabilities, count) == expected


def derive(probabilities: Probabilities) -> dict[str, Selection]:
    """The best operation of each edge; of each node, the two best edges."""
    best = {key: max(range(3), key=lambda i: probabilities[key][i]) for key in EDGES}
    chosen = {key: Selection(3, (index,)) for key, index in best.items()}
    for node, names in NODES.items():
        strengths = [probabilities[name][best[name]] for name in names]
        two = sorted(range(len(names)), key=lambda i: -strengths[i])[:2]
        chosen[node] = Selection(len(names), tuple(sorted(two)))
    return chosen


def topology(selections: Mapping[str, Selection]) -> set[tuple[str, int]]:
    """The edges that are taken, with their operations."""
    taken = [names[i] for node, names in NODES.items() for i in selections[node].indices]
    return {(key, selections[key].indices[0]) for key in taken}


def skips_of(selections: Mapping[str, Selection]) -> set[str]:
    return {key for key, operation in topology(selections) if operation == SKIP}


def without(probabilities: Probabilities, edges: set[str]) -> Probabilities:
    return {
        key: [0.0 if key in edges and index == SKIP else p for index, p in enumerate(row)]
        for key, row in probabilities.items()
    }


def by_brute_force(probabilities: Probabilities, most: int) -> dict[str, Selection]:
    """Of all sets of edges that may have a skip connection, and all use it, the strongest."""
    best: tuple[list[float], dict[str, Selection]] | None = None
    for size in range(most + 1):
        for allowed in itertools.combinations(EDGES, size):
            selections = derive(without(probabilities, set(EDGES) - set(allowed)))
            if skips_of(selections) != set(allowed):
                continue
            strengths = sorted((probabilities[key][SKIP] for key in allowed), reverse=True)
            if best is None or strengths > best[0]:
                best = (strengths, selections)
    assert best is not None
    return best[1]


@pytest.mark.parametrize("most", [0, 1, 2, 4])
def test_the_strongest_skip_connections_stay(most: int) -> None:
    generator = torch.Generator().manual_seed(most)
    for _ in range(60):
        logits = torch.randn(len(EDGES), 3, generator=generator)
        logits[:, SKIP] += 1.5  # too many of them, as in the paper
        probabilities = dict(zip(EDGES, logits.softmax(1).tolist(), strict=True))
        found = capped(
            derive, probabilities, skips={key: [SKIP] for key in EDGES}, most=most, sources=NODES
        )
        assert len(skips_of(found)) <= most
        assert topology(found) == topology(by_brute_force(probabilities, most))


def test_a_cap_that_is_not_reached_changes_nothing() -> None:
    probabilities = {key: [0.5, 0.3, 0.2] for key in EDGES}
    found = capped(derive, probabilities, skips={"a0": [SKIP]}, most=0, sources=NODES)
    assert found == derive(probabilities)


def test_a_skip_connection_without_alternative_stays() -> None:
    found = capped(
        lambda _: {"only": Selection(1, (0,))},
        {"only": [1.0]},
        skips={"only": [0]},
        most=0,
        sources={},
    )
    assert found == {"only": Selection(1, (0,))}


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, 0.4 * 24 / 25),
        (9, 0.4 * 15 / 25),
        (10, 0.4),
        (15, 0.4 * math.exp(-1)),
        (24, 0.4 * math.exp(-2.8)),
    ],
)
def test_the_dropout_behind_skip_connections_decays(epoch: int, expected: float) -> None:
    rate = skip_dropout_rate(0.4, epoch, epochs=25, weights_only=10)
    assert rate == pytest.approx(expected, rel=1e-12)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.op = LayerChoice([nn.Linear(3, 3) for _ in range(4)], key="normal_op")
        self.other = LayerChoice({"skip_connect": nn.Identity(), "fc": nn.Linear(3, 3)}, key="o")
        self.pick = InputChoice(choose_from=["normal_op", "o"], n_chosen=1, key="pick")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.pick([self.op(x), self.other(x)])
        return result


def test_the_mixture_of_what_is_left_and_its_export() -> None:
    torch.manual_seed(0)
    model = Net().double()
    space = search_space(model)
    first, last = model.op[0], model.op[3]
    for index in (2, 1):
        del model.op[index]
    mutator = ProgressiveMutator(model, space=space, survivors={"normal_op": (0, 3)}).double()
    rows = mutator.logits.one.rows()
    rows["normal_op"].data.copy_(torch.tensor([0.3, 1.1]))
    rows["o"].data.copy_(torch.tensor([0.2, -0.5]))
    x = torch.randn(5, 3, dtype=torch.float64)
    mutator.reset()
    p, q = (
        torch.tensor([0.3, 1.1]).double().softmax(0),
        torch.tensor([0.2, -0.5]).double().softmax(0),
    )
    expected = p[0] * first(x) + p[1] * last(x) + q[0] * x + q[1] * model.other["fc"](x)
    torch.testing.assert_close(model(x), expected, rtol=1e-12, atol=1e-12)
    assert mutator.export() == {"normal_op": "3", "o": "skip_connect", "pick": ["normal_op"]}
    status = mutator.status()
    assert status["normal_op"] == pytest.approx([float(p[0]), 0.0, 0.0, float(p[1])])
    assert len(status["o"]) == len(status["pick"]) == 2


def test_the_cap_counts_by_the_indices_of_the_untouched_model() -> None:
    model = Net()
    space = search_space(model)
    del model.op[0]
    cap = SkipCap(0, {"normal_op": [3]})
    mutator = ProgressiveMutator(
        model, space=space, survivors={"normal_op": (1, 2, 3)}, skip_cap=cap
    )
    rows = mutator.logits.one.rows()
    rows["o"].data.zero_()
    rows["normal_op"].data.copy_(torch.tensor([3.0, 0.0, 4.0]))
    assert mutator.export()["normal_op"] == "1"
