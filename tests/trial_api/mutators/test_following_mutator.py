"""A mutator that runs what another one has come to."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SpaceMismatchError, UndecidedError
from trial_api import LayerChoice
from trial_api.mutators import FollowingMutator, SoftmaxMutator


def net(*names: str, key: str = "op") -> nn.Sequential:
    layers = {name: nn.Linear(2, 2) for name in names}
    return nn.Sequential(LayerChoice(layers, key=key))


def prefer(mutator: SoftmaxMutator, index: int) -> None:
    row = mutator.logits.one.rows()["op"].data
    row.zero_()
    row[index] = 1.0


def test_it_follows_at_reset_and_stays_in_between() -> None:
    leader = SoftmaxMutator(net("a", "b"))
    model = net("a", "b")
    follower = FollowingMutator(model, leader)
    with pytest.raises(UndecidedError, match="reset"):
        follower.status()
    x = torch.randn(3, 2)
    for index in (1, 0):
        prefer(leader, index)
        follower.reset()
        prefer(leader, 1 - index)
        assert torch.equal(model(x), model[0][index](x))
    assert follower.export() == leader.export() == {"op": "b"}
    assert list(follower.parameters()) == []


def test_its_state_is_what_runs() -> None:
    leader = SoftmaxMutator(net("a", "b"))
    follower = FollowingMutator(net("a", "b"), leader)
    undecided = copy.deepcopy(follower.state_dict())
    prefer(leader, 1)
    follower.reset()
    state = follower.state_dict()
    prefer(leader, 0)
    follower.reset()
    follower.load_state_dict(state)
    assert follower.status() == {"op": [False, True]}
    follower.load_state_dict(undecided)
    assert follower.status() == {"op": [False, True]}, "nothing was decided then"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (net("a", "c"), "op: is LayerChoice"),
        (net("a", "b", key="other"), "op: is missing here"),
    ],
)
def test_other_search_spaces_are_refused(model: nn.Module, message: str) -> None:
    leader = SoftmaxMutator(net("a", "b"))
    with pytest.raises(SpaceMismatchError, match=message):
        FollowingMutator(model, leader)
    SoftmaxMutator(model)  # it is free again
