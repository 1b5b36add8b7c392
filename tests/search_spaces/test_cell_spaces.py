"""What holds for all cell-based spaces, at any size."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import darts, enas_macro, enas_micro
from tests.search_spaces.cells import BUILD, CASES, TINY, connected, images, sample, sampled, tiny
from trial_api import apply_fixed_architecture, load_supernet_state_dict, search_space
from trial_api.mutators import FixedMutator, RandomMutator, SoftmaxMutator


@pytest.mark.parametrize(("space", "number", "shape"), CASES)
@pytest.mark.parametrize("seed", range(2))
def test_every_parameter_of_a_network_gets_a_gradient(
    space: str, number: int, shape: tuple[int, ...], seed: int
) -> None:
    network = sampled(tiny(space, number, in_channels=shape[1]), seed)
    logits = network(images(*shape))
    assert logits.shape == (shape[0], 3)
    logits.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(("space", "number", "shape"), CASES)
def test_a_mixture_of_all_candidates_trains(
    space: str, number: int, shape: tuple[int, ...]
) -> None:
    model = tiny(space, number, in_channels=shape[1])
    mutator = SoftmaxMutator(model).double()
    mutator.reset()
    model(images(*shape)).square().sum().backward()
    gradients = [parameter.grad for parameter in [*model.parameters(), *mutator.parameters()]]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("space", TINY)
@pytest.mark.parametrize("seed", range(3))
def test_a_supernet_computes_what_the_plain_network_does(space: str, seed: int) -> None:
    model = tiny(space).eval()
    architecture = sample(model, seed)
    mutator = FixedMutator(model, architecture)
    mutator.reset()
    expected = model(images())
    mutator.remove()
    plain = apply_fixed_architecture(model, architecture)
    torch.testing.assert_close(plain(images()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("space", TINY)
def test_a_network_inherits_the_weights_of_its_supernet(space: str) -> None:
    supernet = tiny(space)
    network = sampled(copy.deepcopy(supernet), seed=3)
    expected = network.eval()(images())
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    load_supernet_state_dict(network, supernet.state_dict(), strict=True)
    assert torch.equal(network(images()), expected)


@pytest.mark.parametrize("space", TINY)
def test_copies_are_the_same(space: str) -> None:
    model = tiny(space)
    network = sampled(copy.deepcopy(model), seed=5).eval()
    for again in (copy.deepcopy, lambda original: pickle.loads(pickle.dumps(original))):
        assert search_space(again(model)).dumps() == search_space(model).dumps()
        assert torch.equal(sampled(again(model), seed=5).eval()(images()), network(images()))
        assert torch.equal(again(network)(images()), network(images()))


@pytest.mark.parametrize(
    "space",
    # The compiler takes long over many nodes; those of DARTS are of the same kind.
    [pytest.param(s, marks=[pytest.mark.extended] * s.startswith("enas")) for s in TINY],
)
def test_a_network_compiles_whole(space: str) -> None:
    network = sampled(tiny(space), seed=2).eval()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images()), network(images()))
    torch._dynamo.reset()


@pytest.mark.parametrize("space", TINY)
def test_single_paths_run_in_training_and_evaluation(space: str) -> None:
    model = tiny(space)
    mutator = RandomMutator(model, seed=0)
    for mode in (True, False):
        model.train(mode)
        mutator.reset()
        assert model(images()).isfinite().all()


@pytest.mark.parametrize("space", TINY)
def test_depth_and_width_do_not_change_the_decisions(space: str) -> None:
    if space == "enas_macro":  # decides each layer by itself
        assert search_space(tiny(space)).size < search_space(tiny(space, layers=8)).size
    else:
        small, large = tiny(space), tiny(space, cells=4, channels=6, in_channels=3)
        assert search_space(small) == search_space(large)


@pytest.mark.parametrize("space", BUILD)
def test_all_wrong_sizes_are_named(space: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        BUILD[space](channels=0, classes=2.5, in_channels=True)
    message = str(caught.value)
    assert space in message
    assert "channels: must be a whole number > 0, but got 0" in message
    assert "classes: must be a whole number > 0, but got 2.5" in message
    assert "in_channels: must be a whole number > 0, but got True" in message


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (darts, {"drop_path": 1.0}, "`0 <= drop_path < 1` must hold, but got 1.0"),
        (enas_micro, {"drop_path": -0.1}, "`0 <= drop_path < 1` must hold, but got -0.1"),
        (enas_macro, {"dropout": 1}, "`0 <= dropout < 1` must hold, but got 1"),
    ],
)
def test_a_wrong_probability_is_refused(
    build: Callable[..., nn.Module], arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(SearchSpaceError, match=message):
        build(**arguments)


@pytest.mark.parametrize("space", ["darts", "enas_micro"])
def test_an_auxiliary_classifier_speaks_in_training_only(space: str) -> None:
    model = tiny(space, number=1, auxiliary=True)
    network = apply_fixed_architecture(model, connected(sample(model, 0)))
    logits, extra = network(images())
    assert logits.shape == extra.shape == (3, 3)
    (logits.square().sum() + extra.square().sum()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    before, mixed = network.eval()(images()), network.train()(images())
    assert isinstance(before, torch.Tensor)
    assert isinstance(mixed, tuple)


@pytest.mark.parametrize("space", ["darts", "enas_micro"])
@pytest.mark.parametrize("cells", [1, 2, 3, 8])
def test_the_auxiliary_classifier_reads_the_second_reduction_cell(space: str, cells: int) -> None:
    network = sampled(tiny(space, cells=cells, auxiliary=True), seed=0)
    seen: list[torch.Tensor] = []
    network.auxiliary.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.cells[2 * cells // 3].register_forward_hook(lambda *call: seen.append(call[2]))
    network(images())
    produced, read = seen
    assert read is produced
