from __future__ import annotations

import copy
import io
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare
from torch import nn

from tests.trial_api.mutators.told import Times, ones
from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture
from trial_api.mutators import GumbelSoftmaxMutator, HardGumbelMutator

BOTH = pytest.mark.parametrize("kind", [GumbelSoftmaxMutator, HardGumbelMutator])
LOGITS = [0.0, 1.0, -0.5]
DRAWS = 3000


def one_layer() -> nn.Sequential:
    return nn.Sequential(LayerChoice([Times(1.0), Times(10.0), Times(100.0)], key="k"))


def with_logits(mutator, logits=LOGITS):
    (table,) = mutator.parameters()
    with torch.no_grad():
        table.copy_(torch.tensor([logits]))
    return mutator


def draws(mutator, count: int) -> list[list[float]]:
    found = []
    with torch.no_grad():
        for _ in range(count):
            mutator.reset()
            found.append(mutator.selection_of(next(iter(mutator.mutables))).strengths())
    return found


@BOTH
@pytest.mark.parametrize("temperature", [0.1, 5.0])
def test_the_largest_is_drawn_by_the_softmax(kind, temperature):
    mutator = with_logits(kind(one_layer(), seed=0, temperature=temperature))
    largest = Counter(row.index(max(row)) for row in draws(mutator, DRAWS))
    expected = DRAWS * torch.softmax(torch.tensor(LOGITS).double(), 0)
    assert chisquare([largest[i] for i in range(3)], expected.numpy()).pvalue > 1e-3


def test_low_temperatures_are_nearly_one_hot_and_high_ones_nearly_equal():
    mutator = with_logits(GumbelSoftmaxMutator(one_layer(), seed=0, temperature=0.02))
    sharp = [max(row) for row in draws(mutator, 200)]
    assert sum(value > 0.99 for value in sharp) > 180
    mutator.temperature = 100.0
    assert max(max(row) for row in draws(mutator, 200)) < 0.4
    assert all(sum(row) == pytest.approx(1.0, abs=1e-5) for row in draws(mutator, 20))


def test_the_output_is_the_mixture_drawn():
    model = one_layer()
    mutator = GumbelSoftmaxMutator(model, seed=0)
    mutator.reset()
    (weights,) = mutator.status().values()
    output = model(ones())[0, 0].item()
    assert output == pytest.approx(sum(w * f for w, f in zip(weights, (1, 10, 100), strict=True)))
    mutator.reset()
    assert mutator.status()["k"] != weights


def test_hard_runs_one_candidate_with_weight_one():
    model = one_layer()
    mutator = with_logits(HardGumbelMutator(model, seed=0))
    for number in range(1, 51):
        mutator.reset()
        (on,) = mutator.selection_of(model[0]).indices
        before = [layer.calls for layer in model[0]]
        assert model(ones())[0, 0].item() == 10.0**on
        after = [layer.calls for layer in model[0]]
        assert [b - a for a, b in zip(before, after, strict=True)] == [i == on for i in range(3)]
        assert sum(after) == number
    assert all(layer.calls for layer in model[0])


def test_hard_without_a_graph_leaves_weights_out():
    mutator = HardGumbelMutator(Net(), seed=0)
    with torch.no_grad():
        mutator.reset()
    assert all(mutator.selection_of(one).weights is None for one in mutator.mutables)
    mutator.reset()
    assert all(mutator.selection_of(one).weights is not None for one in mutator.mutables)


def test_hard_draws_the_same_with_and_without_a_graph():
    one, other = (HardGumbelMutator(Net(), seed=4) for _ in range(2))
    for _ in range(10):
        one.reset()
        with torch.no_grad():
            other.reset()
        for a, b in zip(one.mutables, other.mutables, strict=True):
            assert one.selection_of(a).indices == other.selection_of(b).indices


def test_gates_are_independent_coins():
    model = nn.Sequential(InputChoice(n_candidates=2, key="k"))
    mutator = with_logits(HardGumbelMutator(model, seed=0), [1.0, -2.0])
    found = Counter(tuple(row) for row in draws(mutator, DRAWS))
    p, q = torch.sigmoid(torch.tensor([1.0, -2.0]).double()).tolist()
    expected = {
        (0.0, 0.0): (1 - p) * (1 - q),
        (1.0, 0.0): p * (1 - q),
        (0.0, 1.0): (1 - p) * q,
        (1.0, 1.0): p * q,
    }
    counts = [found[key] for key in expected]
    assert chisquare(counts, [DRAWS * value for value in expected.values()]).pvalue > 1e-3


@pytest.mark.parametrize(("n_chosen", "sizes"), [(2, {2}), ((1, 2), {1, 2}), (None, {0, 1, 2, 3})])
def test_hard_gates_keep_the_number_of_inputs(n_chosen, sizes):
    model = nn.Sequential(InputChoice(n_candidates=3, n_chosen=n_chosen, key="k"))
    mutator = HardGumbelMutator(model, seed=0)
    assert {sum(map(bool, row)) for row in draws(mutator, 200)} == sizes


@BOTH
def test_gradients_reach_every_logit(kind):
    model = Net()
    mutator = kind(model, seed=0)
    for _ in range(10):
        mutator.reset()
        model(images()).square().sum().backward()
    assert all(parameter.grad.ne(0).all() for parameter in mutator.parameters())


@BOTH
def test_same_seed_same_noise(kind):
    one, other, third = (draws(kind(one_layer(), seed=seed), 20) for seed in (1, 1, 2))
    assert one == other != third


@BOTH
def test_the_global_generator_is_left_alone(kind):
    mutator = kind(Net(), seed=0)
    before = torch.get_rng_state()
    mutator.reset()
    assert torch.equal(torch.get_rng_state(), before)


@BOTH
def test_a_state_dict_keeps_noise_and_temperature(kind):
    mutator = kind(one_layer(), seed=1)
    mutator.temperature = 0.7
    draws(mutator, 5)
    file = io.BytesIO()
    torch.save(mutator.state_dict(), file)
    expected = draws(mutator, 20)
    other = kind(one_layer(), seed=99)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.temperature == 0.7
    assert draws(other, 20) == expected


@BOTH
def test_a_state_dict_from_before_the_first_draw(kind):
    mutator = kind(one_layer(), seed=1)
    state = copy.deepcopy(mutator.state_dict())
    other = kind(one_layer(), seed=1)
    draws(other, 3)
    other.load_state_dict(state)
    assert draws(other, 5) == draws(mutator, 5)


@BOTH
def test_copies_go_on_alike(kind):
    mutator = kind(one_layer(), seed=1)
    mutator.reset()
    other = copy.deepcopy(mutator)
    assert draws(other, 10) == draws(mutator, 10)


@BOTH
def test_nested_choices(kind):
    model = Nested()
    mutator = kind(model, seed=0)
    for _ in range(10):
        mutator.reset()
        assert model(torch.randn(3, 2)).shape == (3, 2)
    exported = mutator.export()
    mutator.remove()
    apply_fixed_architecture(model, exported)


@BOTH
def test_the_most_probable_architecture_is_exported_without_noise(kind):
    mutator = with_logits(kind(one_layer(), seed=0))
    assert [mutator.export() for _ in range(20)] == [{"k": "1"}] * 20
