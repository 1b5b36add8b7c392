"""Every tuner that has a name is described."""

from __future__ import annotations

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.tuners._cards import CARDS
from nas_tuners.tuners._catalog import describe, describe_all
from nas_tuners.tuners._names import SAMPLERS
from nas_tuners.tuners._registry import TUNERS, find_class


def test_every_name_has_a_card() -> None:
    assert {*TUNERS, *SAMPLERS} == CARDS.keys()


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_a_description_says_something(name: str) -> None:
    described = describe(name)
    assert described.name == name
    card = described.card
    assert all(5 < len(text) < 96 for text in (card.strengths, card.limits))
    assert 3 < len(card.cost) < 96
    assert len(described.summary) > 10
    assert "optimize_mode" in described.arguments


@pytest.mark.parametrize("name", TUNERS)
def test_abilities_are_those_of_the_class(name: str) -> None:
    described, target = describe(name), find_class(name)
    assert described.multi_objective is target.multi_objective  # type: ignore[attr-defined]
    assert described.uses_scores is target.uses_scores  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TUNERS)
def test_every_argument_of_ours_is_explained(name: str) -> None:
    described = describe(name)
    assert list(described.explanations) == list(described.arguments)
    for text in described.explanations.values():
        assert text.endswith(".")
        assert ":class:" not in text
        assert "``" not in text


def test_what_the_base_class_says_is_said() -> None:
    base, own = describe("RandomTuner").explanations, describe("BayesianTuner").explanations
    assert own["seed"] == base["seed"] == "Of everything random; drawn once when None."
    assert own["optimize_mode"].startswith(f"{base['optimize_mode']} Several objectives and")


@pytest.mark.parametrize("name", SAMPLERS)
def test_arguments_of_samplers_lead_to_optunas_pages(name: str) -> None:
    described = describe(name)
    assert described.reference.endswith(f"{find_class(name).__name__}.html")
    assert described.explanations["dedup"] == describe("RandomTuner").explanations["dedup"]
    assert all(len(text) < 300 for text in described.explanations.values())


@pytest.mark.parametrize("name", [*TUNERS, *SAMPLERS])
def test_every_other_name_means_the_same(name: str) -> None:
    described = describe(name)
    assert described.also
    for other in described.also:
        for written in (other, other.upper(), other.lower()):
            assert describe(written).name == name


def test_all_are_described_once() -> None:
    assert [d.name for d in describe_all()] == [*sorted(TUNERS), *sorted(SAMPLERS)]


def test_a_class_without_a_name_has_no_card() -> None:
    described = describe("optuna.samplers:RandomSampler")
    assert described.card.strengths == ""
    assert described.name == "optuna.samplers:RandomSampler"


def test_what_is_not_there_is_not_described() -> None:
    with pytest.raises(ConfigError, match="no class 'TPESamplr'; did you mean 'TPESampler'"):
        describe("optuna.samplers:TPESamplr")
