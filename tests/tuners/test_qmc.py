"""Points that fill the space evenly."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing import TunerSuite
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._qmc import QMCTuner

LAYERS = SearchSpace(
    {f"edge_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(4)}
)


class TestQMCTuner(TunerSuite):
    learns = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return QMCTuner(**options)


class TestHalton(TunerSuite):
    budget = 40
    learns = False

    def make_tuner(self, space: SearchSpace, **options: Any) -> Tuner:
        return QMCTuner(qmc_type="halton", **options)


def _vectors(tuner: Tuner, numbers: range, space: SearchSpace = LAYERS) -> list[Any]:
    tuner.update_search_space(space)
    return [to_vector(space, tuner.generate_parameters(number)) for number in numbers]


@pytest.mark.parametrize("scramble", [False, True])
def test_every_pair_of_entries_comes_equally_often(scramble: bool) -> None:
    """256 Sobol points: a quarter of each entry, exactly, and a sixteenth of pairs of the first
    two; random draws would be off by a dozen.
    """
    tuner = QMCTuner(scramble=scramble, seed=1, dedup=False)
    vectors = _vectors(tuner, range(256))
    for position in range(4):
        assert set(Counter(v[position] for v in vectors).values()) == {64}
    assert set(Counter(v[:2] for v in vectors).values()) == {16}


def test_the_point_belongs_to_the_number() -> None:
    """So two workers that share the numbers draw one sequence between them."""
    whole = _vectors(QMCTuner(seed=3, dedup=False), range(20))
    odd = _vectors(QMCTuner(seed=3, dedup=False), range(1, 20, 2))
    even = _vectors(QMCTuner(seed=3, dedup=False), range(0, 20, 2))
    assert whole[1::2] == odd
    assert whole[::2] == even


def test_without_scrambling_the_seed_does_not_matter() -> None:
    one, two = (_vectors(QMCTuner(scramble=False, seed=seed), range(10)) for seed in (1, 2))
    assert one == two
    assert one[0] == (0, 0, 0, 0)


def test_more_subsets_than_a_coordinate_can_tell_apart_are_all_reached() -> None:
    """2^60 subsets: every candidate is in about half of them, the lowest ranks too."""
    names = [f"n{i}" for i in range(60)]
    content = {"in": {"_type": "input_choice", "_value": {"candidates": names, "n_chosen": None}}}
    space = SearchSpace(content)
    tuner = QMCTuner(seed=0)
    tuner.update_search_space(space)
    chosen = Counter(
        index for number in range(200) for index in tuner.generate_parameters(number)["in"]["_idx"]
    )
    assert all(60 <= chosen[index] <= 140 for index in range(60))


def test_a_number_beyond_the_sequence_starts_it_again() -> None:
    tuner = QMCTuner(seed=0, dedup=False)
    tuner.update_search_space(LAYERS)
    assert tuner.generate_parameters(2**20 + 3) == tuner.generate_parameters(3)


@pytest.mark.parametrize("qmc_type", ["sobol", "halton"])
def test_every_whole_number_is_a_seed(qmc_type: str) -> None:
    seeds = (-1, 1, -2, -(2**70), 2**70)
    drawn = [tuple(_vectors(QMCTuner(qmc_type=qmc_type, seed=s), range(8))) for s in seeds]
    again = [tuple(_vectors(QMCTuner(qmc_type=qmc_type, seed=s), range(8))) for s in seeds]
    assert drawn == again
    assert len(set(drawn)) == len(seeds)


@pytest.mark.parametrize("scramble", ["no", 0, None])
def test_scramble_is_true_or_false(scramble: Any) -> None:
    with pytest.raises(ValueError, match=r"`scramble` must be True or False, but got \(scramble="):
        QMCTuner(scramble=scramble)


def test_an_unknown_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="'sobol' or 'halton', but got \\(qmc_type='lattice'\\)"):
        QMCTuner(qmc_type="lattice")
