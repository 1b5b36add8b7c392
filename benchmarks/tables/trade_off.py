"""Two objectives: validation accuracy and latency on NAS-Bench-201."""

from __future__ import annotations

from typing import Any

from nas_tuners.bench import TradeOff, load_table, search_trade_off

from .methods import FLAGSHIP

TABLE, DEVICE = "nasbench201-cifar10", "pixel3"
NAME = f"{TABLE}-{DEVICE}"
METHODS = (FLAGSHIP, "random", "optuna-tpe", "optuna-nsga2")
BUDGETS = (50, 100, 200)


def load() -> TradeOff:
    """Read the table.

    Raises:
        TableError: if a file is missing.
    """
    return TradeOff.of(load_table(TABLE), DEVICE)


def search(method: str, goal: TradeOff, seed: int) -> dict[str, Any]:
    """One search, as it is stored.

    Args:
        method: A sampler of Optuna in a plain study, or the name of a tuner.
        goal: What is searched.
        seed: Of everything random.
    """
    trace = search_trade_off(method, goal, max(BUDGETS), seed=seed)
    return {
        "seed": seed,
        "evaluations": len(trace.vectors),
        "missing_share": {
            str(budget): round(goal.missing_share(trace.vectors[:budget]), 6) for budget in BUDGETS
        },
        "distinct": trace.distinct,
        "seconds_per_ask": round(trace.ask_seconds / len(trace.vectors), 7),
    }
