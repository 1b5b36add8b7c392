"""Under an architecture nothing is made that it does not choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from benchmarks.spaces._allocations import Allocations
from nas_tuners.contract.architecture import to_vector
from tests.search_spaces.zoo import ZOO, builder, drawn, space_of
from trial_api.nn.blueprint import read_blueprint


@contextmanager
def registered() -> Iterator[list[int]]:
    """The sizes of all parameters that modules are given."""
    sizes: list[int] = []

    def note(_module: nn.Module, _name: str, parameter: nn.Parameter | None) -> None:
        if parameter is not None:
            sizes.append(parameter.numel())

    hook = register_module_parameter_registration_hook(note)
    try:
        yield sizes
    finally:
        hook.remove()


def lazily(name: str, seed: int) -> Callable[[], nn.Module]:
    """Builds a network of the small model of a space, which was read before."""
    build = builder(name)
    blueprint = read_blueprint(build)
    vector = to_vector(space_of(name), drawn(name, seed))
    return lambda: blueprint.build(build, vector)


@pytest.mark.parametrize("name", ZOO)
def test_only_parameters_of_the_network_are_made(name: str) -> None:
    for seed in range(3):
        build = lazily(name, seed)
        with registered() as sizes:
            network = build()
        assert sum(sizes) == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", ZOO)
def test_a_network_takes_as_much_memory_as_its_tensors(name: str) -> None:
    build = lazily(name, 0)
    with Allocations() as allocations:
        network = build()
    held = sum(tensor.nbytes for tensor in [*network.parameters(), *network.buffers()])
    assert held <= allocations.total < 1.01 * held  # constructors may compute a little
