"""Profiles and latencies: forms of input, what stays as it was, and errors."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ArchitectureError, ConfigError, ProfilingError
from trial_api import (
    InputChoice,
    Latency,
    LayerChoice,
    apply_fixed_architecture,
    measure_latency,
    profile,
    profile_architecture,
)
from trial_api.profiling._timing import host_times, run_times

N = 2
CONV, LINEAR = N * 4 * 64 * 3 * 9, N * 4 * 5  # multiply-adds of Net


class Net(nn.Module):
    """Batch norm, dropout, a frozen layer, a buffer that counts runs, and random numbers."""

    runs: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout()
        self.head = nn.Linear(4, 5).requires_grad_(False)
        self.register_buffer("runs", torch.zeros((), dtype=torch.int64))
        self.register_buffer("shift", torch.zeros(5))

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        self.runs += 1
        self.shift = self.shift + torch.randn(5, device=x.device)  # not in place
        random.random()
        np.random.random()
        x = self.drop(self.norm(self.conv(x)).relu_()).mean((2, 3))
        return scale * self.head(x) + self.shift


class Numbers(nn.Module):
    """Cannot do without numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x[x.sum(1) > -math.inf])
        return y


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.stem(x)
        return y


@pytest.fixture
def batch() -> Tensor:
    return torch.randn(N, 3, 8, 8)


MEASURES: dict[str, Callable[..., Any]] = {
    "profile": profile,
    "profile on meta": lambda *args, **kwargs: profile(*args, device="meta", **kwargs),
    "latency": lambda *args, **kwargs: measure_latency(*args, warmup=1, repeats=2, **kwargs),
}
every_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)


# ---- counts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [None, "cpu", "meta"])
def test_a_profile(batch: Tensor, device: str | None) -> None:
    found = profile(Net(), batch, device=device)
    assert found.parameters == 4 * 3 * 9 + 2 * 4 + 4 * 5 + 5
    assert found.trainable_parameters == 4 * 3 * 9 + 2 * 4
    assert found.multiply_adds == CONV + LINEAR
    assert found.flops == 2 * (CONV + LINEAR)
    buffers = 4 * (4 + 4 + 5) + 8 * (1 + 1)  # statistics and shift; two counters
    assert found.bytes == 4 * found.parameters + buffers
    assert found.device == (device or "cpu")


@pytest.mark.parametrize(
    "inputs",
    [
        lambda x: {"inputs": x},
        lambda x: {"inputs": (x,)},
        lambda x: {"inputs": (x, 2.0)},
        lambda x: {"inputs": {"x": x, "scale": 0.5}},
        lambda x: {"input_size": tuple(x.shape)},
        lambda x: {"input_size": x.shape},
        lambda x: {"input_size": [tuple(x.shape)]},
    ],
)
@every_measure
def test_inputs_have_any_form(measure: Any, inputs: Any, batch: Tensor) -> None:
    result = measure(Net(), **inputs(batch))
    if not isinstance(result, Latency):
        assert result.multiply_adds == CONV + LINEAR


def test_made_up_inputs_have_the_type_of_the_parameters() -> None:
    assert profile(nn.Linear(3, 4).double(), input_size=(2, 3)).multiply_adds == 24
    assert profile(nn.Linear(3, 4).bfloat16(), input_size=(2, 3)).bytes == 32


def test_a_wrapped_model_costs_the_same(batch: Tensor) -> None:
    assert profile(nn.DataParallel(Net()), batch) == profile(Net(), batch)


def test_a_model_without_memory_stays_without() -> None:
    with torch.device("meta"):
        model = nn.Linear(10**6, 10**6)
    found = profile(model, input_size=(1, 10**6))
    assert (found.multiply_adds, found.device) == (10**12, "meta")


def test_what_needs_numbers_is_counted_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "trial_api"):
        found = profile(Numbers(), input_size=(5, 3), device="meta")
    assert (found.multiply_adds, found.device) == (60, "cpu")
    assert "counting on cpu, as shapes alone are not enough: the model (Numbers)" in caplog.text


def test_tensors_that_are_no_buffers_are_counted_where_they_are() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)
            self.mask = torch.ones(4)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layer(x) * self.mask
            return y

    found = profile(Hidden(), input_size=(2, 3), device="meta")
    assert (found.multiply_adds, found.device) == (24, "cpu")


# ---- what stays as it was -----------------------------------------------------------------------


@every_measure
def test_model_inputs_and_random_states_stay(measure: Any, batch: Tensor) -> None:
    model = Net()
    model.norm.eval()
    model.conv.weight.grad = torch.ones_like(model.conv.weight)
    modes = [module.training for module in model.modules()]
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors = {name: id(tensor) for name, tensor in model.named_buffers()}
    same, kept = batch, batch.clone()
    states = (torch.get_rng_state(), random.getstate(), str(np.random.get_state()))
    measure(model, same)
    assert [module.training for module in model.modules()] == modes
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, state[name], rtol=0, atol=0)
    assert {name: id(tensor) for name, tensor in model.named_buffers()} == tensors
    assert torch.equal(same, kept)
    assert torch.equal(model.conv.weight.grad, torch.ones_like(model.conv.weight))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), str(np.random.get_state())) == states[1:]
    model(batch).sum().backward()  # nothing is left of inference mode


@every_measure
def test_a_network_may_change_its_input_in_place(measure: Any) -> None:
    x = -torch.ones(2, 3)
    measure(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 4)), x)
    assert torch.equal(x, -torch.ones(2, 3))


@every_measure
def test_the_model_is_as_before_after_a_failure(measure: Any) -> None:
    model = Broken()
    with pytest.raises(ProfilingError):
        measure(model, torch.ones(2, 3))
    assert all(module.training for module in model.modules())


def test_the_fast_path_of_attention_is_switched_on_again(batch: Tensor) -> None:
    assert torch.backends.mha.get_fastpath_enabled()
    profile(Net(), batch)
    assert torch.backends.mha.get_fastpath_enabled()


# ---- errors -------------------------------------------------------------------------------------


@every_measure
def test_a_failure_names_the_module(measure: Any) -> None:
    message = r"the module 'stem.1' \(Linear\) failed: RuntimeError: .*shape"
    with pytest.raises(ProfilingError, match=message):
        measure(Broken(), torch.ones(2, 3))
    with pytest.raises(ProfilingError, match=r"the model \(Net\) failed: TypeError: .*scales"):
        measure(Net(), {"x": torch.ones(2, 3, 8, 8), "scales": 1})


@every_measure
def test_a_model_without_shapes(measure: Any) -> None:
    with pytest.raises(ProfilingError, match=r"0.weight has no shape yet: run the model once"):
        measure(nn.Sequential(nn.LazyLinear(3)), torch.ones(2, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either `inputs` or `input_size`"),
        ({"inputs": torch.ones(1), "input_size": (1,)}, "give either `inputs` or `input_size`"),
        ({"inputs": (1, 3, 8, 8)}, r"a shape is given as `input_size=\(1, 3, 8, 8\)`"),
        ({"input_size": 3}, r"must be a shape such as \(1, 3, 32, 32\), .* got 3"),
        ({"input_size": (1, 3.5)}, "must be a shape such as"),
        ({"input_size": ()}, "must be a shape such as"),
    ],
)
@every_measure
def test_wrong_inputs(measure: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        measure(Net(), **arguments)


# ---- architectures ------------------------------------------------------------------------------


class Searched(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.layer = LayerChoice({"full": nn.Linear(3, width), "low": _low_rank(width)})
        self.skip = InputChoice(2, n_chosen=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        z: Tensor = self.skip([y, y + 1])
        return z


def _low_rank(width: int) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 1), nn.Linear(1, width))


class Computed(Searched):
    """Numbers decide how it is built: on the meta device there are none."""

    def __init__(self) -> None:
        super().__init__(int(torch.tensor([4, 5]).max()))


class Both(Searched):
    """Built without numbers, not run without."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * x.sum().item()


PARAMETERS: dict[str, Any] = {
    "layer": {"_value": "low", "_idx": 1},
    "skip": {"_value": ["1"], "_idx": [1]},
    "lr": 0.1,
}


@pytest.mark.parametrize(
    ("build", "device", "width"), [(Searched, "meta", 4), (Computed, "meta", 5), (Both, "cpu", 4)]
)
def test_an_architecture_before_it_is_built(
    build: Callable[[], nn.Module], device: str, width: int
) -> None:
    parameters = PARAMETERS | {"skip": {"_idx": [1]}}
    before = torch.get_rng_state()
    found = profile_architecture(build, parameters, input_size=(1, 3))
    assert torch.equal(torch.get_rng_state(), before)
    assert (found.multiply_adds, found.device) == (3 + width, device)
    model = apply_fixed_architecture(build(), {"layer": "low", "skip": [1]})
    assert found == profile(model, input_size=(1, 3), device=device)


def test_a_factory_may_use_other_parameters() -> None:
    parameters = {"layer": "full", "skip": [0], "width": 7}
    found = profile_architecture(lambda: Searched(7), parameters, input_size=(1, 3))
    assert found.multiply_adds == 21


def test_an_architecture_that_does_not_fit() -> None:
    with pytest.raises(ArchitectureError, match="skip"):
        profile_architecture(Searched, {"layer": "low", "skipp": [0]}, input_size=(1, 3))
    with pytest.raises(ArchitectureError, match="lower"):
        profile_architecture(Searched, {"layer": "lower", "skip": [0]}, input_size=(1, 3))


def test_an_architecture_that_does_not_run() -> None:
    parameters = {"layer": "full", "skip": [0]}
    with pytest.raises(ProfilingError, match=r"the module 'layer' \(Linear\) failed"):
        profile_architecture(Searched, parameters, input_size=(1, 4))


# ---- latency ------------------------------------------------------------------------------------


def test_percentiles_are_those_of_numpy() -> None:
    times = (3.0, 1.0, 4.0, 1.5, 9.0, 2.0, 6.0)
    latency = Latency(times, "cpu")
    for q in (0, 10, 25, 50, 90, 95, 99, 100):
        assert latency.percentile(q) == pytest.approx(np.percentile(times, q), rel=1e-12)
    assert (latency.p90, latency.p95, latency.p99) == tuple(
        latency.percentile(q) for q in (90, 95, 99)
    )


def test_percentiles_by_hand() -> None:
    latency = Latency((4.0, 1.0, 2.0, 3.0), "cpu")
    assert (latency.n, latency.mean, latency.median) == (4, 2.5, 2.5)
    assert (latency.percentile(0), latency.percentile(100)) == (1, 4)
    assert latency.p90 == pytest.approx(3.7)  # place 0.9 * 3 from the first
    assert Latency((7.0,), "cpu").p99 == 7
    assert str(latency) == "2.5 ms (median of 4 on cpu; p95 3.85 ms)"
    with pytest.raises(ValueError, match="`0 <= q <= 100` must hold"):
        latency.percentile(101)


def test_times_are_milliseconds_of_the_clock() -> None:
    """A clock that each run sets forward."""
    runs = iter([0.25, 0.5, 0.75])
    elapsed = [0.0]

    def run() -> None:
        elapsed[0] += next(runs)

    assert host_times(run, 3, clock=lambda: elapsed[0]) == [250, 500, 750]


def test_runs_to_warm_up_do_not_count() -> None:
    runs: list[int] = []
    cpu = torch.device("cpu")
    times = run_times(lambda: runs.append(0), device=cpu, warmup=3, repeats=5)
    assert (len(runs), len(times)) == (8, 5)


class Observer(nn.Module):
    """Sleeps, and notes how it was run."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.seen: set[Any] = set()

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.002)
        y: Tensor = self.layer(x)
        facts = (self.training, torch.is_inference_mode_enabled(), torch.get_num_threads())
        self.seen.add((*facts, y.dtype))
        return y


def test_a_latency() -> None:
    model = Observer()
    threads = torch.get_num_threads()
    latency = measure_latency(
        model,
        torch.ones(2, 3),
        warmup=1,
        repeats=4,
        threads=threads + 1,
        autocast=torch.bfloat16,
    )
    assert latency.n == 4
    assert latency.device == "cpu"
    assert 2 <= latency.percentile(0) <= latency.median <= latency.p95 < math.inf
    assert model.seen == {(False, True, threads + 1, torch.bfloat16)}
    assert torch.get_num_threads() == threads
    assert not torch.is_autocast_enabled("cpu")


def test_a_latency_without_options() -> None:
    model = Observer()
    assert measure_latency(model, input_size=(2, 3), repeats=2).n == 2
    assert model.seen == {(False, True, torch.get_num_threads(), torch.float32)}


def test_shapes_alone_have_no_latency() -> None:
    with pytest.raises(ConfigError, match="measured on cpu and cuda, but got a tensor on meta"):
        measure_latency(Net(), input_size=(1, 3, 8, 8), device="meta")


def test_every_wrong_option_is_named() -> None:
    with pytest.raises(ConfigError) as raised:
        measure_latency(Net(), input_size=(1, 3, 8, 8), warmup=-1, repeats=0, threads=0)
    assert [problem.where for problem in raised.value.problems] == ["warmup", "repeats", "threads"]
