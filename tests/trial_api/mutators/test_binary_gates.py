"""Binary gates: what runs when, with which arguments and modes, and what learns."""

from __future__ import annotations

import copy
import pickle
import weakref
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from nas_tuners.contract.errors import ConfigError, MutatorError, SearchSpaceError
from tests.trial_api.networks import Nested, Net, images
from trial_api import InputChoice, LayerChoice
from trial_api.mutators import BinaryGateMutator


def learn(mutator: BinaryGateMutator, loss: Tensor) -> list[Tensor]:
    """The gradients of the parameters that got one."""
    parameters = list(mutator.parameters())
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [gradient for gradient in found if gradient is not None]


def until(mutator: BinaryGateMutator, key: str, active: int) -> None:
    """Draw until a candidate is the active one."""
    for _ in range(100):
        mutator.reset()
        if mutator.status()[key][active]:
            return
    raise AssertionError(f"{key}: {active} was never drawn")


class Several(nn.Module):
    """Positional and named arguments, and outputs in a structure."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, y: Tensor, *, scale: float = 1.0) -> Any:
        return {"sum": scale * (x + y), "parts": (self.factor * x, [self.factor * y]), "n": 3}


def test_any_arguments_and_outputs_in_structures() -> None:
    choice = LayerChoice([Several(1.0), Several(2.0), Several(3.0)], key="a")
    mutator = BinaryGateMutator(nn.Sequential(choice), seed=0)
    x, y = torch.ones(2), torch.full((2,), 2.0)
    until(mutator, "a", 1)
    output = choice(x, y, scale=0.5)
    assert output["n"] == 3
    assert torch.equal(output["sum"], torch.full((2,), 1.5))
    assert torch.equal(output["parts"][1][0], torch.full((2,), 4.0))
    (gradient,) = learn(mutator, output["parts"][0].sum() + output["parts"][1][0].sum())
    p = mutator.logits.one.tables["3"].detach().softmax(1)[0]
    gates = torch.tensor([6.0, 12.0, 18.0])  # factor * (2 * 1 + 2 * 2)
    assert torch.allclose(gradient[0], p * (gates - p @ gates))


def test_closed_candidates_learn_although_the_open_one_is_zero() -> None:
    class Zero(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(x)

    model = nn.Sequential(LayerChoice([nn.Linear(3, 3), Zero()], key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    until(mutator, "a", 1)
    output = model(torch.ones(2, 3))
    assert torch.equal(output, torch.zeros(2, 3))
    (gradient,) = learn(mutator, output.sum())
    assert gradient[0, 0] != 0
    assert gradient[0, 0].item() == pytest.approx(-gradient[0, 1].item())


def test_choices_inside_candidates() -> None:
    model = Nested()
    mutator = BinaryGateMutator(model, seed=0)
    x = torch.randn(4, 2)
    for active in range(3):
        until(mutator, "block", active)
        # Those inside learn from what really ran.
        got = sum(int((gradient != 0).any()) for gradient in learn(mutator, model(x).pow(2).sum()))
        assert got >= 1
    until(mutator, "block", 0)
    names = mutator.logits.one.keys[2]
    (inner, _) = (
        torch.autograd.grad(model(x).pow(2).sum(), table, allow_unused=True)[0]
        for table in (mutator.logits.one.tables["2"], mutator.logits.one.tables["3"])
    )
    assert len(names) == 2
    assert inner is None or not inner.any()


def test_masks_and_lists() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = LayerChoice(
                [nn.Linear(2, 2), nn.Identity()], reduction="none", return_mask=True, key="a"
            )

        def forward(self, x: Tensor) -> Any:
            return self.a(x)

    model = Model()
    mutator = BinaryGateMutator(model, seed=0)
    until(mutator, "a", 1)
    for _ in range(2):
        outputs, mask = model(torch.ones(1, 2))
        assert torch.equal(outputs[0], torch.ones(1, 2))
        assert len(outputs) == 1
        assert mask.tolist() == [False, True]
        with torch.no_grad():
            until(mutator, "a", 1)


class Inputs(nn.Module):
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: nn.Linear(2, 2) for name in "abc"})
        self.pick = InputChoice(choose_from=["a", "b", "c"], key="pick", **options)

    def forward(self, x: Tensor) -> Any:
        return self.pick({name: layer(x) for name, layer in self.layers.items()})


def test_gates_over_inputs_by_name() -> None:
    model = Inputs(n_chosen=1)
    mutator = BinaryGateMutator(model, seed=0)
    x = torch.randn(4, 2)
    until(mutator, "pick", 2)
    output = model(x)
    assert torch.equal(output, model.layers["c"](x))
    (gradient,) = learn(mutator, output.sum())
    p = mutator.logits.one.tables["3"].detach().softmax(1)[0]
    gates = torch.stack([layer(x).sum() for layer in model.layers.values()]).detach()
    assert torch.allclose(gradient[0], p * (gates - p @ gates), atol=1e-6)


@pytest.mark.parametrize(
    ("n_chosen", "counts"), [(2, {2}), ((0, 1), {0, 1}), (None, {0, 1, 2, 3}), (0, {0}), (3, {3})]
)
@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_numbers_of_inputs(n_chosen: Any, counts: set[int], reduction: str) -> None:
    model = Inputs(n_chosen=n_chosen, reduction=reduction)
    mutator = BinaryGateMutator(model, scale=0.1, seed=0)
    x = torch.randn(4, 2)
    seen = set()
    for _ in range(60):
        with torch.no_grad():
            mutator.reset()
        plain_count = sum(mutator.status()["pick"])
        mutator.reset()
        gated_count = int(sum(mutator.status()["pick"]))
        assert {plain_count, gated_count} <= counts
        seen |= {gated_count}
        output = model(x)
        if reduction == "sum":
            (gradient,) = learn(mutator, output.sum())
            assert gradient.ne(0).all()
        elif isinstance(output, Tensor):
            assert torch.isfinite(output).all()
    assert seen == counts


def test_inputs_that_are_layer_choices_all_run() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = LayerChoice([nn.Linear(2, 2), nn.Identity()], key="a")
            self.b = LayerChoice([nn.Linear(2, 2), nn.Identity()], key="b")
            self.pick = InputChoice(choose_from=["a", "b"], n_chosen=1, key="pick")

        def forward(self, x: Tensor) -> Any:
            return self.pick([self.a(x), self.b(x)])

    model = Model()
    mutator = BinaryGateMutator(model, seed=0)
    mutator.reset()
    (gradient,) = learn(mutator, model(torch.randn(3, 2)).sum())
    assert gradient.ne(0).all()
    assert mutator.status()["pick"] == [True, True]
    assert sum(mutator._final()["pick"].mask().tolist()) == 1


class Mode(nn.Module):
    """Notes under which modes it runs."""

    def __init__(self, log: list[Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.log = log

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.linear(x)
        self.log.append((output.dtype, torch.is_grad_enabled(), self.training))
        return output


@pytest.mark.parametrize("amp", [True, False])
def test_closed_candidates_run_in_the_precision_of_the_forward_pass(amp: bool) -> None:
    log: list[Any] = []
    model = nn.Sequential(LayerChoice([Mode(log) for _ in range(3)], key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    mutator.reset()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        loss = model(torch.ones(1, 2)).float().sum()
    learn(mutator, loss)
    kind = torch.bfloat16 if amp else torch.float32
    assert log == [(kind, True, True), (kind, False, True), (kind, False, True)]


def test_one_output_of_a_closed_candidate_at_a_time_is_in_memory() -> None:
    made: list[weakref.ref[Tensor]] = []

    class Watched(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            assert all(output() is None for output in made)
            output = super().forward(x)
            if not torch.is_grad_enabled():
                made.append(weakref.ref(output))
            return output

    model = nn.Sequential(*(LayerChoice([Watched(2, 2) for _ in range(4)]) for _ in range(2)))
    mutator = BinaryGateMutator(model, seed=0)
    mutator.reset()
    learn(mutator, model(torch.ones(1, 2)).sum())
    assert len(made) == 2 * 3


def test_weights_get_no_gradient_of_closed_candidates_but_their_own_as_usual() -> None:
    model = nn.Sequential(LayerChoice([nn.Linear(2, 2), nn.Linear(2, 2)], key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    until(mutator, "a", 0)
    x = torch.randn(3, 2, requires_grad=True)
    model(x).pow(2).sum().backward()
    open_, closed = model[0]
    assert closed.weight.grad is None
    by_hand = copy.deepcopy(open_)
    by_hand.zero_grad()
    y = x.detach().clone().requires_grad_()
    by_hand(y).pow(2).sum().backward()
    assert torch.equal(open_.weight.grad, by_hand.weight.grad)
    assert torch.equal(x.grad, y.grad)  # type: ignore[arg-type]


def test_an_output_that_is_added_to_in_place() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = LayerChoice([nn.Linear(2, 2), nn.Linear(2, 2)], key="a")
            self.in_place = True

        def forward(self, x: Tensor) -> Tensor:
            output: Tensor = self.a(x)
            if self.in_place:
                output += x
                return output
            return output + x

    model, x = Model(), torch.randn(3, 2)
    other = copy.deepcopy(model)
    other.in_place = False
    gradients = []
    for one in (model, other):
        mutator = BinaryGateMutator(one, seed=0)
        mutator.reset()
        gradients += learn(mutator, one(x).pow(2).sum())
    assert torch.equal(*gradients)


def test_an_input_that_is_changed_in_place_is_refused() -> None:
    candidates = {"relu": nn.ReLU(inplace=True), "plain": nn.Identity()}
    model = nn.Sequential(nn.Linear(2, 2), LayerChoice(candidates, key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    until(mutator, "a", 0)
    with pytest.raises(MutatorError, match=r"\['relu', 'plain'\] was changed in place"):
        learn(mutator, model(torch.randn(3, 2)).sum())


def test_candidates_that_disagree_are_named() -> None:
    candidates = {"wide": nn.Linear(2, 3), "narrow": nn.Linear(2, 1)}
    model = nn.Sequential(LayerChoice(candidates, key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    until(mutator, "a", 0)
    message = (
        r"a: candidate 'narrow' returned shapes \[\(4, 1\)\], but 'wide' returned \[\(4, 3\)\]"
    )
    with pytest.raises(SearchSpaceError, match=message):
        learn(mutator, model(torch.randn(4, 2)).sum())


def test_an_output_without_numbers_is_refused() -> None:
    class Nothing(nn.Module):
        def forward(self, x: Tensor) -> None:
            return None

    model = nn.Sequential(LayerChoice({"nothing": Nothing()}, key="a"))
    mutator = BinaryGateMutator(model, seed=0)
    mutator.reset()
    with pytest.raises(SearchSpaceError, match="'nothing' returned no tensor to learn from"):
        model(torch.ones(1))


class Transfers(TorchDispatchMode):
    """Counts copies from the CPU to another device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._to_copy.default and result.device != args[0].device:
            self.count += 1
        return result


@pytest.mark.parametrize("mode", ["full", "two_path"])
def test_a_step_takes_one_transfer_and_one_back(mode: Any) -> None:
    model = Net()
    mutator = BinaryGateMutator(model, mode=mode, seed=0)
    model.to("meta")
    with Transfers() as transfers:
        mutator.reset()
        assert transfers.count == 1
        rows = mutator.probabilities()
        loss = sum(row.sum() for row in rows.values())
    assert {row.device.type for row in rows.values()} == {"meta"}
    assert all(parameter.device.type == "cpu" for parameter in mutator.parameters())
    assert isinstance(loss, Tensor)
    assert loss.requires_grad
    with Transfers() as transfers, torch.no_grad():
        mutator.reset()
    assert transfers.count == 0


@pytest.mark.parametrize("mode", ["full", "two_path"])
def test_copies_and_pickles(mode: Any) -> None:
    model = Net()
    mutator = BinaryGateMutator(model, mode=mode, seed=0)
    mutator.reset()
    model(images())
    for again in (copy.deepcopy(mutator), pickle.loads(pickle.dumps(mutator))):
        assert again.status() == mutator.status()
        again.reset()
        learn(again, again.model(images()).sum())


def test_a_state_goes_on_with_the_same_draws() -> None:
    one, other = (BinaryGateMutator(Net(), seed=seed) for seed in (0, 1))
    for _ in range(3):
        one.reset()
    other.load_state_dict(one.state_dict())
    for _ in range(5):
        one.reset()
        other.reset()
        assert one.status() == other.status()


def test_one_candidate_is_no_choice() -> None:
    for mode in ("full", "two_path"):
        model = nn.Sequential(LayerChoice([nn.Linear(2, 2)], key="a"))
        mutator = BinaryGateMutator(model, mode=mode, seed=0)  # type: ignore[arg-type]
        mutator.reset()
        (gradient,) = learn(mutator, model(torch.ones(1, 2)).sum())
        mutator.keep_unsampled()
        assert gradient.tolist() == [[0.0]]


def test_probabilities_that_vanish_can_still_be_drawn_in_pairs() -> None:
    model = nn.Sequential(LayerChoice([nn.Identity(), nn.Identity(), nn.Tanh()], key="a"))
    mutator = BinaryGateMutator(model, mode="two_path", seed=0)
    with torch.no_grad():
        mutator.logits.one.tables["3"].copy_(torch.tensor([[0.0, 500.0, -500.0]]))
    mutator.reset()
    learn(mutator, model(torch.ones(1, 2)).sum())
    mutator.keep_unsampled()
    assert torch.isfinite(mutator.logits.one.tables["3"]).all()


def test_an_unknown_mode() -> None:
    model = Net()
    with pytest.raises(ConfigError, match="did you mean 'two_path'"):
        BinaryGateMutator(model, mode="twopath")  # type: ignore[arg-type]
    BinaryGateMutator(model)  # the model is free


def test_the_probability_of_half_open_gates() -> None:
    model = Inputs(n_chosen=None)
    mutator = BinaryGateMutator(model, seed=0)
    mutator.reset()
    with pytest.raises(MutatorError, match=r"draw under torch.no_grad\(\)"):
        mutator.log_probability()
