"""The grid: its order, and how it is refined."""

from __future__ import annotations

from typing import Any

import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._grid_search import GridSearchTuner


def _proposals(content: dict[str, object], count: int) -> list[dict[str, object]]:
    tuner = GridSearchTuner()
    tuner.update_search_space(content)
    return [tuner.generate_parameters(number) for number in range(count)]


def test_the_last_key_changes_fastest() -> None:
    space = {
        "a": {"_type": "layer_choice", "_value": ["x", "y"]},
        "b": {"_type": "choice", "_value": [1, 2, 3]},
    }
    proposals = _proposals(space, 6)
    assert [(p["a"]["_idx"], p["b"]) for p in proposals] == [  # type: ignore[index]
        (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)
    ]  # fmt: skip


def test_continuous_numbers_are_halved_again_and_again() -> None:
    proposals = _proposals({"x": {"_type": "uniform", "_value": [0, 8]}}, 7)
    assert [p["x"] for p in proposals] == [4, 2, 6, 1, 3, 5, 7]


def test_two_continuous_numbers_fill_the_square() -> None:
    space = {key: {"_type": "uniform", "_value": [0, 4]} for key in "xy"}
    proposals = {(p["x"], p["y"]) for p in _proposals(space, 9)}
    assert proposals == {(x, y) for x in (1, 2, 3) for y in (1, 2, 3)}


def test_a_huge_space_costs_nothing_to_start() -> None:
    space = {f"k{i}": {"_type": "layer_choice", "_value": list("abcdefgh")} for i in range(60)}
    assert SearchSpace(space).size == 8**60
    assert len(_proposals(space, 20)) == 20


def test_a_key_may_have_more_subsets_than_a_list_has_places() -> None:
    inputs = {"candidates": [f"in{i}" for i in range(200)], "n_chosen": None}
    proposals = _proposals({"in": {"_type": "input_choice", "_value": inputs}}, 3)
    assert [p["in"]["_idx"] for p in proposals] == [[], [0], [1]]  # type: ignore[index]


def test_what_is_known_is_skipped() -> None:
    space = {"a": {"_type": "layer_choice", "_value": list("wxyz")}}
    tuner = GridSearchTuner()
    tuner.update_search_space(space)
    tuner.receive_trial_result(None, {"a": "w"}, 1.0)
    tuner.receive_trial_result(None, {"a": "y"}, None)
    assert [tuner.generate_parameters(n)["a"]["_idx"] for n in range(2)] == [1, 3]


def test_no_point_is_walked_over_twice_while_a_trial_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SearchSpace({k: {"_type": "layer_choice", "_value": list("uvwxyz")} for k in "abcd"})
    steps = []
    successor = SearchSpace.successor

    def counted(self: SearchSpace, *arguments: Any) -> Any:
        steps.append(1)
        return successor(self, *arguments)

    monkeypatch.setattr(SearchSpace, "successor", counted)
    tuner = GridSearchTuner()
    tuner.update_search_space(space.constrain(lambda chosen: len({*chosen.values()}) == 1))
    found = [tuner.generate_parameters(number)["a"]["_value"] for number in range(6)]
    assert found == list("uvwxyz")
    assert len(steps) <= space.size + 6


LINE = {"x": {"_type": "uniform", "_value": [0, 8]}}


def _on_a_line() -> GridSearchTuner:
    tuner = GridSearchTuner()
    tuner.update_search_space(LINE)
    return tuner


def test_the_grid_is_refined_only_for_now_while_points_are_pending() -> None:
    """A process that is killed gives its point back, and a fresh tuner proposes the same."""
    tuner = _on_a_line()
    assert [tuner.generate_parameters(number)["x"] for number in range(4)] == [4, 2, 6, 1]
    tuner.set_pending({})
    assert tuner.generate_parameters(5) == _on_a_line().generate_parameters(5) == {"x": 4}


def test_a_dead_point_is_due_again_however_fine_the_grid_is_by_then() -> None:
    tuner = _on_a_line()
    proposals = [tuner.generate_parameters(number) for number in range(7)]
    for number in (0, 2, 3, 4, 5, 6):
        tuner.receive_trial_result(number, proposals[number], 1.0)
    assert tuner.generate_parameters(7) == {"x": 0.5}
    tuner.set_pending({})
    assert tuner.generate_parameters(8) == proposals[1] == {"x": 2}
    assert tuner.generate_parameters(9) == {"x": 0.5}
