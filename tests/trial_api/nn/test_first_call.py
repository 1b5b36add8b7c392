from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict

import pytest
import torch
from torch import nn

from trial_api.nn._first_call import FirstCall


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x, scale: float = 1.0):
        return self.two(self.one(x).relu()) * scale


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) + 1


class Any(nn.Module):
    def forward(self, *args):
        return args


def untouched(network):
    return all(
        type(network.__dict__[name]) is OrderedDict and not network.__dict__[name]
        for name in ("_forward_hooks", "_forward_hooks_with_kwargs")
    )


def shapes(inputs):
    return [tuple(one.shape) for one in inputs]


def test_it_is_gone_after_the_first_call():
    network = Net()
    first = FirstCall(network)
    assert first.inputs(samples=2) is None
    network(torch.randn(8, 4))
    assert untouched(network)
    (given,) = first.inputs(samples=2)
    assert (given.shape, given.dtype, given.abs().sum()) == ((2, 4), torch.float32, 0)
    network(torch.randn(1, 4))
    assert shapes(first.inputs(samples=2)) == [(2, 4)]


def test_by_name():
    network = Net()
    first = FirstCall(network)
    network(x=torch.randn(8, 4), scale=2.0)
    given = first.inputs(samples=2)
    assert (given["x"].shape, given["scale"]) == ((2, 4), 2.0)


def test_by_place_and_by_name():
    network = Net()
    first = FirstCall(network)
    network(torch.randn(8, 4), scale=torch.ones(8, 1))
    args, kwargs, _ = first.inputs(samples=2)
    assert (shapes(args), shapes(kwargs.values())) == ([(2, 4)], [(2, 1)])


def test_nested_inputs():
    network = Any()
    first = FirstCall(network)
    x = torch.randn(8, 3)
    network([x, {"tokens": x.long(), "table": torch.ones(5), "none": None}], (x, 3))
    (one, named), (two, number) = first.inputs(samples=2)
    assert shapes([one, named["tokens"], named["table"], two]) == [(2, 3), (2, 3), (5,), (2, 3)]
    assert named["tokens"].dtype == torch.int64
    assert (named["none"], number) == (None, 3)


@pytest.mark.parametrize("odd", [object(), {1, 2}, OrderedDict(a=1)])
def test_what_is_not_plain_is_not_noted(odd):
    network = Any()
    first = FirstCall(network)
    network(torch.ones(1), odd)
    assert first.inputs(samples=2) is None
    assert not network._forward_hooks


def test_hooks_that_come_later():
    network, calls = Net(), []
    first = FirstCall(network)
    later = network.register_forward_hook(lambda *_, **__: calls.append(1), with_kwargs=True)
    network(torch.randn(1, 4))
    assert first.inputs(samples=2) is not None
    network(torch.randn(1, 4))
    assert calls == [1, 1]
    later.remove()
    network(torch.randn(1, 4))
    assert calls == [1, 1]
    assert pickle.loads(pickle.dumps(network._forward_hooks)) == {}


def test_a_network_with_hooks_is_left_alone():
    network, calls = Net(), []
    before = network.register_forward_hook(lambda *_: calls.append(1))
    first = FirstCall(network)
    network(torch.randn(1, 4))
    assert first.inputs(samples=2) is None
    before.remove()
    network(torch.randn(1, 4))
    assert calls == [1]
    first.remove()
    assert untouched(network)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_and_pickles_do_not_have_it(copied):
    network = Net()
    first = FirstCall(network)
    other = copied(network)
    assert untouched(other)
    other(torch.randn(8, 4))
    assert first.inputs(samples=2) is None
    network(torch.randn(8, 4))
    assert first.inputs(samples=2) is not None


def test_a_pickle_names_nothing_of_ours():
    network = nn.Linear(4, 4)
    FirstCall(network)
    assert b"first_call" not in pickle.dumps(network)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    "compiled",
    [
        lambda network, **options: torch.compile(network, **options),
        lambda network, **options: torch.compile(Around(network), **options),
        lambda network, **options: network.compile(**options) or network,
    ],
    ids=["network", "around", "in place"],
)
def test_compiled_code_leaves_it_out(compiled, whole):
    torch._dynamo.reset()
    network = Net()
    first = FirstCall(network)
    model = compiled(network, backend="eager", fullgraph=whole)
    expected = Net()
    expected.load_state_dict(network.state_dict())
    x = torch.randn(8, 4)
    for _ in range(2):
        assert torch.equal(model(x) - expected(x), model(x) - expected(x))
    assert torch._dynamo.utils.counters["graph_break"] == {}
    first.remove()
    assert untouched(network)
    torch._dynamo.reset()


def test_scripted():
    network = Net()
    FirstCall(network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted = torch.jit.script(network)
    x = torch.randn(8, 4)
    assert torch.equal(scripted(x), network(x))


def test_exported():
    network = Net()
    FirstCall(network)
    x = torch.randn(8, 4)
    program = torch.export.export(network, (x,))
    assert torch.equal(program.module()(x), network(x))


def test_inside_another_module():
    network = Net()
    first = FirstCall(network)
    nn.Sequential(Around(network))(torch.randn(8, 4))
    assert shapes(first.inputs(samples=2)) == [(2, 4)]


def test_who_counts_operations_does_not_notice():
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for watched in (False, True):
        network = Net()
        if watched:
            FirstCall(network)
        with FlopCounterMode(display=False) as counter:
            network(torch.randn(8, 4))
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1]


def test_a_network_that_is_gone():
    network = Net()
    first = FirstCall(network)
    del network
    first.remove()
    assert first.inputs(samples=2) is None
