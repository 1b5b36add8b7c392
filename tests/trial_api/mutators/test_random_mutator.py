from __future__ import annotations

import copy
import io
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare
from torch import nn

from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice, apply_fixed_architecture, search_space
from trial_api.mutators import RandomMutator

DRAWS = 3000


def one_choice(**arguments) -> nn.Module:
    return nn.Sequential(InputChoice(n_candidates=3, key="k", **arguments))


def two_layers() -> nn.Module:
    candidates = [nn.Identity(), nn.ReLU(), nn.Tanh()]
    return nn.Sequential(LayerChoice(candidates[:2], key="a"), LayerChoice(candidates, key="b"))


SPACES = [
    (two_layers, 6),
    (lambda: one_choice(n_chosen=None), 8),
    (lambda: one_choice(n_chosen=0), 1),
    (lambda: one_choice(n_chosen=1), 3),
    (lambda: one_choice(n_chosen=2), 3),
    (lambda: one_choice(n_chosen=3), 1),
    (lambda: one_choice(n_chosen=(0, 1)), 4),
    (lambda: one_choice(n_chosen=(1, 2)), 6),
]


def decisions(mutator: RandomMutator, count: int) -> list[str]:
    found = []
    for _ in range(count):
        mutator.reset()
        found.append(str(mutator.status()))
    return found


@pytest.mark.parametrize(("make", "size"), SPACES)
def test_every_architecture_is_equally_likely(make, size):
    counts = Counter(decisions(RandomMutator(make(), seed=0), DRAWS))
    assert len(counts) == size == search_space(make()).size
    assert size == 1 or chisquare(list(counts.values())).pvalue > 1e-3


def test_each_candidate_of_a_nested_choice_is_equally_likely_where_it_counts():
    mutator = RandomMutator(Nested(), seed=0)
    counts = Counter(decisions(mutator, DRAWS))
    assert len(counts) == 5  # plain; deep with relu or tanh; direct with either layer
    outer = Counter()
    for status, count in counts.items():
        outer[status.split("]")[0]] += count
    assert chisquare(list(outer.values())).pvalue > 1e-3
    for block in outer:
        inner = [count for status, count in counts.items() if status.startswith(block)]
        assert chisquare(inner).pvalue > 1e-3 or len(inner) == 1


def test_a_nested_model_runs_under_every_decision():
    model = Nested()
    mutator = RandomMutator(model, seed=0)
    for _ in range(20):
        mutator.reset()
        assert model(torch.randn(3, 2)).shape == (3, 2)


def test_the_number_of_inputs_is_kept():
    mutator = RandomMutator(one_choice(n_chosen=2), seed=0)
    for _ in range(50):
        mutator.reset()
        assert sum(mutator.status()["k"]) == 2


def test_same_seed_same_decisions():
    one, other = (decisions(RandomMutator(Net(), seed=5), 20) for _ in range(2))
    assert one == other
    assert decisions(RandomMutator(Net(), seed=6), 20) != one


def test_without_a_seed_torch_decides():
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(decisions(RandomMutator(Net()), 20))
    assert found[0] == found[1] != found[2]


def test_the_global_generators_are_left_alone():
    mutator = RandomMutator(Net(), seed=0)
    before = torch.get_rng_state()
    decisions(mutator, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_state_dict_keeps_the_position():
    mutator = RandomMutator(Net(), seed=0)
    decisions(mutator, 7)
    file = io.BytesIO()
    torch.save(mutator.state_dict(), file)
    expected = decisions(mutator, 20)
    other = RandomMutator(Net(), seed=99)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert decisions(other, 20) == expected


def test_copies_go_on_alike():
    mutator = RandomMutator(Net(), seed=0)
    decisions(mutator, 3)
    other = copy.deepcopy(mutator)
    assert decisions(other, 20) == decisions(mutator, 20)


def test_exports_can_be_applied_and_differ():
    model = Net()
    mutator = RandomMutator(model, seed=0)
    mutator.reset()
    before = mutator.status()
    exports = [mutator.export() for _ in range(20)]
    assert mutator.status() == before
    assert len({str(one) for one in exports}) > 1
    for one in exports:
        assert apply_fixed_architecture(Net(), one)(images()).shape == (4, 3)


def test_it_has_no_parameters():
    assert list(RandomMutator(Net()).parameters()) == []
