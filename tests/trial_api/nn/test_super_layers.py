"""Layers of a supernet run exactly as the small layers that they stand for."""

from __future__ import annotations

import copy
import inspect
import pickle
from itertools import product
from random import Random

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import spectral_norm
from torch.nn.utils.parametrizations import weight_norm

from nas_tuners.contract.architecture import to_architecture
from nas_tuners.contract.errors import CheckpointError, SearchSpaceError, UndecidedError
from search_spaces import mobilenet_v3, tabular_mlp, vision_transformer
from search_spaces._mobile_stage import MobileStage
from trial_api import (
    LayerChoice,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    model_space,
    search_space,
)
from trial_api.mutators import RandomMutator, SoftmaxMutator
from trial_api.mutators._random import selections_of
from trial_api.nn import make_supernet


@model_space
class Around(nn.Module):
    """One layer that a function makes of a value, in the middle of others."""

    def __init__(self, make, options):
        super().__init__()
        self.layer = make(ValueChoice(options, key="size"))

    def forward(self, *inputs):
        return self.layer(*inputs)


class Chain(nn.Module):
    """Layers of which the outer ones keep the shape of input and output."""

    def __init__(self, first, middle, last):
        super().__init__()
        self.first, self.middle, self.last = first, middle, last

    def forward(self, x):
        return self.last(torch.relu(self.middle(self.first(x))))


class Query(nn.Module):
    """Attention of as many channels as given, over sequences."""

    def __init__(self, width, heads):
        super().__init__()
        self.inner = nn.Linear(6, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.outer = nn.Linear(width, 6)

    def forward(self, x):
        x = self.inner(x)
        mixed, weights = self.attention(x, x, value=x)
        return self.outer(mixed), weights


class Token(nn.Module):
    """A parameter of a module's own."""

    def __init__(self, width):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, width))
        self.inner, self.outer = nn.Linear(6, width), nn.Linear(width, 6)

    def forward(self, x):
        return self.outer(self.inner(x) + self.token)


class CrossAttention(nn.Module):
    """Attention to keys and values of other numbers of channels."""

    def __init__(self, width):
        super().__init__()
        self.query, self.key = nn.Linear(6, width), nn.Linear(6, 2 * width)
        self.value = nn.Linear(6, 3 * width)
        self.attention = nn.MultiheadAttention(
            width, 2, kdim=2 * width, vdim=3 * width, batch_first=True
        )
        self.outer = nn.Linear(width, 6)

    def forward(self, x):
        mixed, weights = self.attention(self.query(x), self.key(x), self.value(x))
        return self.outer(mixed), weights


class Pair(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.left, self.right = nn.Linear(6, width), nn.Linear(6, 2 * width)
        self.both = nn.Bilinear(width, 2 * width, 3)

    def forward(self, x):
        return self.both(self.left(x), self.right(x))


def convolutions(width):
    depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
    return Chain(nn.Conv2d(3, width, 1), depthwise, nn.Conv2d(width, 4, 1))


VECTORS, IMAGES, SEQUENCES = (5, 6), (2, 3, 7, 7), (2, 4, 6)

LAYERS = {
    "linear": (lambda n: Chain(nn.Linear(6, n), nn.Identity(), nn.Linear(n, 3)), VECTORS),
    "batch norm": (lambda n: Chain(nn.Linear(6, n), nn.BatchNorm1d(n), nn.Linear(n, 3)), VECTORS),
    "layer norm": (lambda n: Chain(nn.Linear(6, n), nn.LayerNorm(n), nn.Linear(n, 3)), VECTORS),
    "rms norm": (lambda n: Chain(nn.Linear(6, n), nn.RMSNorm(n), nn.Linear(n, 3)), VECTORS),
    "group norm": (
        lambda n: Chain(nn.Conv2d(3, n, 1), nn.GroupNorm(2, n), nn.Conv2d(n, 4, 1)),
        IMAGES,
    ),
    "prelu": (lambda n: Chain(nn.Conv2d(3, n, 1), nn.PReLU(n), nn.Conv2d(n, 4, 1)), IMAGES),
    "depthwise": (convolutions, IMAGES),
    "transposed": (
        lambda n: Chain(nn.Conv2d(3, n, 1), nn.ConvTranspose2d(n, n, 3), nn.Conv2d(n, 4, 1)),
        IMAGES,
    ),
    "attention": (lambda n: Query(n, 2), SEQUENCES),
    "cross attention": (CrossAttention, SEQUENCES),
    "bilinear": (Pair, VECTORS),
    "own parameter": (Token, VECTORS),
    "flattened": (
        lambda n: Chain(nn.Conv2d(3, n, 1), nn.Flatten(), nn.Linear(n * 49, 4)),
        IMAGES,
    ),
}
WIDTHS = (4, 8, 6)

KERNELS = {
    "kernel": (lambda k: nn.Conv2d(3, 4, k, padding=k // 2), (3, 5, 1), IMAGES),
    "pool": (lambda k: nn.MaxPool2d(k, 1, padding=k // 2), (1, 3), IMAGES),
    "dropout": (lambda p: nn.Dropout(p), (0.0, 0.5, 0.25), VECTORS),
    "eps": (lambda eps: nn.BatchNorm2d(3, eps=eps), (1e-5, 1e-2), IMAGES),
    "heads": (lambda heads: Query(8, heads), (1, 2, 4), SEQUENCES),
}

CASES = {name: (make, WIDTHS, shape) for name, (make, shape) in LAYERS.items()} | KERNELS


def supernet(make, options, *, seed=0):
    """A supernet with statistics of its own, and its mutator."""
    torch.manual_seed(seed)
    model = Around(make, options)
    mutator = RandomMutator(model, seed=0)
    for layer in model.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    return model, mutator


def one_hot(index, count, dtype=None):
    weights = torch.zeros(count, dtype=dtype)
    weights[index] = 1
    return weights


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", [False, True], ids=["eval", "train"])
def test_a_decided_layer_is_exactly_the_small_one(name, mode):
    make, options, shape = CASES[name]
    model, mutator = supernet(make, options)
    x = torch.randn(shape)
    for index, value in enumerate(options):
        mutator.apply_on_model({"size": one_hot(index, len(options)).bool()})
        network = apply_fixed_architecture(lambda: Around(make, options), {"size": value})
        load_supernet_state_dict(network, model.state_dict())
        outputs = []
        for one in (model, network):
            torch.manual_seed(1)
            outputs.append(one.train(mode)(x))
        for ours, expected in zip(*map(as_tuple, outputs), strict=True):
            torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def as_tuple(output):
    return output if isinstance(output, tuple) else (output,)


@pytest.mark.parametrize("name", [*LAYERS, "kernel", "pool", "eps"])
def test_a_mixture_of_one_is_the_decided_layer(name):
    make, options, shape = CASES[name]
    model, mutator = supernet(make, options)
    model.eval()
    x = torch.randn(shape)
    for index in range(len(options)):
        weights = one_hot(index, len(options))
        mutator.apply_on_model({"size": weights.bool()})
        decided = as_tuple(model(x))
        mutator.apply_on_model({"size": weights.requires_grad_()})
        for ours, expected in zip(as_tuple(model(x)), decided, strict=True):
            torch.testing.assert_close(ours, expected)


def test_a_mixture_is_the_sum_of_padded_outputs():
    make, options = LAYERS["linear"][0], (2, 4, 3)
    model, mutator = supernet(make, options)
    model.double()
    p = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64, requires_grad=True)
    mutator.apply_on_model({"size": p})
    x = torch.randn(5, 6, dtype=torch.float64)
    first, last = model.layer.first, model.layer.last
    inner = torch.zeros(5, 4, dtype=torch.float64)
    for n, weight in zip(options, p, strict=True):
        inner[:, :n] += weight * (x @ first.weight[:n].T + first.bias[:n])
    hidden = inner.relu()
    expected = sum(
        weight * (hidden[:, :n] @ last.weight[:, :n].T + last.bias)
        for n, weight in zip(options, p, strict=True)
    )
    torch.testing.assert_close(model(x), expected)
    tensors = (p, first.weight, last.weight)
    ours = torch.autograd.grad(model(x).square().sum(), tensors)
    theirs = torch.autograd.grad(expected.square().sum(), tensors)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["batch norm", "layer norm", "depthwise", "own parameter"])
def test_gradients_of_a_mixture_by_finite_differences(name):
    make, options, shape = CASES[name]
    model, mutator = supernet(make, options)
    model.double()
    x = torch.randn(shape, dtype=torch.float64)

    def output(p):
        mutator.apply_on_model({"size": p})
        return model(x)

    p = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(output, (p,))


def test_batch_norm_counts_statistics_once():
    model, mutator = supernet(LAYERS["batch norm"][0], WIDTHS)
    norm = model.layer.middle
    before = norm.running_mean.clone()
    mutator.apply_on_model({"size": [True, False, False]})
    model(torch.randn(VECTORS))
    moved = norm.running_mean != before
    assert moved.tolist() == [True] * 4 + [False] * 4
    mutator.apply_on_model({"size": torch.tensor([0.2, 0.5, 0.3], requires_grad=True)})
    count = norm.num_batches_tracked.item()
    model(torch.randn(VECTORS))
    assert norm.num_batches_tracked.item() == count + 1


def test_weights_of_zero_are_not_run_where_no_gradient_is_wanted():
    model, mutator = supernet(LAYERS["layer norm"][0], WIDTHS)
    x = torch.randn(VECTORS)
    expected, seen = [], []
    for weights in ([0.25, 0.0, 0.75], [0.0, 1.0, 0.0]):
        mutator.apply_on_model({"size": torch.tensor(weights, requires_grad=True)})
        expected.append(model(x))
    model.layer.last.register_forward_pre_hook(lambda _m, args: seen.append(args[0].shape[1]))
    mutator.apply_on_model({"size": torch.tensor([0.25, 0.0, 0.75])})
    torch.testing.assert_close(model(x), expected[0])
    mutator.apply_on_model({"size": torch.tensor([0.0, 1.0, 0.0])})
    torch.testing.assert_close(model(x), expected[1])
    assert seen == [8, 8]  # up to the largest of all in a mixture, which the second one is, alone
    mutator.apply_on_model({"size": torch.tensor([1.0, 0.0, 0.0])})
    model(x)
    assert seen[2] == 4


def test_a_lone_weight_counts():
    model, mutator = supernet(LAYERS["layer norm"][0], WIDTHS)
    x, outputs = torch.randn(VECTORS), []
    for requires_grad in (False, True):
        weights = torch.tensor([0.0, 0.5, 0.0], requires_grad=requires_grad)
        mutator.apply_on_model({"size": weights})
        outputs.append(model(x))
    torch.testing.assert_close(*outputs)


def test_an_error_in_a_layer_leaves_it_whole():
    model, mutator = supernet(LAYERS["linear"][0], WIDTHS)
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    mutator.apply_on_model({"size": [True, False, False]})
    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        model.layer.last(torch.randn(5, 99))
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes


def test_layers_that_write_on_their_input_are_mixed_out_of_place():
    model, mutator = supernet(lambda p: nn.Dropout(p, inplace=True), (0.0, 1.0))
    mutator.apply_on_model({"size": torch.tensor([0.25, 0.75])})
    x = torch.ones(4)
    assert model(x).tolist() == [0.25] * 4
    mutator.apply_on_model({"size": [False, True]})
    assert model(x) is x


def test_outputs_that_cannot_be_mixed():
    model, mutator = supernet(lambda k: nn.MaxPool2d(k), (1, 2))
    mutator.apply_on_model({"size": [True, False]})
    model(torch.randn(IMAGES))
    mutator.apply_on_model({"size": torch.tensor([0.5, 0.5])})
    message = r"layer: its output has another shape for other candidates of 'size': .*SposTrainer"
    with pytest.raises(SearchSpaceError, match=message):
        model(torch.randn(IMAGES))


@model_space
class Two(nn.Module):
    """Two values that meet in layers, some of them in choices and repeats."""

    def __init__(self):
        super().__init__()
        width, ratio = ValueChoice([4, 6], key="width"), ValueChoice([1, 1.5, 2], key="ratio")
        inner = int(width * ratio)
        self.stem = nn.Linear(3, width)
        self.blocks = Repeat(
            lambda i: nn.Sequential(
                nn.Linear(width, inner),
                LayerChoice([nn.ReLU, lambda: nn.BatchNorm1d(inner)], key=f"act{i}"),
                nn.Dropout(ValueChoice([0.0, 0.5], key=f"drop{i}")),
                nn.Linear(inner, width),
            ),
            (1, 3),
            key="depth",
        )
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


ZOO = {
    "two values": (Two, (4, 3)),
    "tabular_mlp": (lambda: tabular_mlp(4, 2, widths=(8, 12), depth=(1, 2)), (4, 4)),
    "vision_transformer": (
        lambda: vision_transformer(image_size=8, widths=(16, 24), depth=(1, 2), heads=(1, 2)),
        (2, 3, 8, 8),
    ),
    "mobilenet_v3": (
        lambda: mobilenet_v3(
            3,
            4,
            stages=[MobileStage(8, (1, 2), 2, squeeze=True), MobileStage(16, (1, 1))],
            last_channels=16,
            features=16,
        ),
        (2, 3, 16, 16),
    ),
}


@pytest.mark.parametrize("name", ZOO)
def test_a_supernet_holds_its_networks(name):
    make, shape = ZOO[name]
    torch.manual_seed(0)
    model = make()
    space = search_space(make)
    mutator = RandomMutator(model)
    assert mutator.search_space == space
    assert list(mutator.search_space.active_if) == list(space.active_if)
    model.eval()
    x = torch.randn(shape)
    for seed in range(4):
        vector = space.sample(Random(seed))
        decided = selections_of(space, vector)
        mutator.apply_on_model(decided)
        ours = model(x)
        network = apply_fixed_architecture(make, to_architecture(space, vector))
        load_supernet_state_dict(network, model.state_dict())
        torch.testing.assert_close(ours, network.eval()(x), rtol=0, atol=1e-6)
        mutator.apply_on_model(
            {
                key: one_hot(list(one.indices or [0]), one.length).requires_grad_()
                for key, one in decided.items()
            }
        )
        torch.testing.assert_close(model(x), ours, rtol=1e-4, atol=1e-5)


def test_all_pairs_of_two_values():
    model = make_supernet(Two())
    linear = model.blocks.blocks[0][0]
    shapes = {
        candidates: configuration.shapes["weight"]
        for candidates, configuration in linear.forward._configurations.items()
    }
    assert shapes == {
        (i, j): (int(width * ratio), width)
        for (i, width), (j, ratio) in product(enumerate([4, 6]), enumerate([1, 1.5, 2]))
    }


def test_the_state_dict_is_that_of_the_largest_network():
    model = make_supernet(Around(LAYERS["linear"][0], WIDTHS))
    network = apply_fixed_architecture(lambda: Around(LAYERS["linear"][0], WIDTHS), {"size": 8})
    ours, expected = model.state_dict(), network.state_dict()
    assert {name: t.shape for name, t in ours.items()} == {n: t.shape for n, t in expected.items()}


def test_parameters_stay_the_same_objects():
    model = Two()
    before = dict(model.named_parameters())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    mutator = RandomMutator(model, seed=0)
    after = dict(model.named_parameters())
    assert all(after[name] is parameter for name, parameter in before.items())
    assert before["stem.weight"].shape == (6, 3)
    mutator.reset()
    model(torch.randn(4, 3)).sum().backward()
    weight = model.head.weight.clone()
    optimizer.step()
    assert not torch.equal(model.head.weight, weight)


def test_mode_precision_and_constraints_stay():
    model = Two().double().eval()
    model.constrain(lambda architecture: architecture["width"] == 4)
    mutator = RandomMutator(model, seed=0)
    assert not model.training
    assert model.stem.weight.dtype == torch.float64
    for _ in range(10):
        mutator.reset()
        assert mutator._current()["width"].indices == (0,)
    assert len(mutator.search_space.constraints) == 1


def test_a_supernet_is_left_as_it_is():
    model = make_supernet(Two())
    weight = model.stem.weight.clone()
    assert make_supernet(model) is model
    assert torch.equal(model.stem.weight, weight)
    plain = nn.Sequential(LayerChoice([nn.ReLU(), nn.Tanh()]))
    assert list(make_supernet(plain).modules()) == list(plain.modules())
    network = apply_fixed_architecture(Around(nn.Dropout, [0.1, 0.2]), {"size": 0.2})
    assert make_supernet(network).layer.p == 0.2


def test_copies_and_pickles():
    whole = make_supernet(Two())
    for copied in (copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))):
        with torch.no_grad():
            copied.stem.weight.zero_()
        twin = RandomMutator(copied, seed=1)
        twin.apply_on_model({key: [True] + [False] * (n - 1) for key, n in sizes(twin).items()})
        assert copied(torch.randn(4, 3)).shape == (4, 2)
        assert whole.stem.weight.any()


def sizes(mutator):
    return {key: one.length for key, one in mutator.sample_search().items()}


def test_it_does_not_run_undecided():
    model = make_supernet(Around(LAYERS["linear"][0], WIDTHS))
    with pytest.raises(UndecidedError, match="LayerChoice with key 'size' is not decided yet"):
        model(torch.randn(VECTORS))


def test_an_architecture_applied_to_a_supernet_keeps_its_weights():
    model, mutator = supernet(LAYERS["linear"][0], WIDTHS)
    weight = model.layer.first.weight.clone()
    mutator.remove()
    network = apply_fixed_architecture(model, {"size": 6})
    assert network is model
    assert torch.equal(network.layer.first.weight, weight[:6])
    assert network(torch.randn(VECTORS)).shape == (5, 3)


def test_weights_that_do_not_fit_leave_a_supernet_as_it_was():
    model = make_supernet(Around(LAYERS["linear"][0], WIDTHS))
    model.added = nn.Linear(1, 1)
    before, names = model.layer, list(model.state_dict())
    with pytest.raises(CheckpointError, match=r"added\.weight"):
        apply_fixed_architecture(model, {"size": 6})
    assert model.layer is before
    assert list(model.state_dict()) == names
    del model.added
    assert apply_fixed_architecture(model, {"size": 6}).layer.first.out_features == 6


def test_a_space_that_becomes_no_supernet_is_as_it_was(monkeypatch):
    def fail(root, plan):
        raise RuntimeError("no memory")

    model = Around(LAYERS["linear"][0], WIDTHS)
    before, weights = model.layer, copy.deepcopy(model.state_dict())
    with monkeypatch.context() as patch:
        patch.setattr("trial_api.nn._supernet._add_decisions", fail)
        with pytest.raises(RuntimeError, match="no memory"):
            make_supernet(model)
    assert model.layer is before
    assert all(torch.equal(now, weights[name]) for name, now in model.state_dict().items())
    assert make_supernet(model).layer.first.out_features == 8


@pytest.mark.parametrize("inner", [Around, lambda *args: make_supernet(Around(*args))])
def test_replicas_would_not_run_with_their_own_weights(inner):
    model = nn.DataParallel(inner(LAYERS["linear"][0], WIDTHS))
    for wrapped in (model, torch.compile(model, backend="eager")):
        with pytest.raises(SearchSpaceError, match=r"DistributedDataParallel instead, or take"):
            RandomMutator(wrapped)
    plain = nn.DataParallel(nn.Sequential(LayerChoice([nn.ReLU(), nn.Tanh()])))
    assert make_supernet(plain) is plain
    network = apply_fixed_architecture(model, {"size": 6})
    assert make_supernet(network) is network


def test_distributed_wrappers_send_gradients_of_the_parameters_that_stay(tmp_path):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    try:
        model = DistributedDataParallel(Around(LAYERS["linear"][0], WIDTHS))
        sent = []
        mutator = RandomMutator(model, seed=0)

        def send(state, bucket):
            sent.extend(bucket.parameters())
            future = torch.futures.Future()
            future.set_result(bucket.buffer())
            return future

        model.register_comm_hook(None, send)
        mutator.reset()
        model(torch.randn(VECTORS)).sum().backward()
    finally:
        torch.distributed.destroy_process_group()
    assert {id(one) for one in sent} == {id(one) for one in model.parameters()}


def test_weights_that_are_loaded_into_a_space_make_it_a_supernet():
    trained, _ = supernet(LAYERS["linear"][0], WIDTHS)
    model = Around(LAYERS["linear"][0], WIDTHS)
    load_supernet_state_dict(model, trained.state_dict())
    weight = trained.layer.first.weight
    assert torch.equal(model.layer.first.weight, weight)
    RandomMutator(model).remove()
    assert torch.equal(model.layer.first.weight, weight)
    network = apply_fixed_architecture(model, {"size": 6})
    assert torch.equal(network.layer.first.weight, weight[:6])


def test_projections_of_attention_are_cut_one_by_one():
    model, _ = supernet(lambda n: Query(n, 2), (4, 8))
    network = apply_fixed_architecture(lambda: Around(lambda n: Query(n, 2), (4, 8)), {"size": 4})
    load_supernet_state_dict(network, model.state_dict())
    whole, part = (m.layer.attention.in_proj_weight for m in (model, network))
    for ours, of_all in zip(part.chunk(3), whole.chunk(3), strict=True):
        assert torch.equal(ours, of_all[:4, :4])


def test_weights_that_are_too_small_are_no_supernets():
    make = LAYERS["linear"][0]
    small, large = (apply_fixed_architecture(Around(make, WIDTHS), {"size": n}) for n in (4, 8))
    with pytest.raises(CheckpointError, match=r"shape of layer.first.weight: \(8, 6\) here, \(4,"):
        load_supernet_state_dict(large, small.state_dict())


def test_arguments_of_forward_are_told():
    @model_space
    class Own(Token):
        def __init__(self):
            super().__init__(ValueChoice([4, 8], key="width"))

    before = inspect.signature(Own().forward)
    model = make_supernet(Own())
    assert "forward" in vars(model)
    assert inspect.signature(model.forward) == before


def test_modules_and_weights_in_two_places():
    class Tied(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.embedding = nn.Embedding(10, width)
            self.twice = self.again = nn.Linear(width, width)
            self.out = nn.Linear(width, 10, bias=False)
            self.out.weight = self.embedding.weight

        def forward(self, x):
            return self.out(self.again(self.twice(self.embedding(x))))

    model, mutator = supernet(Tied, (4, 8))
    assert model.layer.out.weight is model.layer.embedding.weight
    mutator.apply_on_model({"size": [True, False]})
    network = apply_fixed_architecture(lambda: Around(Tied, (4, 8)), {"size": 4})
    load_supernet_state_dict(network, model.state_dict())
    tokens = torch.arange(10)
    torch.testing.assert_close(model(tokens), network(tokens), rtol=0, atol=1e-6)


def test_a_model_that_is_a_sequence():
    @model_space
    class Sequence(nn.Sequential):
        def __init__(self):
            width = ValueChoice([2, 4], key="width")
            super().__init__(nn.Linear(3, width), nn.Linear(width, 1))

    model = Sequence()
    mutator = RandomMutator(model, seed=0)
    mutator.reset()
    assert model(torch.randn(2, 3)).shape == (2, 1)


class Refused(nn.Module):
    def __init__(self):
        super().__init__()
        heads, width = ValueChoice([1, 2], key="heads"), ValueChoice([2, 4], key="width")
        self.heads = heads
        self.recurrent = nn.LSTM(3, width)
        self.register_buffer("scale", torch.zeros(width))
        self.kernel = nn.Conv2d(1, 1, ValueChoice([2, 3], key="kernel"))
        self.act = nn.ReLU() if ValueChoice(["relu", "tanh"], key="act") == "relu" else nn.Tanh()
        groups, inner = ValueChoice([(1, 4), (4, 2)], key="pair")
        self.pair = nn.Sequential(nn.Linear(groups, 1), nn.Linear(1, inner))
        self.bias = nn.Linear(1, 1, bias=ValueChoice([True, False], key="bias"))


class Structure(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*[nn.ReLU() for _ in range(ValueChoice([1, 2], key="count"))])
        self.more = (
            nn.Linear(1, ValueChoice([2, 3], key="late")) if len(self.layers) == 2 else None
        )


def test_everything_that_is_no_part_is_refused_by_name():
    model = model_space(Refused)()
    before = model.recurrent
    with pytest.raises(SearchSpaceError, match="cannot share weights") as caught:
        RandomMutator(model)
    texts = [f"{problem.where}: {problem.message}" for problem in caught.value.problems]
    for expected in (
        "its attribute 'heads' depends on 'heads'; only torch's own layers",
        "its buffer 'scale' depends on 'width'",
        "recurrent: its weights depend on 'width', but there is no rule which part of the weights "
        "of a LSTM",
        "kernel: its 'weight' of shape (1, 1, 2, 2) is no part of that of shape (1, 1, 3, 3)",
        "act: is a ReLU or a Tanh, depending on 'act'",
        "pair.0: its 'weight' of shape (1, 4) is no part",
        "bias: has 'bias' for some candidates of 'bias' only",
    ):
        assert any(expected in text for text in texts), expected
    assert model.recurrent is before


class Masked(nn.Conv2d):
    """A kind of convolution with a buffer, the centre of which is something else."""

    def __init__(self, size):
        super().__init__(3, 4, size, padding=size // 2)
        mask = torch.ones(size, size)
        mask[size // 2 :] = 0
        self.register_buffer("mask", mask)


class Scaled(nn.Linear):
    def __init__(self, width):
        super().__init__(6, width)
        if width > 4:
            self.factor = 2


def local(width):
    class Local(nn.Linear):
        pass

    return Local(6, width)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (local, "its class is another one in each construction; define it outside"),
        (Masked, "its buffer 'mask' depends on 'size'"),
        (Scaled, "its attribute 'factor' depends on 'size'"),
        (lambda n: nn.ParameterList([torch.zeros(n)]), "its '0' depends on 'size'; parameters in"),
        (nn.LazyLinear, "of a LazyLinear a smaller one has where they are .* made by the first"),
        (
            lambda n: weight_norm(nn.Linear(6, n)),
            "of a Linear a smaller one has where they are co",
        ),
        (lambda n: spectral_norm(nn.Linear(6, n)), "of a Linear a smaller one has where they are"),
    ],
)
def test_what_no_part_is_known_of_is_refused(make, expected):
    with pytest.raises(SearchSpaceError, match=f"layer: .*{expected}"):
        make_supernet(Around(make, (3, 5)))


def test_computed_weights_beside_values():
    class Normed(Chain):
        def __init__(self, width):
            normed = weight_norm(nn.Linear(6, 6))
            super().__init__(normed, nn.Linear(6, width), nn.Linear(width, 3))

    model, mutator = supernet(Normed, (4, 8))
    mutator.apply_on_model({"size": [True, False]})
    network = apply_fixed_architecture(lambda: Around(Normed, (4, 8)), {"size": 4})
    load_supernet_state_dict(network, model.state_dict())
    x = torch.randn(VECTORS)
    torch.testing.assert_close(model(x), network(x))


def test_a_model_that_was_changed_since_is_refused():
    model = Two()
    model.head = nn.Linear(4, 7)
    message = r"was changed; call make_supernet\(model\) first.*: head: is not what the construct"
    with pytest.raises(SearchSpaceError, match=message):
        RandomMutator(model)
    assert model.head.out_features == 7
    model = make_supernet(Two())
    model.head = nn.Linear(6, 7)
    assert RandomMutator(model).model.head.out_features == 7


def test_a_class_is_no_supernet():
    with pytest.raises(SearchSpaceError, match=r"`model` must be an nn\.Module, but got <class"):
        make_supernet(Two)


def test_a_structure_that_depends_on_values_is_refused():
    with pytest.raises(SearchSpaceError, match="late: this choice is there for some values only"):
        RandomMutator(model_space(Structure)())

    @model_space
    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            count = ValueChoice([1, 2], key="count")
            self.layers = nn.Sequential(*[nn.ReLU() for _ in range(count)])

    message = r"count: which modules there are depends on it \('layers.1' is there for some cand"
    with pytest.raises(SearchSpaceError, match=message):
        RandomMutator(Counted())


def test_what_only_values_together_do_is_refused():
    @model_space
    class Together(nn.Module):
        def __init__(self):
            super().__init__()
            a, b = ValueChoice([1, 2, 3], key="a"), ValueChoice([1, 2, 3], key="b")
            self.layer = nn.Linear(2, 8 if 3 in (a, b) else 4)

    with pytest.raises(SearchSpaceError, match="layer: depends on several values together"):
        RandomMutator(Together())


def test_every_combination_must_be_constructed_and_fit():
    @model_space
    class Particular(nn.Module):
        def __init__(self):
            super().__init__()
            a, b = ValueChoice(range(1, 10), key="a"), ValueChoice(range(1, 10), key="b")
            if (a, b) == (3, 7):
                raise RuntimeError("not these")
            self.layer = nn.Linear(a, b)

    with pytest.raises(SearchSpaceError, match=r"constructed with {'a': 3, 'b': 7}: not these"):
        make_supernet(Particular())

    @model_space
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            a, b = ValueChoice([1, 4], key="a"), ValueChoice([1, 4], key="b")
            self.layer = nn.Linear(2, 9 if a == b == 1 else a + b)

    message = r"layer: its 'weight' of shape \(9, 2\) is no part of .* \(8, 2\).*with 'a, b' all"
    with pytest.raises(SearchSpaceError, match=message):
        make_supernet(Crossed())


def test_the_largest_candidate_is_found_by_its_weights():
    def make(groups):
        return nn.Conv2d(4, 4, (3, 1), padding=(1, 0), groups=groups)

    model, mutator = supernet(make, (1, 2, 4))
    assert model.layer.weight.shape == (4, 4, 3, 1)
    kernels, _ = supernet(lambda size: nn.Conv2d(3, 4, size), ([1, 3], [3, 3], [1, 1]))
    assert kernels.layer.weight.shape == (4, 3, 3, 3)
    x = torch.randn(2, 4, 5, 5)
    for index, groups in enumerate((1, 2, 4)):
        mutator.apply_on_model({"size": one_hot(index, 3).bool()})
        network = apply_fixed_architecture(lambda: Around(make, (1, 2, 4)), {"size": groups})
        load_supernet_state_dict(network, model.state_dict())
        torch.testing.assert_close(model(x), network(x))


@pytest.mark.extended
@pytest.mark.parametrize(
    ("make", "shape"),
    [(tabular_mlp, (4, 8)), (vision_transformer, (1, 3, 32, 32)), (mobilenet_v3, (1, 3, 64, 64))],
)
def test_published_spaces_hold_their_networks(make, shape):
    model = make()
    mutator = RandomMutator(model, seed=0)
    model.eval()
    x = torch.randn(shape)
    for seed in range(20):
        vector = mutator.search_space.sample(Random(seed))
        mutator.apply_on_model(selections_of(mutator.search_space, vector))
        network = apply_fixed_architecture(make, to_architecture(mutator.search_space, vector))
        load_supernet_state_dict(network, model.state_dict())
        with torch.no_grad():
            ours, expected = model(x), network.eval()(x)
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)


def test_values_get_architecture_parameters_like_layers():
    model = Two()
    mutator = SoftmaxMutator(model, seed=0)
    mutator.reset()
    model(torch.randn(4, 3)).sum().backward()
    names = {name: parameter.grad for name, parameter in mutator.named_parameters()}
    assert all(gradient is not None and gradient.any() for gradient in names.values())
    assert mutator.export()["width"] in (4, 6)
    apply_fixed_architecture(Two, mutator.export())
