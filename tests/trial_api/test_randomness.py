"""Seeds, and random numbers of a seed that leave all others as they are."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch

from trial_api.randomness import seed_of, seeded


def drawn() -> list[float]:
    """Of each generator; NumPy's and Python's keep a second normal number for the next call."""
    return [random.gauss(0, 1), np.random.normal(), torch.rand(()).item(), random.random()]


def test_seeds_of_uses_differ() -> None:
    seeds = {seed_of(*use) for use in itertools.product((0, 1), ("a", "b"), (0, 1))}
    assert len(seeds) == 8


def test_a_seed_stays_what_it_was() -> None:
    """Searches go on from checkpoints with the data that it gave."""
    assert seed_of(0, "epoch", 1) == 59691984316005376


def test_numbers_of_a_seed_are_the_same_each_time_and_change_no_others() -> None:
    with seeded(1):
        expected = [drawn(), drawn()]
    with seeded(2):
        first = drawn()
        with seeded(1):
            assert [drawn(), drawn()] == expected
        rest = [first, drawn()]
    with seeded(2):
        assert [drawn(), drawn()] == rest


def test_others_go_on_after_an_error() -> None:
    with seeded(2):
        expected = drawn()
    with seeded(2):
        with pytest.raises(ZeroDivisionError), seeded(1):
            raise ZeroDivisionError
        assert drawn() == expected
