"""Hyper-parameters that are searched with the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nas_tuners import SearchSpace
from nas_tuners.contract.errors import SearchSpaceError
from nas_tuners.multi_trial import choices
from nas_tuners.multi_trial.choices import is_choice, joined

MODEL = SearchSpace({"width": {"_type": "choice", "_value": [2, 4]}})


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (choices.randint, [1, 4]),
        (choices.uniform, [0.0, 1.0]),
        (choices.quniform, [0.0, 1.0, 0.25]),
        (choices.loguniform, [1e-4, 1e-1]),
        (choices.qloguniform, [1.0, 64.0, 1.0]),
    ],
)
def test_each_means_the_type_of_its_name(make: Callable[..., Any], arguments: list[float]) -> None:
    space = joined(MODEL, {"it": make(*arguments)})
    assert space.to_dict()["it"] == {"_type": make.__name__, "_value": arguments}
    assert list(space.specs) == ["width", "it"]


def test_options_are_what_json_gives_back() -> None:
    spec = choices.choice([(3, 3), "same", None])
    assert is_choice(spec)
    assert joined(MODEL, {"kernel": spec}).to_dict()["kernel"]["_value"] == [[3, 3], "same", None]
    assert not is_choice([1, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: choices.loguniform(0.0, 1.0), "loguniform: `low > 0` must hold"),
        (lambda: choices.uniform(1, 0), "uniform: `low < high` must hold"),
        (lambda: choices.uniform("a", 1), r"uniform: _value must be \[low, high\]"),
        (lambda: choices.quniform(0, 1, 0), "quniform: `q > 0` must hold"),
        (lambda: choices.randint(3, 3), "randint: `lower < upper` must hold"),
        (lambda: choices.choice([]), "choice: _value must be a non-empty list"),
        (lambda: choices.choice([1, 1]), "choice: an option stands twice"),
        (lambda: choices.choice([object()]), "choice: an option is not a JSON value"),
    ],
)
def test_mistakes_are_told_where_they_are_made(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SearchSpaceError, match=message):
        make()


def test_a_name_that_the_model_has_already() -> None:
    with pytest.raises(SearchSpaceError, match="width: the model space has a key of this name"):
        joined(MODEL, {"width": choices.uniform(0, 1)})


def test_constraints_see_the_model_alone() -> None:
    seen: list[dict[str, Any]] = []

    def note(architecture: dict[str, Any]) -> bool:
        seen.append(architecture)
        return architecture["width"] == 2

    space = joined(MODEL.constrain(note), {"lr": choices.choice([0.1, 0.2])})
    fitting = [vector for vector in space.enumerate() if space.fits(vector)]
    assert len(fitting) == 2, "one width, two rates"
    assert seen == [{"width": 2}, {"width": 2}, {"width": 4}, {"width": 4}]
    assert [constraint.name for constraint in space.constraints] == ["note"]
