"""Results on disk: one file a table and method, a header line, then one line a search."""

from __future__ import annotations

import json
import math
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nas_tuners.bench import Table, Trace

RESULTS = Path(__file__).parent / "results"
SECONDS = 12_000  # of simulated training, the budget of the NAS-Bench-201 paper
BUDGETS = (10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 400, 600, 1_000, 1_500, 2_500, 5_000)


class Store:
    """The results of one method on one table, appended to.

    Args:
        table: The table's name.
        method: The method's name.
        folder: Where results are kept.
    """

    def __init__(self, table: str, method: str, folder: Path = RESULTS) -> None:
        self.path = folder / table / f"{method.replace(':', '.')}.jsonl"

    def records(self) -> list[dict[str, Any]]:
        """One a search, by seed. A torn line is as if it had not been written."""
        found = {record["seed"]: record for record in self._lines() if "seed" in record}
        return [found[seed] for seed in sorted(found)]

    def seeds(self, evaluations: int) -> set[int]:
        """Those that have been run at this length or longer."""
        return {r["seed"] for r in self.records() if r["evaluations"] >= evaluations}

    def append(self, record: dict[str, Any]) -> None:
        """Add one search."""
        text = json.dumps(record, separators=(",", ":")) + "\n"
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(_header(), separators=(",", ":")) + "\n" + text
        elif not self.path.read_bytes().endswith(b"\n"):
            text = "\n" + text
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        lines = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return lines


def summary(table: Table, trace: Trace, seed: int, evaluations: int) -> dict[str, Any]:
    """What is kept of a search. A regret is null where nothing had succeeded yet.

    A search that ended early, because it had tried everything, keeps its last choice.
    """
    record: dict[str, Any] = {
        "seed": seed,
        "evaluations": evaluations,
        "test_regret": _at_budgets(trace.test_regret, evaluations),
        "validation_regret": _at_budgets(trace.validation_regret, evaluations),
        "distinct": trace.distinct,
        "seconds_per_ask": round(trace.ask_seconds / max(len(trace.vectors), 1), 7),
        "found_best_at": trace.found_best_at,
    }
    if table.has_costs:
        record["test_regret_in_time"] = _rounded(trace.test_regret_after(SECONDS))
    return record


def _at_budgets(values: list[float], evaluations: int) -> dict[str, float | None]:
    moments = [budget for budget in BUDGETS if budget <= evaluations]
    return {str(budget): _rounded(values[min(budget, len(values)) - 1]) for budget in moments}


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _header() -> dict[str, Any]:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        **{package: version(package) for package in ("nas-tuners", "optuna", "numpy")},
    }
