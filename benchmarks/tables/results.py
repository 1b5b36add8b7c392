"""Stored results, as the pages need them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from nas_tuners.bench import TABLES

from .methods import in_order
from .store import RESULTS, Store
from .trade_off import NAME as TRADE_OFF

_Records = list[dict[str, Any]]


class Results:
    """Everything that has been run.

    Args:
        folder: Where results are kept.
    """

    def __init__(self, folder: Path = RESULTS) -> None:
        self._records: dict[str, dict[str, _Records]] = {}
        for table in (*TABLES, TRADE_OFF):
            files = sorted((folder / table).glob("*.jsonl"))
            found = {file.stem: Store(table, file.stem, folder).records() for file in files}
            if any(found.values()):
                self._records[table] = {
                    name: records for name, records in found.items() if records
                }

    @property
    def tables(self) -> list[str]:
        """Those with results of one objective."""
        return [name for name in self._records if name != TRADE_OFF]

    @property
    def published(self) -> list[str]:
        """Those of them that others measured."""
        return [name for name in self.tables if not name.startswith("synthetic")]

    def methods(self, table: str, *, workers: int = 1) -> list[str]:
        """Those with results on a table; with several workers, their names end in ``@workers``."""
        ending = "" if workers == 1 else f"@{workers}"
        names = [name for name in self._records.get(table, {}) if name.endswith(ending)]
        return in_order(name for name in names if ("@" in name) == (workers > 1))

    def records(self, table: str, method: str) -> _Records:
        """One a seed; none if the method has not been run."""
        return self._records.get(table, {}).get(method, [])

    def regret(
        self, table: str, method: str, budget: int, kind: str = "test_regret"
    ) -> dict[int, float]:
        """Seed -> regret after so many evaluations, where there is one."""
        at = {r["seed"]: r[kind].get(str(budget)) for r in self.records(table, method)}
        return {seed: value for seed, value in at.items() if value is not None}

    def budgets(self, table: str, method: str) -> list[int]:
        """The numbers of evaluations that every search reached."""
        reached = [set(r["test_regret"]) for r in self.records(table, method)]
        return sorted(map(int, set.intersection(*reached))) if reached else []

    def curve(self, table: str, method: str, kind: str = "test_regret") -> dict[int, float]:
        """Evaluations -> mean regret."""
        means = {b: self.regret(table, method, b, kind) for b in self.budgets(table, method)}
        return {budget: fmean(values.values()) for budget, values in means.items() if values}

    def at_optimum(self, table: str) -> float | None:
        """The test regret of the best architecture by validation, if any search has found it."""
        for record in chain.from_iterable(self._records.get(table, {}).values()):
            for budget, regret in record["validation_regret"].items():
                if regret == 0.0:
                    found: float = record["test_regret"][budget]
                    return found
        return None

    def average(self, table: str, method: str, field: str) -> float:
        """The mean of a figure that each search has."""
        return fmean(record[field] for record in self.records(table, method))


def evaluations_for(curve: Mapping[int, float], regret: float) -> float:
    """Where a curve of mean regret first comes down to a value; infinite if it never does.

    Between two budgets the regret is taken to fall linearly in the logarithm of the evaluations.
    """
    before: tuple[int, float] | None = None
    for budget, value in sorted(curve.items()):
        if value <= regret:
            if before is None:
                return budget
            share = (before[1] - regret) / (before[1] - value)
            return math.exp(math.log(before[0]) + share * math.log(budget / before[0]))
        before = (budget, value)
    return math.inf
