"""Values that a constructor chooses while it runs."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from nas_tuners.contract.architecture import to_architecture, vector_of
from nas_tuners.contract.errors import (
    ArchitectureError,
    SearchSpaceError,
    SpaceMismatchError,
    UndecidedError,
)
from trial_api import (
    LayerChoice,
    Repeat,
    ValueChoice,
    apply_fixed_architecture,
    get_and_apply_next_architecture,
    model_space,
    search_space,
)
from trial_api.nn._subject import subject_of


@model_space
class Net(nn.Module):
    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        width = ValueChoice([8, 16], key="width")
        self.stem = nn.Linear(4, width * 2)
        self.drop = nn.Dropout(ValueChoice([0.25, 0.5]))
        self.act = LayerChoice([nn.ReLU, nn.Tanh])
        self.out = nn.Linear(2 * width, classes)

    def forward(self, x: torch.Tensor) -> Any:
        return self.out(self.act(self.drop(self.stem(x))))


@model_space
class Conditional(nn.Module):
    """Choices that are there for some values only, by plain Python."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        if ValueChoice([False, True], key="wide"):
            hidden = ValueChoice([5, 6], key="hidden")
            self.first = nn.Sequential(nn.Linear(4, hidden), nn.Linear(hidden, 4))
        layers = [LayerChoice([nn.ReLU, nn.Tanh]) for _ in range(ValueChoice([1, 2, 3], key="n"))]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> Any:
        return self.layers(self.first(x))


def spaced(build: Any) -> dict[str, Any]:
    return search_space(build).to_dict()


def test_the_value_is_plain():
    seen = []

    def build() -> nn.Module:
        seen.append((ValueChoice([3, 5], key="n"), ValueChoice(["a"]), ValueChoice([(1, 2)])))
        return nn.Identity()

    search_space(build)
    assert seen[0] == (3, "a", (1, 2))
    assert [type(value) for value in seen[0]] == [int, str, tuple]


def test_a_space_of_a_class_and_of_an_instance_are_equal():
    expected = {
        "width": {"_type": "choice", "_value": [8, 16]},
        "drop.value": {"_type": "choice", "_value": [0.25, 0.5]},
        "act": {"_type": "layer_choice", "_value": ["0", "1"]},
    }
    for model in (Net, Net(), Net(3), lambda: Net(3)):
        assert spaced(model) == expected
        assert list(spaced(model)) == list(expected)


ARCHITECTURE = {"width": 16, "drop.value": 0.5, "act": "1"}
ARCHITECTURE_OF_A_PART = {"width": 16, "0.drop.value": 0.5, "0.act": "1"}


@pytest.mark.parametrize("make", [lambda: lambda: Net(3), lambda: Net(3)], ids=["lazy", "inplace"])
def test_an_architecture_is_built(make):
    model = apply_fixed_architecture(make(), ARCHITECTURE)
    assert (model.stem.out_features, model.out.in_features, model.out.out_features) == (32, 32, 3)
    assert model.drop.p == 0.5
    assert isinstance(model.act, nn.Tanh)
    assert model(torch.zeros(2, 4)).shape == (2, 3)


def test_an_instance_is_rebuilt_in_place_where_it_is():
    model = Net().double().eval()
    assert apply_fixed_architecture(model, ARCHITECTURE) is model
    assert model.stem.weight.dtype == torch.float64
    assert not model.training
    assert not model.drop.training
    with pytest.raises(ArchitectureError, match="already applied"):
        apply_fixed_architecture(model, ARCHITECTURE)
    with pytest.raises(ArchitectureError, match="already applied"):
        get_and_apply_next_architecture(model)


def test_a_wrapper_stays_around_a_model_that_is_rebuilt():
    wrapped = nn.DataParallel(Net())
    assert apply_fixed_architecture(wrapped, ARCHITECTURE) is wrapped
    assert wrapped.module.stem.out_features == 32
    assert wrapped(torch.zeros(2, 4)).shape == (2, 10)


def test_the_space_runs_with_its_first_values_once_its_layers_are_chosen():
    model = Net()
    assert model.stem.out_features == 16
    with pytest.raises(UndecidedError):
        model(torch.zeros(2, 4))


def test_a_failing_constructor_leaves_the_model_as_it_was():
    @model_space
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.size = ValueChoice([1, 2], key="size")
            if self.size == 2 and len(built) > 8:
                raise RuntimeError("no memory")
            built.append(self.size)

    built: list[int] = []
    model = Picky()
    before = model.layer
    built += [0] * 9
    with pytest.raises(RuntimeError, match="no memory"):
        apply_fixed_architecture(model, {"size": 2})
    assert model.layer is before


def test_a_choice_that_cannot_be_settled_leaves_the_model_as_it_was():
    @model_space
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, ValueChoice([1, 2], key="size"))
            if made:
                self.act = LayerChoice([nn.ReLU(), nn.Tanh()], key="late")

    made: list[Any] = []
    model = Late()
    before, subject = model.layer, subject_of(model)
    made.append(model)
    with pytest.raises(ArchitectureError, match="late: the model holds this choice"):
        subject.apply(vector_of(subject.space, {"size": [1]}))
    assert model.layer is before
    made.clear()
    assert apply_fixed_architecture(model, {"size": 2}).layer.out_features == 2


def test_copies_and_pickles_are_spaces_too():
    for model in (copy.deepcopy(Net(3)), pickle.loads(pickle.dumps(Net(3)))):
        assert apply_fixed_architecture(model, ARCHITECTURE).out.out_features == 3


def test_reading_takes_no_random_numbers():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    search_space(Net)
    assert torch.equal(torch.rand(1), expected)


def test_a_constructor_that_computes_is_read_with_real_tensors():
    def build() -> nn.Module:
        rates = [rate.item() for rate in torch.linspace(0, 0.5, ValueChoice([2, 3], key="n"))]
        return nn.Sequential(*map(nn.Dropout, rates))

    assert list(spaced(build)) == ["n"]
    assert len(apply_fixed_architecture(build, {"n": 3})) == 3  # type: ignore[arg-type]


def test_what_plain_python_makes_for_some_values_is_conditional():
    space = spaced(Conditional)
    assert space["hidden"]["_active_if"] == {"wide": [1]}
    assert "_active_if" not in space["layers.0"]
    assert space["layers.1"]["_active_if"] == {"n": [1, 2]}
    assert space["layers.2"]["_active_if"] == {"n": [2]}
    assert spaced(Conditional()) == space
    assert search_space(Conditional).size == (1 + 2) * (2 + 4 + 8)


@pytest.mark.parametrize("make", [lambda: Conditional, Conditional], ids=["lazy", "in place"])
def test_every_architecture_of_a_conditional_space_is_built(make):
    space = search_space(Conditional)
    for vector in space.enumerate():
        architecture = to_architecture(space, vector)
        model = apply_fixed_architecture(make(), architecture)
        assert len(model.layers) == architecture["n"]
        assert isinstance(model.first, nn.Sequential) == architecture["wide"]
        model(torch.zeros(1, 4))


def test_a_choice_under_two_conditions():
    def build() -> nn.Module:
        a, b = ValueChoice([0, 1, 2], key="a"), ValueChoice([0, 1, 2], key="b")
        layers = [nn.Linear(1, ValueChoice([1, 2], key="c"))] if a == 1 and b == 2 else []
        return nn.ModuleList(layers)

    assert spaced(build)["c"]["_active_if"] == {"a": [1], "b": [2]}


def test_a_choice_under_either_of_two_conditions_is_always_active():
    def build() -> nn.Module:
        a, b = ValueChoice([False, True], key="a"), ValueChoice([False, True], key="b")
        return nn.Linear(1, ValueChoice([1, 2], key="c")) if a or b else nn.Identity()

    assert "_active_if" not in spaced(build)["c"]
    plain = apply_fixed_architecture(build, {"a": False, "b": False, "c": 1})
    assert isinstance(plain, nn.Identity)


def test_a_choice_that_reading_did_not_meet():
    def build() -> nn.Module:
        values = [ValueChoice(list(range(9)), key=f"k{number}") for number in range(6)]
        layer = ValueChoice([1, 2], key="rare") if values == [1, 2, 3, 4, 5, 6] else 1
        return nn.Linear(1, layer)

    with pytest.raises(ArchitectureError, match=r"rare: .* in a way that reading did not meet"):
        apply_fixed_architecture(build, {f"k{number}": number + 1 for number in range(6)})


def test_keys_come_from_paths():
    @model_space
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(*[nn.Linear(ValueChoice([2]), 2) for _ in range(2)])
            self.conv = nn.Conv2d(1, ValueChoice([4, 8]), ValueChoice([3, 5]))
            self.last = ValueChoice([1, 2])

    assert list(spaced(Deep)) == [
        "body.0.value",
        "body.0.value_2",
        "conv.value",
        "conv.value_2",
        "value",
    ]
    model = apply_fixed_architecture(
        Deep,
        {"body.0.value": 2, "body.0.value_2": 2, "conv.value": 8, "conv.value_2": 5, "value": 2},
    )
    assert (model.conv.out_channels, model.conv.kernel_size, model.last) == (8, (5, 5), 2)


def test_keys_of_values_in_candidates():
    def build() -> nn.Module:
        width = ValueChoice([2, 3])
        candidates = {
            "wide": lambda: nn.Linear(width, ValueChoice([4, 8])),
            "none": nn.Identity,
            "last": lambda: nn.Dropout(ValueChoice([0.1, 0.2])),
        }
        return nn.ModuleDict({"layer": LayerChoice(candidates), "end": nn.Identity()})

    expected = ["layer.value", "layer.wide.value", "layer.last.value", "layer"]
    assert list(spaced(build)) == expected


def test_equal_keys_are_decided_together():
    def build() -> nn.Module:
        return nn.Bilinear(*[ValueChoice([2, 3], key="size") for _ in range(3)])

    assert apply_fixed_architecture(build, {"size": 3}).weight.shape == (3, 3, 3)


def test_candidates_without_keys_in_a_nested_layer_choice():
    def build() -> nn.Module:
        return nn.Sequential(
            LayerChoice({"a": lambda: nn.Linear(4, ValueChoice([4, 8])), "b": nn.Identity})
        )

    space = spaced(build)
    (key,) = space.keys() - {"0"}
    assert space[key]["_active_if"] == {"0": [0]}
    assert apply_fixed_architecture(build, {"0": "a", key: 8})[0].out_features == 8
    assert isinstance(apply_fixed_architecture(build, {"0": "b"})[0], nn.Identity)


def test_threads_do_not_see_each_other():
    """Each registers modules while the others read."""
    expected = spaced(Net)
    assert "drop.value" in expected
    stopped = threading.Event()

    def build_until_stopped() -> None:
        while not stopped.is_set():
            nn.Sequential(nn.Linear(1, 1), nn.ReLU())

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            others = [pool.submit(build_until_stopped) for _ in range(2)]
            spaces = [pool.submit(spaced, Net) for _ in range(20)]
            try:
                assert all(space.result() == expected for space in spaces)
            finally:
                stopped.set()
            assert [other.result() for other in others] == [None, None]
    finally:
        sys.setswitchinterval(interval)


def test_a_choice_that_is_no_part_of_the_model_is_built_and_not_decided():
    class Base(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = LayerChoice([nn.ReLU, lambda: nn.Linear(1, ValueChoice([1, 2], key="v"))])
            self.norm = LayerChoice([nn.ReLU, nn.Tanh], key="old")

    class Other(Base):
        def __init__(self) -> None:
            super().__init__()
            self.act = LayerChoice([nn.ReLU, nn.Tanh, nn.GELU])
            self.norm = LayerChoice([nn.ReLU, nn.Tanh], key="new")
            self.listed = [LayerChoice([nn.ReLU, nn.Tanh])]

    space = spaced(Other)
    assert space.keys() == {"act", "new", "v"}
    assert "_active_if" not in space["v"]
    model = apply_fixed_architecture(Other, {"act": 2, "new": 1, "v": 1})
    assert [type(model.act), type(model.norm)] == [nn.GELU, nn.Tanh]
    with pytest.raises(UndecidedError, match="choices in plain lists"):
        model.listed[0](torch.zeros(1))


def test_the_places_of_a_key_in_all_builds_count():
    def build() -> nn.Module:
        candidates = [lambda: nn.Linear(1, ValueChoice([1, 2], key="k")), nn.Identity]
        if ValueChoice([False, True], key="turned"):
            candidates.reverse()
        return nn.Sequential(LayerChoice(candidates, key="layer"))

    assert "k" in spaced(build)
    for index in (0, 1):
        architecture = {"turned": bool(index), "layer": index, "k": 2}
        assert apply_fixed_architecture(build, architecture)[0].out_features == 2


def test_modules_among_the_arguments_are_not_changed_by_reading():
    @model_space
    class Tuned(nn.Module):
        def __init__(self, backbone: nn.Sequential, heads: list[nn.Module]) -> None:
            super().__init__()
            backbone[1] = nn.Linear(4, ValueChoice([5, 6], key="width"))
            self.backbone, self.head = backbone, heads[0]

    backbone = nn.Sequential(nn.Linear(3, 4), nn.Identity())
    model = Tuned(backbone, [nn.LazyLinear(2)])
    before = list(backbone)
    assert list(spaced(model)) == ["width"]
    assert all(now is then for now, then in zip(backbone, before, strict=True))
    apply_fixed_architecture(model, {"width": 6})
    assert model.backbone is backbone
    assert backbone[0] is before[0]
    assert (backbone[1].out_features, backbone[1].weight.device.type) == (6, "cpu")


def test_kinds_of_numbers_that_differ_stay_so():
    @model_space
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, ValueChoice([1, 2], key="width"))
            self.register_buffer("exact", torch.zeros(1, dtype=torch.float64))
            self.phase = nn.Parameter(torch.zeros(1, dtype=torch.complex64))

    model = apply_fixed_architecture(Mixed(), {"width": 2})
    kinds = (model.layer.weight.dtype, model.exact.dtype, model.phase.dtype)
    assert kinds == (torch.float32, torch.float64, torch.complex64)


@model_space
class Constrained(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, ValueChoice([1, 2], key="width"))
        self.act = LayerChoice([nn.ReLU, nn.Tanh], key="act")
        self.constrain(lambda architecture: architecture["width"] > 1)


@model_space
class ConstrainedLayers(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(LayerChoice([nn.ReLU, nn.Tanh], key="act"))
        self.constrain(lambda architecture: architecture["act"] == "1")


@pytest.mark.parametrize("make", [lambda: Constrained, Constrained, ConstrainedLayers])
def test_the_network_of_an_architecture_is_pickled_without_constraints(make):
    model = make()
    space = search_space(model)
    (vector,) = [v for v in space.enumerate() if space.broken_constraint(v) is None][-1:]
    architecture = to_architecture(space, vector)
    copied = pickle.loads(pickle.dumps(apply_fixed_architecture(model, architecture)))
    assert search_space(copied).size == 1


@model_space
class Given(nn.Module):
    def __init__(self, width: int, make: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(1, ValueChoice([1, width], key="width"))
        self.norm = make(2)


@model_space
class GivenLayers(nn.Sequential):
    def __init__(self, make: Any) -> None:
        super().__init__(LayerChoice([nn.ReLU, nn.Tanh], key="act"), make(2))


@pytest.mark.parametrize(
    ("make", "architecture"),
    [
        (lambda: lambda: Given(2, make=lambda n: nn.BatchNorm1d(n)), {"width": 2}),
        (lambda: Given(2, make=lambda n: nn.BatchNorm1d(n)), {"width": 2}),
        (lambda: GivenLayers(lambda n: nn.BatchNorm1d(n)), {"act": 1}),
    ],
    ids=["lazy", "anew", "in place"],
)
def test_the_network_of_an_architecture_is_pickled_without_arguments(make, architecture):
    network = apply_fixed_architecture(make(), architecture)
    for model in (network, pickle.loads(pickle.dumps(network))):
        with pytest.raises(ArchitectureError, match="already applied"):
            apply_fixed_architecture(model, architecture)


def test_a_part_that_was_decided_is_not_made_anew():
    whole = apply_fixed_architecture(lambda: nn.Sequential(Net(3)), ARCHITECTURE_OF_A_PART)
    with pytest.raises(ArchitectureError, match="already applied"):
        apply_fixed_architecture(whole[0], ARCHITECTURE)
    assert pickle.loads(pickle.dumps(whole))[0].out.out_features == 3


def test_constraints_of_parts_and_of_some_values_only():
    @model_space
    class Part(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, ValueChoice([1, 2], key="part"))
            self.constrain(lambda architecture: architecture["part"] > 1, name="of the part")

    @model_space
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = Part()
            if ValueChoice([False, True], key="more"):
                self.more = nn.Linear(1, ValueChoice([1, 2], key="size"))
                self.constrain(lambda architecture: architecture.get("size") != 2, name="of more")

    for model in (Whole, Whole()):
        names = [constraint.name for constraint in search_space(model).constraints]
        assert names == ["of the part", "of more"]
    names = [constraint.name for constraint in search_space(Part()).constraints]
    assert names == ["of the part"]
    with pytest.raises(SearchSpaceError, match=r"to the whole of a model space: Net\(\)"):
        Whole().part.constrain(bool)


def test_a_network_of_an_architecture_is_a_part_like_any_other():
    teacher = apply_fixed_architecture(lambda: nn.Sequential(Net()), ARCHITECTURE_OF_A_PART)
    model = nn.ModuleList([teacher, LayerChoice([nn.ReLU(), nn.Tanh()])])
    assert list(spaced(model)) == ["1"]


# ---- mistakes --------------------------------------------------------------------------------


def test_a_value_choice_outside_of_a_model_space():
    message = r"ValueChoice\(\[1, 2\], key='k'\) stands outside of a model space.*@model_space"
    with pytest.raises(SearchSpaceError, match=message) as told:
        ValueChoice([1, 2], key="k")
    assert "evaluator's arguments it is nas_tuners.multi_trial.choice" in str(told.value)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "must be a non-empty list of values, but got []"),
        (3, "must be a non-empty list of values, but got 3"),
        ({"a": 1}, "must be a non-empty list of values"),
        ([nn.ReLU()], "layers belong into a LayerChoice"),
        ([1, float("nan")], "must be numbers"),
        ([1, 1.0], "a value stands twice in `candidates` [1, 1.0]"),
    ],
)
def test_wrong_candidates(candidates, message):
    with pytest.raises(SearchSpaceError) as raised:
        ValueChoice(candidates)
    assert message in str(raised.value)


def test_one_key_with_different_candidates():
    def build() -> nn.Module:
        return nn.Linear(ValueChoice([1, 2], key="k"), ValueChoice([1, 3], key="k"))

    message = r"k: two value choices have this key, one of \[1, 2\] and one of \[1, 3\]"
    with pytest.raises(SearchSpaceError, match=message):
        search_space(build)


def test_one_key_of_a_layer_and_a_value():
    def build() -> nn.Module:
        width = ValueChoice([1, 2], key="k")
        return nn.Sequential(nn.Linear(1, width), LayerChoice([nn.ReLU(), nn.Tanh()], key="k"))

    with pytest.raises(SearchSpaceError, match="k: this is the key of a layer or input choice"):
        search_space(build)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda n: LayerChoice([nn.ReLU, nn.Tanh, nn.GELU][:n], key="k"),
            r"k: what is chosen from depends .* \['0', '1'\] or \['0', '1', '2'\]: choose from",
        ),
        (
            lambda n: nn.Linear(1, ValueChoice([1, 2, 3][:n], key="k")),
            r"k: what is chosen from depends on other values, \[1, 2\] or \[1, 2, 3\]",
        ),
        (
            lambda n: Repeat(lambda _: nn.Identity(), (1, n), key="k"),
            r"k: what is chosen from depends on other values, \[1, 2\] or \[1, 2, 3\]",
        ),
    ],
)
def test_candidates_that_depend_on_values(build, message):
    with pytest.raises(SearchSpaceError, match=message):
        search_space(lambda: nn.Sequential(build(ValueChoice([2, 3], key="n"))))


def test_values_without_keys_that_would_be_taken_for_each_other():
    def build() -> nn.Module:
        layers = nn.ModuleDict()
        if ValueChoice([False, True], key="deep"):
            layers["hidden"] = nn.Linear(4, ValueChoice([5, 6]))
        layers["out"] = nn.Linear(4, ValueChoice([5, 6]))
        return layers

    message = (
        r"out\.value: with other values this value choice, .* is for 'hidden\.value': give it"
    )
    with pytest.raises(SearchSpaceError, match=message):
        search_space(build)


def test_values_without_keys_in_a_loop():
    def build() -> nn.Module:
        depth = ValueChoice([0, 1, 2])
        return nn.ModuleList([nn.Linear(2, ValueChoice([5, 6])) for _ in range(depth)])

    assert search_space(build).size == 1 + 2 + 4


def test_a_part_that_is_made_before_the_whole():
    @model_space
    class Outer(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner
            self.out = nn.Linear(1, ValueChoice([1, 2], key="out"))

    with pytest.raises(SearchSpaceError, match="the model space Net at 'inner' lies in a model"):
        search_space(Outer(Net()))


def test_a_constructor_that_changes_its_arguments_so_that_it_cannot_run_again():
    class Backbone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)

    @model_space
    class Tuned(nn.Module):
        def __init__(self, backbone: Any) -> None:
            super().__init__()
            features = backbone.fc.in_features
            backbone.fc = nn.Identity()
            self.backbone, self.head = backbone, nn.Linear(features, ValueChoice([2, 3], key="n"))

    message = (
        r"Tuned cannot be constructed a second time with the arguments that it got "
        r"\(AttributeError: .*in_features.*lambda: Tuned\(Backbone\(\)\)"
    )
    with pytest.raises(SearchSpaceError, match=message) as told:
        search_space(Tuned(Backbone()))
    assert isinstance(told.value.__cause__, AttributeError)
    assert list(spaced(lambda: Tuned(Backbone()))) == ["n"]


def test_a_class_that_takes_arguments():
    message = (
        r"Linear takes arguments \(missing .*'in_features'\): pass an instance, or a function"
    )
    with pytest.raises(SearchSpaceError, match=message):
        search_space(nn.Linear)


def test_a_class_with_a_constrain_of_its_own():
    class Clipped(nn.Module):
        def constrain(self, x: torch.Tensor) -> torch.Tensor:
            return x

    with pytest.raises(SearchSpaceError, match="Clipped has a `constrain` of its own"):
        model_space(Clipped)


def test_a_path_that_depends_on_values_is_no_key():
    def build() -> nn.Module:
        before = [nn.Identity() for _ in range(ValueChoice([0, 1], key="n"))]
        return nn.Sequential(*before, LayerChoice([nn.ReLU, nn.Tanh]))

    with pytest.raises(SearchSpaceError, match=r"with other values .* is at '0'; give it a key"):
        search_space(build)


def test_a_subclass_with_a_constructor_of_its_own():
    class Bare(Net):
        def __init__(self, extra: int) -> None:
            super().__init__()
            self.extra = nn.Linear(extra, extra)

    with pytest.raises(SearchSpaceError, match="decorate Bare with @model_space, too"):
        Bare(3)

    @model_space
    class Dressed(Net):
        def __init__(self, extra: int) -> None:
            super().__init__(extra)
            self.extra = nn.Linear(extra, ValueChoice([5, 6], key="extra"))

    class Heir(Dressed):
        pass

    for cls in (Dressed, Heir):
        model = apply_fixed_architecture(cls(3), {**ARCHITECTURE, "extra": 6})
        assert (model.out.out_features, model.extra.out_features) == (3, 6)


def test_a_space_inside_a_model_that_is_none():
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Net()

    with pytest.raises(SearchSpaceError, match="the model space Net at 'inner' lies in a model"):
        search_space(Outer())
    assert list(spaced(Outer)) == ["width", "inner.drop.value", "inner.act"]


def test_only_modules_are_spaces():
    with pytest.raises(SearchSpaceError, match=r"decorates a subclass of nn\.Module"):
        model_space(dict)  # type: ignore[type-var]


def test_decisions_for_another_version_of_the_space():
    with pytest.raises(ArchitectureError) as raised:
        apply_fixed_architecture(Net, {"widht": 16, "drop.value": 0.3, "act": "1"})
    text = str(raised.value)
    assert "widht: unknown key; did you mean 'width'?" in text
    assert "width: missing; expected one of [8, 16]" in text
    assert "drop.value: " in text
    assert "[0.25, 0.5]" in text


def test_values_that_do_not_go_together(caplog):
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width, heads = ValueChoice([8, 6], key="width"), ValueChoice([1, 4], key="heads")
            self.attention = nn.MultiheadAttention(width, heads)

    assert list(spaced(Attention)) == ["width", "heads"]
    assert "fails for 1 of the combinations" in caplog.text
    assert "{'width': 6, 'heads': 4}" in caplog.text
    with pytest.raises(AssertionError, match="embed_dim"):
        apply_fixed_architecture(Attention, {"width": 6, "heads": 4})


def test_values_that_entangle_too_many_choices():
    def build() -> nn.Module:
        number = 0
        while number < 100 and ValueChoice([0, 1, 2], key=f"k{number}") == number % 3:
            number += 1
        return nn.Linear(1, 1)

    with pytest.raises(SearchSpaceError, match="2000 builds do not show it"):
        search_space(build)


def test_a_study_of_a_version_with_another_condition():
    def old() -> nn.Module:
        is_wide = ValueChoice([False, True], key="wide")
        return nn.Sequential(*[LayerChoice([nn.ReLU, nn.Tanh], key="act")] * is_wide)

    def new() -> nn.Module:
        return nn.Sequential(LayerChoice([nn.ReLU, nn.Tanh], key="act"))

    optuna = pytest.importorskip("optuna")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    get_and_apply_next_architecture(old, trial=study.ask())
    with pytest.raises(SpaceMismatchError) as raised:
        get_and_apply_next_architecture(new, trial=study.ask())
    assert "wide: only in the study" in str(raised.value)
    assert "act: the model has" in str(raised.value)
