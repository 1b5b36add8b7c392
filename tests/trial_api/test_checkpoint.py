from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from nas_tuners.contract.errors import CheckpointError
from tests.trial_api.networks import ARCHITECTURE, Nested, Net
from trial_api import (
    LayerChoice,
    ValueChoice,
    apply_fixed_architecture,
    load_supernet_state_dict,
    make_supernet,
    model_space,
)


def fresh(make, architecture):
    """A plain network whose weights are not those of any other model here."""
    torch.manual_seed(99)
    return apply_fixed_architecture(make(), architecture)


def same_weights(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


def test_before_application():
    supernet = Net()
    torch.manual_seed(1)
    model = Net()
    assert not same_weights(model, supernet)
    load_supernet_state_dict(model, supernet.state_dict())
    assert same_weights(model, supernet)


@pytest.mark.parametrize(
    ("make", "architecture"),
    [
        (Net, ARCHITECTURE),
        (Net, ARCHITECTURE | {"conv": "conv3x3", "act": 0}),
        (Nested, {"block": "deep", "block.deep.1": "tanh"}),
        (Nested, {"block": "direct", "block.direct": 1}),
        (Nested, {"block": "plain"}),
    ],
)
def test_after_application_equals_loading_before(make, architecture):
    supernet = make()
    expected = apply_fixed_architecture(copy.deepcopy(supernet), architecture)
    model = fresh(make, architecture)
    assert not model.state_dict() or not same_weights(model, expected)
    load_supernet_state_dict(model, supernet.state_dict())
    assert same_weights(model, expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_the_correspondence_survives_copying(copied):
    supernet = Net()
    model = copied(fresh(Net, ARCHITECTURE))
    load_supernet_state_dict(model, supernet.state_dict())
    assert torch.equal(model.conv.weight, supernet.conv["conv5x5"].weight)


def test_kept_names_and_modules_registered_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = self.two = nn.Sequential(LayerChoice([nn.Linear(1, 1), nn.Linear(1, 2)]))
            self.masked = LayerChoice({"a": nn.Linear(1, 3), "b": nn.ReLU()}, return_mask=True)

    architecture = {"one.0": 1, "masked": "a"}
    supernet = Twice()
    expected = apply_fixed_architecture(copy.deepcopy(supernet), architecture)
    assert set(expected.state_dict()) >= {"two.0.weight", "masked.a.weight"}
    model = fresh(Twice, architecture)
    load_supernet_state_dict(model, supernet.state_dict())
    assert same_weights(model, expected)


def test_a_model_that_is_a_choice():
    supernet = LayerChoice({"a": nn.Linear(1, 1), "b": nn.Linear(1, 2)})
    weights = supernet.state_dict()
    model = fresh(lambda: copy.deepcopy(supernet), {"model": "b"})
    nn.init.zeros_(model.weight)
    load_supernet_state_dict(model, weights)
    assert torch.equal(model.weight, weights["b.weight"])


def test_a_model_that_was_wrapped_before_application():
    supernet = Net()
    model = fresh(lambda: nn.DataParallel(Net()), ARCHITECTURE)
    for saved in (supernet.state_dict(), nn.DataParallel(supernet).state_dict()):
        nn.init.zeros_(model.module.conv.weight)
        load_supernet_state_dict(model, saved)
        assert torch.equal(model.module.conv.weight, supernet.conv["conv5x5"].weight)


def test_a_checkpoint_of_the_plain_network():
    trained, model = fresh(Net, ARCHITECTURE), fresh(Net, ARCHITECTURE)
    nn.init.zeros_(trained.conv.weight)
    load_supernet_state_dict(model, trained.state_dict())
    assert same_weights(model, trained)


def test_prefixes_of_wrappers_do_not_matter():
    supernet = Net()
    expected = apply_fixed_architecture(copy.deepcopy(supernet), ARCHITECTURE)
    saved = torch.compile(nn.DataParallel(copy.deepcopy(supernet)), backend="eager").state_dict()
    assert all(name.startswith("_orig_mod.module.") for name in saved)
    for wrap in (lambda m: m, nn.DataParallel, lambda m: torch.compile(m, backend="eager")):
        model = wrap(fresh(Net, ARCHITECTURE))
        load_supernet_state_dict(model, saved)
        inner = next(model.children()) if isinstance(model, nn.DataParallel) else model
        assert torch.equal(inner.conv.weight, expected.conv.weight)


def test_wrappers_inside_the_model():
    def make():
        inner = LayerChoice([nn.Linear(1, 1), nn.Linear(1, 2)])
        return nn.Sequential(LayerChoice([nn.DataParallel(inner), nn.ReLU()]))

    supernet = make()
    saved = supernet.state_dict()
    load_supernet_state_dict(make(), saved)
    model = fresh(make, {"0": 0, "0.0": 1})
    load_supernet_state_dict(model, saved)
    assert torch.equal(model[0].module.weight, saved["0.0.module.1.weight"])


def test_compiled_parts_of_the_model():
    def make():
        choice = LayerChoice([nn.Linear(1, 1), nn.Linear(1, 2)])
        return nn.Sequential(torch.compile(choice, backend="eager"))

    supernet = make()
    saved = {name.replace("_orig_mod.", ""): w for name, w in supernet.state_dict().items()}
    for weights in (saved, supernet.state_dict()):
        model = fresh(make, {"0": 1})
        load_supernet_state_dict(model, weights)
        assert torch.equal(model[0].weight, saved["0.1.weight"])


def test_a_part_that_is_called_module_is_no_wrapper():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = LayerChoice([nn.Linear(1, 1), nn.Linear(1, 2)])

    supernet = Named()
    model = fresh(Named, {"module": 1})
    load_supernet_state_dict(model, supernet.state_dict())
    assert torch.equal(model.module.weight, supernet.module[1].weight)


def test_a_part_whose_name_ends_like_a_wrapper_s():
    def make():
        return nn.ModuleDict({"my_orig_mod": LayerChoice([nn.Linear(1, 1), nn.Linear(1, 2)])})

    supernet = make()
    model = fresh(make, {"my_orig_mod": 1})
    load_supernet_state_dict(model, supernet.state_dict())
    assert torch.equal(model["my_orig_mod"].weight, supernet["my_orig_mod"][1].weight)


def test_what_does_not_fit_is_listed_and_nothing_is_loaded():
    saved = Net().state_dict()
    saved["haed.weight"] = saved.pop("head.weight")
    saved["head.bias"] = torch.ones(7)
    model = fresh(Net, ARCHITECTURE)
    before = copy.deepcopy(model)
    with pytest.raises(CheckpointError) as caught:
        load_supernet_state_dict(model, saved)
    assert str(caught.value).splitlines() == [
        "the checkpoint does not fit; nothing was loaded:",
        "  - shape of head.bias: (3,) here, (7,) in the checkpoint",
        "  - missing: head.weight",
        "  - unexpected: haed.weight; did you mean 'head.weight'?",
    ]
    assert isinstance(caught.value, RuntimeError)
    assert same_weights(model, before)


class Sized(nn.Module):
    """A head for some classes, after a layer of a width that is a choice."""

    def __init__(self, classes: int, widths: tuple[int, ...] = (2, 4)) -> None:
        super().__init__()
        width = ValueChoice(widths, key="width")
        self.first = nn.Linear(3, width)
        self.head = nn.Linear(width, classes)


def test_a_supernet_takes_no_part_of_a_larger_checkpoint():
    sized = model_space(Sized)
    saved = make_supernet(sized(1000)).state_dict()
    expected = r"\n  - ".join(
        [
            "nothing was loaded:",
            r"shape of head.weight: \(10, 4\) here, \(1000, 4\) in the checkpoint",
            r"shape of head.bias: \(10,\) here, \(1000,\) in the checkpoint",
        ]
    )
    for model in (sized(10), make_supernet(sized(10))):
        with pytest.raises(CheckpointError, match=expected):
            load_supernet_state_dict(model, saved)
    network = apply_fixed_architecture(sized(1000), {"width": 2})
    load_supernet_state_dict(network, saved)
    assert torch.equal(network.head.weight, saved["head.weight"][:, :2])


NAMES = ["half", "double", "float", "type"]


class Named(nn.Module):
    """Candidates that are called as methods of modules are, one of them of a chosen width."""

    def __init__(self) -> None:
        super().__init__()
        width = ValueChoice([2, 4], key="width")
        layers = {name: nn.Linear(3, width) for name in NAMES}
        self.layer = LayerChoice(layers, return_mask=True, key="layer")


@pytest.mark.parametrize("name", NAMES)
def test_candidates_that_are_called_as_methods_are(name):
    named = model_space(Named)
    saved = make_supernet(named()).state_dict()
    load_supernet_state_dict(named(), saved)
    network = apply_fixed_architecture(named(), {"width": 2, "layer": name})
    load_supernet_state_dict(network, saved)
    weight = network.state_dict()[f"layer.{name}.weight"]
    assert torch.equal(weight, saved[f"layer.{name}.weight"][:2])


def test_not_strict():
    supernet = Net()
    saved = {name: w for name, w in supernet.state_dict().items() if not name.startswith("head")}
    model = fresh(Net, ARCHITECTURE)
    head = model.head.weight.clone()
    load_supernet_state_dict(model, saved | {"more": torch.ones(1)}, strict=False)
    assert torch.equal(model.conv.weight, supernet.conv["conv5x5"].weight)
    assert torch.equal(model.head.weight, head)


def test_a_network_of_another_architecture_is_no_checkpoint():
    other = fresh(Net, ARCHITECTURE | {"act": 0})
    with pytest.raises(CheckpointError, match=r"missing: act.0.bias"):
        load_supernet_state_dict(fresh(Net, ARCHITECTURE), other.state_dict())


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = LayerChoice([nn.LazyLinear(2), nn.LazyLinear(2, bias=False)])


def test_layers_without_a_shape_take_any():
    supernet = Lazy()
    for layer in supernet.layer:
        layer(torch.ones(1, 3))
    model = fresh(Lazy, {"layer": 1})
    load_supernet_state_dict(model, supernet.state_dict())
    assert torch.equal(model.layer.weight, supernet.layer[1].weight)


def test_weights_without_a_shape_fit_only_their_like():
    saved = Lazy().state_dict()
    load_supernet_state_dict(fresh(Lazy, {"layer": 1}), saved)
    model = fresh(Lazy, {"layer": 1})
    model.layer(torch.ones(1, 3))
    with pytest.raises(CheckpointError, match=r"\(2, 3\) here, none yet in the checkpoint"):
        load_supernet_state_dict(model, saved)


def test_a_file_is_no_state_dict():
    with pytest.raises(CheckpointError, match=r"got 'weights.pt'; of a file, pass torch.load"):
        load_supernet_state_dict(nn.Linear(1, 1), "weights.pt")
