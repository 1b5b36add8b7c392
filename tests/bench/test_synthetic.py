from __future__ import annotations

from random import Random

import numpy as np
import pytest

from nas_tuners.bench import load_table
from nas_tuners.bench.synthetic import SyntheticTable, _make
from nas_tuners.contract.space_json import LayerChoice

NAMES = ("synthetic-separable", "synthetic-pairwise", "synthetic-darts", "synthetic-widths")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_each_time(name: str) -> None:
    first, second = load_table(name), load_table(name)
    for seed in range(20):
        vector = first.space.sample(Random(seed))
        assert first.validation(vector) == second.validation(vector)
        assert first.test(vector) == second.test(vector)
    assert first.best_test == second.best_test


@pytest.mark.parametrize("name", NAMES)
def test_random_architectures_are_the_unit(name: str) -> None:
    table = load_table(name)
    rng = Random(1)
    values = [table.test(table.space.sample(rng)) for _ in range(4_000)]
    assert np.mean(values) == pytest.approx(0.0, abs=0.1)
    assert np.std(values) == pytest.approx(1.0, abs=0.1)
    assert max(values) < table.best_test


def test_the_optimum_is_that_of_all_architectures() -> None:
    specs = {f"key_{index}": LayerChoice(("a", "b", "c")) for index in range(6)}
    table = _make("small", specs, links=4, noise=0.0)
    assert table.best_test == pytest.approx(max(map(table.test, table.space.enumerate())))


def test_validation_is_test_with_noise() -> None:
    table = load_table("synthetic-darts")
    assert isinstance(table, SyntheticTable)
    vectors = [table.space.sample(Random(seed)) for seed in range(2_000)]
    differences = [(table.validation(vector) or 0.0) - table.test(vector) for vector in vectors]
    assert np.std(differences) == pytest.approx(table.noise, rel=0.1)
    assert np.mean(differences) == pytest.approx(0.0, abs=0.02)


def test_darts_has_the_keys_of_darts() -> None:
    sizes = [decision.domain.size for decision in load_table("synthetic-darts").space.decisions]
    assert sizes.count(8) == 28
    assert sorted(size for size in sizes if size != 8) == [1, 1, 3, 3, 6, 6, 10, 10]


def test_the_optimum_of_widths_is_that_of_all_and_not_at_an_end() -> None:
    table = load_table("synthetic-widths")
    best = max(table.space.enumerate(), key=table.test)
    assert table.best_test == pytest.approx(table.test(best))
    assert len(set(best)) > 2
    assert any(0 < int(entry or 0) < 7 for entry in best)


def test_a_pair_matters_beyond_its_members() -> None:
    """Without pairs, changing two decisions adds up; with them it does not."""
    for name, adds_up in (("synthetic-separable", True), ("synthetic-pairwise", False)):
        table = load_table(name)
        mixed = 0.0
        for first in range(12):
            for second in range(first + 1, 12):
                both, one, other = [0] * 12, [0] * 12, [0] * 12
                both[first] = both[second] = one[first] = other[second] = 1
                parts = [table.test(tuple(v)) for v in ([0] * 12, one, other, both)]
                mixed = max(mixed, abs(parts[3] - parts[2] - parts[1] + parts[0]))
        assert (mixed < 1e-9) == adds_up
