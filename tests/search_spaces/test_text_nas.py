"""The space of TextNAS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import SearchSpaceError
from search_spaces import text_nas
from search_spaces._text_operations import TEXT_OPERATIONS, real_only
from trial_api import apply_fixed_architecture, load_supernet_state_dict, search_space
from trial_api.oneshot import BaseTrainer, DartsTrainer, EnasTrainer, SposTrainer

HIDDEN = 8
tiny: Callable[..., nn.Module] = partial(
    text_nas, vocabulary=20, classes=3, hidden=HIDDEN, layers=5, embedding=6, window=3, heads=2
)


def texts() -> Tensor:
    """Of seven and four tokens, one of one, and an empty one."""
    tokens = torch.randint(1, 20, (4, 7), generator=torch.Generator().manual_seed(0))
    for row, length in enumerate([7, 4, 1, 0]):
        tokens[row, length:] = 0
    return tokens


def sampled(seed: int) -> nn.Module:
    space = search_space(tiny)
    architecture = to_architecture(space, space.sample(Random(seed)))
    torch.manual_seed(seed)
    return apply_fixed_architecture(tiny, architecture).double()


def test_the_keys_of_a_layer() -> None:
    content = search_space(text_nas).to_dict()
    assert len(content) == 24 + 2 * 23
    assert list(content)[:4] == ["layer0_op", "layer1_input", "layer1_op", "layer1_skip"]
    assert content["layer0_op"]["_value"] == [*TEXT_OPERATIONS]
    assert len(TEXT_OPERATIONS) == 8
    names = ["layer4", "layer5", "layer6", "layer7", "layer8"]
    assert content["layer9_input"]["_value"] == {"candidates": names, "n_chosen": 1}
    assert content["layer9_skip"]["_value"] == {"candidates": names, "n_chosen": None}
    first = ["embedding", "layer0", "layer1"]
    assert content["layer2_input"]["_value"]["candidates"] == first


@pytest.mark.parametrize("seed", range(5))
def test_padding_has_no_influence(seed: int) -> None:
    network = sampled(seed).eval()
    logits = network(texts())
    assert logits.shape == (4, 3)
    torch.testing.assert_close(network(F.pad(texts(), (0, 3))), logits)
    torch.testing.assert_close(network(texts()[1:2, :4]), logits[1:2])


@pytest.mark.parametrize("seed", range(5))
def test_every_parameter_gets_a_gradient(seed: int) -> None:
    network = sampled(seed)
    network(texts()).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert not network.embedding.weight.grad[0].any()


def prepared(*lengths: int) -> tuple[Tensor, Tensor]:
    real = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    x = torch.randn(len(lengths), max(lengths), HIDDEN, dtype=torch.float64)
    return real_only(x, real), real


@pytest.mark.parametrize("name", TEXT_OPERATIONS)
def test_an_operation_on_a_padded_text_is_that_on_the_text(name: str) -> None:
    torch.manual_seed(0)
    operation = TEXT_OPERATIONS[name](HIDDEN, 2).double().eval()
    x, real = prepared(5, 2)
    padded = operation(x, real)[1, :2]
    alone = operation(x[1:, :2], real[1:, :2])[0]
    torch.testing.assert_close(padded, alone)


def test_pools_are_those_of_the_tokens_that_are_there() -> None:
    x, real = prepared(5, 2)
    mean = TEXT_OPERATIONS["avg_pool_3"](HIDDEN, 2)(x, real)
    highest = TEXT_OPERATIONS["max_pool_3"](HIDDEN, 2)(x, real)
    for row, length in enumerate([5, 2]):
        for token in range(length):
            near = x[row, max(0, token - 1) : min(length, token + 2)]
            torch.testing.assert_close(mean[row, token], near.mean(dim=0))
            torch.testing.assert_close(highest[row, token], near.amax(dim=0))


def test_the_recurrence_is_that_of_torch_in_both_directions() -> None:
    torch.manual_seed(0)
    operation: Any = TEXT_OPERATIONS["gru"](HIDDEN, 2).double()
    both = nn.GRU(HIDDEN, HIDDEN // 2, batch_first=True, bidirectional=True).double()
    weights = dict(operation.forwards.state_dict())
    weights |= {f"{name}_reverse": w for name, w in operation.backwards.state_dict().items()}
    both.load_state_dict(weights)
    x, real = prepared(5, 2)
    lengths = torch.tensor([5, 2])
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(both(packed)[0], batch_first=True)
    torch.testing.assert_close(real_only(operation(x, real), real), expected)


def test_a_network_without_gru_compiles_whole() -> None:
    """Of a GRU, torch makes a function of its own."""
    space = search_space(tiny)
    architecture = to_architecture(space, space.sample(Random(0)))
    operations = ["conv_3", "avg_pool_3", "max_pool_3", "attention", "conv_1"]
    architecture |= {f"layer{index}_op": name for index, name in enumerate(operations)}
    network = apply_fixed_architecture(tiny, architecture).eval()
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(texts()), network(texts()))
    torch._dynamo.reset()


def accuracy(output: Tensor, target: Tensor) -> dict[str, Tensor]:
    return {"accuracy": (output.argmax(1) == target).float().mean()}


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SposTrainer, {"candidates": 2}),
        pytest.param(DartsTrainer, {}, marks=pytest.mark.extended),
        pytest.param(
            EnasTrainer,
            {
                "mutator_steps": 1,
                "mutator_steps_aggregate": 2,
                "child_steps": 1,
                "final_samples": 2,
                "reward_function": lambda output, target: accuracy(output, target)["accuracy"],
            },
        ),
    ],
)
def test_trainers(kind: type[BaseTrainer], options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = tiny(layers=2)
    data = TensorDataset(texts().repeat(4, 1), torch.randint(3, (16,)))
    trainer = kind(
        model,
        F.cross_entropy,
        accuracy,
        optimizer=torch.optim.SGD(model.parameters(), 0.01),
        num_epochs=1,
        dataset_train=data,
        dataset_valid=data,
        batch_size=4,
        seed=0,
        progress=False,
        **options,
    )
    trainer.train()
    network = apply_fixed_architecture(partial(tiny, layers=2), trainer.export())
    load_supernet_state_dict(network, model.state_dict())
    assert network.eval()(texts()).isfinite().all()


def test_wrong_sizes_are_named() -> None:
    with pytest.raises(SearchSpaceError, match="layers: must be a whole number > 0, but got 0"):
        text_nas(layers=0)
    message = r"multiple of `heads`, but got \(hidden=10, heads=4\)"
    with pytest.raises(SearchSpaceError, match=message):
        text_nas(hidden=10)
    with pytest.raises(SearchSpaceError, match="`0 <= dropout < 1` must hold, but got 1"):
        text_nas(dropout=1)
