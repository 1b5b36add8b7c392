"""The figures that ``nas-tuners bench`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas_tuners.bench import Table, Trace, TradeOffTrace
    from nas_tuners.bench.statistics import Summary

_BUDGETS = (50, 100, 200, 400, 1_000, 2_000, 5_000, 10_000)


def moments(evaluations: int) -> list[int]:
    """After how many evaluations figures are printed."""
    return sorted({budget for budget in _BUDGETS if budget < evaluations} | {evaluations})


def print_curve(title: str, curves: Sequence[Sequence[float]]) -> None:
    """What is known after each evaluation; a search that ended early keeps its last figure."""
    labels = moments(max(map(len, curves)))
    rows = [[curve[min(label, len(curve)) - 1] for curve in curves] for label in labels]
    print_rows(title, labels, rows)


def print_rows(title: str, labels: Iterable[int], rows: Iterable[Sequence[float]]) -> None:
    """One row a label, of the values of all searches."""
    from nas_tuners.bench.statistics import summarize

    print(f"\n{title:<18}   mean   95 % interval    median      sd")
    for label, values in zip(labels, rows, strict=True):
        found = [value for value in values if math.isfinite(value)]
        if found:
            s = summarize(found)
            interval, sd = _spread(s)
            print(f"{label:>18,} {s.mean:>6.3f}  {interval:<16} {s.median:>6.3f}  {sd:>6}")


def print_end(
    evaluations: int, table: Table, traces: Sequence[Trace] | Sequence[TradeOffTrace]
) -> None:
    """Why there are fewer evaluations than asked for, if there are."""
    longest = max(len(trace.vectors) for trace in traces)
    if longest >= evaluations:
        return
    if longest >= table.space.size:
        print(f"\n{longest:,} architectures are all there are")
    else:
        print(f"\nthe searches ended by themselves after {longest:,} evaluations at most")


def print_in_time(seconds: int, table: Table, traces: Sequence[Trace]) -> None:
    """The result of the choice at a moment of the simulated clock."""
    from nas_tuners.bench.statistics import summarize

    results = [table.best_test - trace.test_regret_after(seconds) for trace in traces]
    found = [result for result in results if math.isfinite(result)]
    when = f"{seconds:,} simulated seconds"
    if found:
        print(f"\ntest result of the choice after {when}: {_in_words(summarize(found))}")
    none = len(results) - len(found)
    if none:
        print(f"{none} of {len(traces)} searches had no result after {when}")
    short = sum(trace.seconds[-1] < seconds for trace in traces)
    if short:
        print(f"{short} of {len(traces)} searches ended before; --evaluations takes more")


def print_cost(traces: Sequence[Trace] | Sequence[TradeOffTrace]) -> None:
    """How often architectures were new, and what suggestions took."""
    evaluated = sum(len(trace.vectors) for trace in traces)
    distinct = sum(trace.distinct for trace in traces)
    milliseconds = 1e3 * sum(trace.ask_seconds for trace in traces) / evaluated
    print(
        f"\n{distinct / evaluated:.1%} of the architectures tried were new; "
        f"a suggestion took {milliseconds:.2f} ms of processor time."
    )


def _in_words(summary: Summary) -> str:
    if summary.count == 1:
        return f"{summary.mean:.3f}"
    interval, sd = _spread(summary)
    return f"mean {summary.mean:.3f} {interval}, median {summary.median:.3f}, sd {sd}"


def _spread(summary: Summary) -> tuple[str, str]:
    """Interval and standard deviation, which one value does not have."""
    if summary.count == 1:
        return "-", "-"
    return f"[{summary.low:.3f}, {summary.high:.3f}]", f"{summary.sd:.3f}"
