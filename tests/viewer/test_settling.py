from __future__ import annotations

import json
import math
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nas_tuners.viewer.figures.settling import key_series, mean_entropy

PAGE = Path(__file__).parents[2] / "nas_tuners" / "viewer" / "page"


def _of_two(p: float) -> float:
    return -p * math.log2(p) - (1 - p) * math.log2(1 - p)


def overview(rows: list[Any], kinds: list[str] | None = None) -> dict[str, Any]:
    n = len(rows)
    return {
        "index": list(range(n)),
        "step": [10 * i for i in range(n)],
        "kind": kinds or ["probability"] * n,
        "values": {"key": rows},
    }


def test_a_choice_settles_at_its_last_change() -> None:
    rows = [[0.6, 0.4], [0.4, 0.6], [0.6, 0.4], *[[0.7, 0.3]] * 10]
    found = key_series(overview(rows), "key", 1)
    assert (list(found.changed), found.since, found.state) == ([1, 2], 2, "settled")


def test_a_late_change_has_not_settled() -> None:
    found = key_series(overview([*[[0.6, 0.4]] * 20, [0.4, 0.6]]), "key", 1)
    assert (list(found.changed), found.since, found.state) == ([20], None, "moving")


def test_final_records_do_not_count() -> None:
    kinds = [*["probability"] * 5, "final"]
    found = key_series(overview([*[[0.6, 0.4]] * 5, [0.0, 1.0]], kinds), "key", 1)
    assert (list(found.changed), found.since, found.state) == ([], 0, "settled")
    assert found.entropy[-1] is None


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([[0.5, 0.5]] * 4, "equal"),
        ([None] * 4, "empty"),
        ([None, [0.9, 0.1], None, *[[0.8, 0.2]] * 4], "settled"),
        ([None, [0.9, 0.1], None, *[[0.8, 0.2]] * 3], "few"),
        ([[0.1, 0.9], *[[0.8, 0.2]] * 3], "few"),
        ([[1.0]] * 4, "fixed"),
    ],
)
def test_states(rows: list[Any], state: str) -> None:
    assert key_series(overview(rows), "key", 1).state == state


@pytest.mark.parametrize(
    ("row", "n_chosen", "expected"),
    [
        ([0.25] * 4, 1, 1.0),
        ([1.0, 0.0, 0.0], 1, 0.0),
        ([2.0, 2.0], 1, 1.0),
        ([0.5, 0.25, 0.25], 1, 1.5 * math.log(2) / math.log(3)),
        ([0.0, 0.0], 1, None),
        ([0.5, 0.5], None, 1.0),
        ([1.0, 1.0, 0.0], None, 0.0),
        ([0.5, 1.0], [0, 2], 0.5),
        ([1.0, 0.0, 1.0, 0.0], 2, 0.0),
        ([0.9, 0.0, 0.1, 0.0], 2, 0.0),
        ([0.25] * 4, 2, 1.0),
        ([1e308] * 4, 2, 1.0),
        ([0.5, 0.5, 0.5], 2, 1.0),
        ([0.8, 0.6, 0.4, 0.2], 2, (_of_two(0.8) + _of_two(0.6)) / 2),
        ([6.0, 1.0, 1.0, 0.0], 2, 0.5),
        ([1.0, 0.0, 0.0, 0.0], 2, 0.75 * _of_two(1 / 3)),
        ([0.7, 0.2, 0.1], 3, 0.0),
        ([0.0, 0.0, 0.0], 2, None),
    ],
)
def test_entropies(row: list[float], n_chosen: Any, expected: float | None) -> None:
    [found] = key_series(overview([row]), "key", n_chosen).entropy
    assert found == (None if expected is None else pytest.approx(expected))


def test_samples_are_seen_by_their_means() -> None:
    rows = [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    found = key_series(overview(rows, ["sample"] * 4), "key", 1)
    assert found.rows == [[1.0, 0.0], [0.5, 0.5], [2 / 3, 1 / 3], [0.75, 0.25]]


def test_two_of_four_settle_as_a_set_without_entropy() -> None:
    rows = [*[[0.5] * 4] * 4, *[[1.0, 0.0, 1.0, 0.0]] * 16]
    found = key_series(overview(rows), "key", 2)
    assert (found.entropy[0], found.entropy[-1]) == (1.0, 0.0)
    assert (found.since, found.state) == (4, "settled")


def test_the_mean_leaves_out_what_was_never_told_apart() -> None:
    told = key_series(overview([[1.0, 0.0], [0.5, 0.5]]), "key", 1)
    equal = key_series(overview([[0.5, 0.5]] * 2), "key", 1)
    assert mean_entropy([told, equal]) == [0.0, 1.0]


_SCRIPT = """
import { readFileSync } from "node:fs";
import { countedPlaces, keySeries } from "%(page)s/time/settling.js";
const { log, chosen } = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(Object.keys(log.values).map((key) => {
  const about = { window: 50, counted: countedPlaces(log) };
  if (key in chosen) about.chosen = chosen[key];
  const found = keySeries(log, key, about);
  return [found.changes, found.state === "settled" ? found.since : null, found.state,
    Array.from(found.entropy, (x) => (Number.isNaN(x) ? null : x))];
})));
"""


@pytest.mark.parametrize("seed", range(4))
def test_figures_and_the_page_agree(seed: int, tmp_path: Path) -> None:
    driver = pytest.importorskip("playwright._impl._driver")
    node, _ = driver.compute_driver_executable()
    rng = random.Random(seed)
    n = 200
    kinds = [*rng.choices(["probability", "sample"], k=n - 1), "final"]
    values: dict[str, list[Any]] = {}
    chosen: dict[str, Any] = {"a": 1, "b": 2, "c": None, "d": [1, 2], "g": 3, "h": 2}
    for key in "abcdefgh":
        drift = [rng.random() for _ in range(4)]
        rows = [
            None if rng.random() < 0.05 else [round(d + rng.gauss(0, i / n), 3) for d in drift]
            for i in range(n, 0, -1)
        ]
        values[key] = [row and [min(max(x, 0.0), 1.0) for x in row] for row in rows]
    values["f"] = [[float(x > 0.5) for x in row] if row else None for row in values["f"]]
    values["h"] = [row if i % 67 == 0 else None for i, row in enumerate(values["h"])]
    log = {**overview([None] * n, kinds), "values": values}
    script = tmp_path / "series.mjs"
    script.write_text(_SCRIPT % {"page": PAGE.as_posix()})
    done = subprocess.run(
        [node, "--no-warnings", str(script)],
        input=json.dumps({"log": log, "chosen": chosen}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for key, (changes, since, state, entropy) in zip(values, json.loads(done.stdout), strict=True):
        found = key_series(log, key, chosen.get(key, "unknown"))
        assert (len(found.changed), found.since, found.state) == (changes, since, state), key
        assert found.entropy == [
            None if x is None else pytest.approx(x, abs=1e-6) for x in entropy
        ], key
