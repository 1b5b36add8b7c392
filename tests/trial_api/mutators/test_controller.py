"""The LSTM controller. Its formulas are tested in tests/reference/test_enas.py."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ArchitectureError, ConfigError
from search_spaces import enas_macro, enas_micro
from trial_api import InputChoice, LayerChoice, MutableScope, apply_fixed_architecture
from trial_api.mutators import ControllerMutator
from trial_api.mutators._controller_network import _embedded
from trial_api.mutators._controller_plan import Decision, Exit
from trial_api.testing._planted import MixedNet


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        inner = LayerChoice({"a": nn.Identity(), "b": nn.ReLU(), "c": nn.Tanh()}, key="inner")
        self.outer = LayerChoice([inner, nn.Identity()], key="outer")
        self.last = LayerChoice([nn.Identity(), nn.ReLU()], key="last")


class Inputs(nn.Module):
    """Two unnamed inputs, as a cell has them."""

    def __init__(self, n_chosen: int | None = 1) -> None:
        super().__init__()
        self.choice = InputChoice(choose_from=["", ""], n_chosen=n_chosen, key="choice")


def make(model: nn.Module | None = None, **options: Any) -> ControllerMutator:
    return ControllerMutator(model or MixedNet(), **{"seed": 0, **options})


def grown(controller: ControllerMutator, factor: float) -> ControllerMutator:
    """The same with larger parameters, so that decisions depend on each other."""
    with torch.no_grad():
        for parameter in controller.parameters():
            parameter.mul_(factor)
    return controller


def decisions(controller: ControllerMutator) -> dict[str, Decision]:
    steps = controller.network.plan.steps
    return {step.key: step for step in steps if isinstance(step, Decision)}


def one_hot(index: int, n: int) -> list[bool]:
    return [place == index for place in range(n)]


# ---- decisions ----------------------------------------------------------------------------------


def test_what_the_last_sample_tells() -> None:
    controller = make()
    controller.reset()
    decided = controller.sample_search()
    log_prob = controller.log_probability(decided)
    assert torch.equal(controller.sample_log_prob, log_prob)
    assert controller.sample_log_prob.shape == controller.sample_entropy.shape == ()
    assert controller.sample_log_prob < 0 < controller.sample_entropy
    assert controller.sample_skip_penalty >= 0
    assert controller.sample_log_prob.requires_grad


def test_every_kind_of_choice_is_decided_as_it_asks() -> None:
    controller = make()
    seen = set()
    for decision in controller.sample(200).decisions:
        counts = {key: len(one.indices) for key, one in decision.items()}
        assert counts["two"] == 2
        assert counts["range"] in (1, 2)
        assert counts["shared"] == counts["only"] == counts["cell.switch"] == 1
        seen.add(decision["some"].indices)
    assert len(seen) == 8, "any subset, the empty one too"


def test_the_export_is_the_likeliest_key_after_key() -> None:
    controller = grown(make(), 8)
    before = controller.get_extra_state()
    exported = controller.export()
    assert exported == controller.export()
    assert controller.get_extra_state() == before, "nothing was drawn"
    apply_fixed_architecture(MixedNet(), exported)
    likeliest = controller.log_probability(controller.sample_final())
    assert likeliest >= controller.sample(50).log_probabilities.mean()


def test_the_same_seed_decides_alike() -> None:
    one, other, third = make(seed=4), make(seed=4), make(seed=5)
    assert one.sample(20).decisions == other.sample(20).decisions
    assert one.sample(20).decisions != third.sample(20).decisions


def test_a_seed_for_some_samples_leaves_the_others_alone() -> None:
    one, other = make(), make()
    first = one.sample(5, seed=7).decisions
    assert first == one.sample(5, seed=7).decisions
    assert one.sample(5).decisions == other.sample(5).decisions


def test_state_dicts_continue_the_decisions() -> None:
    one, other = make(), make(seed=9)
    one.sample(3)
    other.load_state_dict(one.state_dict())
    assert one.sample(20).decisions == other.sample(20).decisions


@pytest.mark.parametrize("via", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_copies_decide_on_their_own(via: Any) -> None:
    controller = make()
    controller.reset()  # with a graph, which is not copied
    other = via(controller)
    assert other.status() == controller.status()
    assert not other.sample_log_prob.requires_grad
    assert other.sample(20).decisions == controller.sample(20).decisions


def test_the_decisions_are_taken_on_the_host() -> None:
    assert ControllerMutator.stays_on_host


def test_a_score_is_refused_for_what_is_no_architecture() -> None:
    controller = make()
    decided: dict[str, Any] = dict(controller.sample(1).decisions[0])
    decided["two"] = [True, False, False]
    decided["shared"] = [True, True, False]
    with pytest.raises(ArchitectureError) as caught:
        controller.log_probability(decided)
    assert {problem.where for problem in caught.value.problems} == {"two", "shared"}


# ---- keys that do not matter --------------------------------------------------------------------


def test_inactive_keys_do_not_count() -> None:
    controller = grown(make(Nested()), 10)
    by_inner = [
        controller.log_probability(
            {"outer": [False, True], "inner": one_hot(index, 3), "last": [True, False]}
        )
        for index in range(3)
    ]
    assert by_inner[0] == by_inner[1] == by_inner[2]
    for decision in controller.sample(50).decisions:
        assert len(decision["inner"].indices) == (decision["outer"].indices == (0,))


def test_a_mean_entropy_is_over_the_keys_that_matter() -> None:
    total, mean = make(Nested()), make(Nested(), entropy_reduction="mean")
    one, other = total.sample(30, seed=1), mean.sample(30, seed=1)
    for decision, summed, averaged in zip(
        one.decisions, one.entropies, other.entropies, strict=True
    ):
        active = 3 if decision["outer"].indices == (0,) else 2
        assert averaged.item() == pytest.approx(summed.item() / active, rel=1e-5)


# ---- what the network sees ----------------------------------------------------------------------


@pytest.mark.parametrize("n_chosen", [1, None])
def test_unnamed_inputs_are_told_apart(n_chosen: int | None) -> None:
    """With one anchor for both, no training could prefer either."""
    controller = make(Inputs(n_chosen), tanh_constant=None)
    optimizer = torch.optim.Adam(controller.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        torch.autograd.backward(-controller.log_probability({"choice": [False, True]}))
        optimizer.step()
    assert controller.log_probability({"choice": [False, True]}).exp() > 0.9


def test_the_first_input_is_learned() -> None:
    controller = make()
    torch.autograd.backward(controller.sample(1).log_probabilities.sum())
    gradient = controller.network.start.grad
    assert gradient is not None
    assert gradient.abs().max() > 0


def test_an_input_attends_to_what_its_name_tells() -> None:
    controller = make(_Sources())
    first, second = decisions(controller)["first"], decisions(controller)["second"]
    assert first.sources == ("op", "scope", 0, 1)
    assert second.sources == (0, "first", 2, 3), "an unknown name is one source wherever it is"


def test_repeated_names_do_not_tell_who_is_who() -> None:
    model = nn.ModuleList([InputChoice(choose_from=["x", "x", "y"], n_chosen=1, key="choice")])
    assert decisions(make(model))["choice"].sources == (0, 1, 2)


def test_sizes_may_differ_and_equal_names_share_an_output_layer() -> None:
    planned = decisions(make())
    assert planned["cell.own"].layer == planned["again.own"].layer
    assert planned["shared"].layer != planned["cell.own"].layer
    sizes = make().network.plan.layers
    assert [sizes[planned[key].layer or 0] for key in ("shared", "cell.own", "only")] == [3, 2, 1]


def test_no_input_and_the_first_input_are_different_next_inputs() -> None:
    decision = Decision("key", 2, 0, 2, None, (), (0, 1), True, {})
    values = torch.tensor([[[2.0], [6.0]]])
    cases = {(0.0, 0.0): 0.0, (1.0, 0.0): 1.0, (0.0, 1.0): 3.0, (1.0, 1.0): 8 / 3}
    for mask, expected in cases.items():
        assert _embedded(decision, torch.tensor([mask]), values).item() == pytest.approx(expected)
    exactly_two = Decision("key", 2, 2, 2, None, (), (0, 1), False, {})
    assert _embedded(exactly_two, torch.ones(1, 2), values).item() == pytest.approx(4.0)


# ---- the published spaces -----------------------------------------------------------------------


def test_connections_depend_on_the_operation_of_their_layer() -> None:
    """There is a step of the LSTM for the operation, and one for the connections."""
    controller = grown(make(enas_macro(channels=2, layers=2)), 5)
    scores = []
    for operation in range(2):
        masks = {
            "layer0_op": one_hot(0, 6),
            "layer1_op": one_hot(operation, 6),
            "layer1_skip": [True],
        }
        without = {**masks, "layer1_skip": [False]}
        log_odds = controller.log_probability(masks) - controller.log_probability(without)
        scores.append(log_odds.item())
    assert abs(scores[0] - scores[1]) > 1e-3


def test_a_cell_is_decided_inputs_first() -> None:
    controller = make(enas_micro(channels=2, cells=3, nodes=1))
    steps = [step.key for step in controller.network.plan.steps]
    node = ["node0_x_input", "node0_y_input", "node0_x_op", "node0_y_op", "node0"]
    kinds = ["normal", "reduce"] if steps[0].startswith("normal") else ["reduce", "normal"]
    assert steps == [name for kind in kinds for name in [*(f"{kind}_{one}" for one in node), kind]]


def test_normal_cells_prefer_convolutions_at_first() -> None:
    model = enas_micro(channels=2, cells=3, nodes=1)
    controller = grown(make(model, branch_bias=0.25), 0)  # nothing but the bias is left
    shares: dict[str, Tensor] = {}
    for key in ("normal_node0_x_op", "reduce_node0_x_op"):
        decided: dict[str, Any] = dict(controller.sample(1).decisions[0])
        scores = [controller.log_probability({**decided, key: one_hot(i, 5)}) for i in range(5)]
        shares[key] = torch.stack(scores).softmax(0)
    assert shares["reduce_node0_x_op"].tolist() == pytest.approx([0.2] * 5)
    total = 2 * math.exp(0.25) + 3 * math.exp(-0.25)
    expected = [math.exp(0.25) / total] * 2 + [math.exp(-0.25) / total] * 3
    assert shares["normal_node0_x_op"].tolist() == pytest.approx(expected)


@pytest.mark.parametrize("off", [0, None])
def test_the_preference_can_be_left_out(off: float | None) -> None:
    planned = decisions(make(enas_micro(channels=2, cells=3, nodes=1), branch_bias=off))
    assert all(decision.bias == () for decision in planned.values())


def test_the_skip_penalty_is_the_mean_over_input_choices() -> None:
    """Not the sum: its weight does not depend on the depth."""
    penalties = []
    for layers in (3, 6):
        controller = grown(make(enas_macro(channels=2, layers=layers)), 0)  # probabilities of 1/2
        skips = range(1, layers)  # of each layer
        one = 0.5 * math.log(0.5 / 0.4) + 0.5 * math.log(0.5 / 0.6)
        penalties.append(controller.sample(1).skip_penalties.item())
        assert penalties[-1] == pytest.approx(one * sum(skips) / len(skips), rel=1e-5)
    assert penalties[1] < 2.1 * penalties[0]


# ---- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        ({}, 1.5),
        ({"tanh_constant": 1.1}, 1.1),
        ({"op_tanh_reduce": 2.5}, 0.6),
        ({"tanh_constant": None}, math.inf),
        ({"tanh_constant": None, "temperature": 1e9}, 1e-3),
    ],
)
def test_logits_are_bounded(options: dict[str, Any], bound: float) -> None:
    controller = grown(make(Nested(), **options), 1_000)
    scores = [
        controller.log_probability(
            {"outer": [False, True], "inner": [False] * 3, "last": one_hot(i, 2)}
        )
        for i in range(2)
    ]
    difference = abs((scores[0] - scores[1]).item())
    assert difference <= 2 * bound + 1e-4
    assert bound < math.inf or difference > 3


def test_an_input_is_weighed_against_its_absence() -> None:
    """Its two logits are bounded, so its log-odds are within twice the bound."""
    controller = grown(make(Inputs(None)), 1_000)
    without = controller.log_probability({"choice": [False, False]})
    log_odds = controller.log_probability({"choice": [True, False]}) - without
    assert abs(log_odds.item()) == pytest.approx(2 * 1.5, abs=1e-3)


def test_the_end_of_a_scope_may_be_a_step() -> None:
    without, with_step = make(_Sources()), make(_Sources(), cell_exit_extra_step=True)
    assert [s.key for s in without.network.plan.steps if isinstance(s, Exit)] == ["scope"]
    decided = without.sample(1).decisions[0]
    assert without.log_probability(decided) != with_step.log_probability(decided)


def test_layers_of_the_lstm() -> None:
    controller = make(lstm_size=8, lstm_num_layers=3)
    assert len(controller.network.lstm) == 3
    torch.autograd.backward(controller.sample(2).log_probabilities.sum())
    for name, parameter in controller.network.lstm.named_parameters():
        assert parameter.grad is not None, name


def test_wrong_arguments_are_told_together_and_bind_nothing() -> None:
    model = MixedNet()
    with pytest.raises(ConfigError) as caught:
        ControllerMutator(
            model,
            lstm_size=0,
            tanh_constant=-1,
            temperature=0,
            skip_target=1,
            entropy_reduction="max",  # type: ignore[arg-type]
        )
    named = [problem.where for problem in caught.value.problems]
    wrong = ["lstm_size", "tanh_constant", "temperature", "skip_target", "entropy_reduction"]
    assert named == wrong
    ControllerMutator(model)


class _Sources(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.op = LayerChoice([nn.Identity(), nn.ReLU()], key="op")
        self.scope = _Scope("scope")
        names = ["op", "scope", "image", ""]
        self.first = InputChoice(choose_from=names, n_chosen=1, key="first")
        names = ["image", "first", "", "later"]
        self.second = InputChoice(choose_from=names, n_chosen=1, key="second")
        self.later = LayerChoice([nn.Identity(), nn.ReLU()], key="later")


class _Scope(MutableScope):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.op = LayerChoice([nn.Identity(), nn.Tanh()], key="inside")
