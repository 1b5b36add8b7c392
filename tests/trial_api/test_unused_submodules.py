"""What an input choice leaves out is not computed, and can go when an architecture is applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import CheckpointError
from trial_api import (
    InputChoice,
    LayerChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
)
from trial_api.mutators import FixedMutator


class Lazy(Mapping[str, Tensor]):
    """Computes an entry at every reading."""

    def __init__(self, layers: nn.ModuleDict, names: list[str], x: Tensor) -> None:
        self.layers, self.names, self.x = layers, names, x

    def __getitem__(self, name: str) -> Tensor:
        result: Tensor = self.layers[name](self.x)
        return result

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


class Branches(nn.Module):
    """Three branches, one of them with a choice; the network takes two."""

    def __init__(self) -> None:
        super().__init__()
        inner = LayerChoice({"one": nn.Linear(2, 2), "two": nn.Linear(2, 2)}, key="inner")
        self.layers = nn.ModuleDict({"a": nn.Linear(2, 2), "b": inner, "c": nn.Linear(2, 2)})
        self.names = ["a", "b", "c"]
        self.choice = InputChoice(choose_from=self.names, n_chosen=2, key="choice")

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.choice(Lazy(self.layers, self.names, x))
        return total

    def unused_submodules(self) -> Iterator[str]:
        for index, name in enumerate(self.names):
            if index not in self.choice.chosen:  # type: ignore[operator]
                yield f"layers.{name}"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branches = Branches()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.branches(x)
        return result


@pytest.mark.parametrize("chosen", [[0, 1], [0, 2], [1, 2]])
def test_a_supernet_computes_the_chosen_inputs_only(chosen: list[int]) -> None:
    net, ran = Net(), []
    for name, layer in net.branches.layers.items():
        layer.register_forward_hook(lambda *_, name=name: ran.append(name))
    mutator = FixedMutator(net, {"inner": 0, "choice": chosen})
    mutator.reset()
    net(torch.randn(3, 2))
    assert ran == ["abc"[index] for index in chosen]


@pytest.mark.parametrize("chosen", [[0, 1], [0, 2], [1, 2]])
def test_what_is_not_needed_is_gone_and_the_rest_inherits_weights(chosen: list[int]) -> None:
    supernet = Net()
    network = apply_fixed_architecture(Net(), {"inner": "two", "choice": chosen})
    assert list(network.branches.layers) == ["abc"[index] for index in chosen]
    load_supernet_state_dict(network, supernet.state_dict())
    layers = {**supernet.branches.layers, "b": supernet.branches.layers["b"]["two"]}
    x = torch.randn(3, 2)
    first, second = ("abc"[index] for index in chosen)
    torch.testing.assert_close(network(x), layers[first](x) + layers[second](x))


def test_an_entry_that_is_missing_is_still_noticed() -> None:
    network = apply_fixed_architecture(Net(), {"inner": "two", "choice": [0, 1]})
    state = Net().state_dict()
    del state["branches.layers.a.bias"]
    with pytest.raises(CheckpointError, match=r"branches\.layers\.a\.bias"):
        load_supernet_state_dict(network, state)
