"""The published spaces, and networks of them, are recorded without numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

import search_spaces
from search_spaces.__main__ import SPACES
from tests.trial_api.graph.kit import recorded, templates
from trial_api import make_supernet, search_space

SMALL = {
    "darts": {"channels": 4, "cells": 3},
    "enas_macro": {"channels": 8, "layers": 6},
    "enas_micro": {"channels": 4, "cells": 3},
    "nas_bench_201": {"channels": 4, "cells": 1},
}


def _inputs(name: str) -> torch.Tensor:
    if name == "text_nas":
        return torch.randint(1, 100, (2, 12))
    return torch.zeros(2, 8) if name == "tabular_mlp" else torch.zeros(2, 3, 32, 32)


def _check(name: str, graph: dict[str, Any], space: Any) -> None:
    assert graph["search_space"] == space.to_dict(), name
    for key, choice in graph["choices"].items():
        if choice["kind"] != "value":
            assert choice["places"], key
            assert all(place["nodes"] for place in choice["places"]), key
            for place in choice["places"]:
                assert all(slot["shape"] for slot in place["slots"])


@pytest.mark.parametrize("name", SMALL)
def test_cells_and_chains_are_recorded(name: str) -> None:
    model = getattr(search_spaces, name)(**SMALL[name])
    _check(name, recorded(model, _inputs(name)), search_space(model))


@pytest.mark.parametrize(
    "name",
    [
        "vision_transformer",
        "tabular_mlp",
        pytest.param("mobilenet_v3", marks=pytest.mark.extended),
    ],
)
def test_spaces_with_values_are_recorded_as_supernets(name: str) -> None:
    model = getattr(search_spaces, name)()
    space = search_space(model)
    first = recorded(model, _inputs(name))
    _check(name, first, space)
    whole = recorded(make_supernet(model), _inputs(name))
    assert whole["parameters"] > first["parameters"]
    assert list(whole["choices"]) == list(first["choices"])
    values = [choice for choice in whole["choices"].values() if choice["kind"] == "value"]
    assert all(choice["places"] for choice in values)


def test_the_supernet_of_the_paper_is_recorded_in_full() -> None:
    graph = recorded(search_spaces.darts(), torch.zeros(2, 3, 32, 32))
    assert len(graph["modules"]) > 4000
    assert len(json.dumps(graph, separators=(",", ":"))) < 1_000_000
    layers = [choice for choice in graph["choices"].values() if choice["kind"] == "layer"]
    assert len(layers) == 28
    slots = sum(len(place["slots"]) for choice in layers for place in choice["places"])
    assert slots == 8 * 14 * 8
    assert templates(graph) == {
        "normal": [f"cells.{index}" for index in (0, 1, 3, 4, 6, 7)],
        "reduce": ["cells.2", "cells.5"],
    }


@pytest.mark.extended
@pytest.mark.parametrize("name", SPACES)
def test_every_space_is_recorded_with_its_defaults(name: str) -> None:
    model = getattr(search_spaces, name)()
    _check(name, recorded(model, _inputs(name)), search_space(model))
