"""Random models: nested, shared, registered twice, masked. Every architecture applies."""

from __future__ import annotations

import copy
import itertools
from random import Random

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas_tuners.contract.architecture import to_architecture, to_parameters, to_vector
from nas_tuners.contract.errors import SearchSpaceError
from trial_api import (
    InputChoice,
    LayerChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    search_space,
)


class Add(nn.Module):
    """The input, and what a body makes of it, through an input choice."""

    def __init__(self, body: nn.Module, key: str | None) -> None:
        super().__init__()
        self.body = body
        self.pick = InputChoice(2, n_chosen=(1, 2), key=key)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pick([x, self.body(x)])


class Unmask(nn.Module):
    def __init__(self, choice: nn.Module) -> None:
        super().__init__()
        self.choice = choice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.choice(x)[0]


def random_model(rng: Random, depth: int, known: list[nn.Module]) -> nn.Module:
    """A model from 2 numbers to 2; may stand in several places once it is ``known``."""
    if known and rng.random() < 0.15:
        return rng.choice(known)
    kind = rng.choice(["choice", "masked", "sequence", "add"]) if depth else "leaf"
    below = (
        [random_model(rng, depth - 1, known) for _ in range(rng.randint(1, 3))] if depth else []
    )
    key = rng.choice([None, "one", "two"])
    if kind == "choice":
        model: nn.Module = LayerChoice(below, key=key and f"{key}{len(below)}")
    elif kind == "masked":
        model = Unmask(LayerChoice(below, return_mask=True, key=key and f"{key}{len(below)}"))
    elif kind == "sequence":
        model = nn.Sequential(*below)
    elif kind == "add":
        model = Add(below[0], key and f"{key} inputs")
    else:
        model = nn.Linear(2, 2)
    known.append(model)
    return model


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_every_architecture_of_any_model_applies(seed):
    model = random_model(Random(seed), 3, [])
    try:
        space = search_space(model)
    except SearchSpaceError as error:
        assert "lies inside a candidate of a choice with this key" in str(error)  # noqa: PT017
        return
    for vector in itertools.islice(space.enumerate(), 6):
        assert to_vector(space, to_parameters(space, vector)) == vector
        plain = apply_fixed_architecture(copy.deepcopy(model), to_architecture(space, vector))
        assert not [m for m in plain.modules() if isinstance(m, (LayerChoice, InputChoice))]
        assert plain(torch.ones(1, 2)).shape == (1, 2)
        inherit_weights(model, plain)


def inherit_weights(supernet: nn.Module, plain: nn.Module) -> None:
    """A supernet's weights come back to the network after they were wiped out."""
    expected = copy.deepcopy(plain.state_dict())
    for parameter in plain.parameters():
        nn.init.zeros_(parameter)
    load_supernet_state_dict(plain, supernet.state_dict())
    found = plain.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
