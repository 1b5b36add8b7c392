"""The generated parts of the pages, as Markdown."""

from __future__ import annotations

import math
from statistics import fmean

from nas_tuners.bench.statistics import Summary, summarize
from nas_tuners.bench.tables import describe
from nas_tuners.tuners._cards import CARDS

from . import trade_off as two_objectives
from .markdown import markdown_table
from .methods import split
from .results import Results, evaluations_for

_BUDGETS = (50, 100, 200, 400)
_LONG_BUDGETS = (400, 1_000, 2_500, 5_000)
_WORKERS = (50, 100, 200)
_LATE = 200
_BEST_TEST = 94.37  # of NAS-Bench-201 on CIFAR-10
_PAPER = (("regularized evolution", "93.92 ± 0.30"), ("random", "93.70 ± 0.36"))


def table(results: Results, name: str) -> str:
    """All methods on one table."""
    parts = [f"## {name}", describe(name), *_end_of_search(results, name)]
    parts += [f"![mean test regret](plots/{name}.svg)"]
    for kind in ("test_regret", "validation_regret"):
        parts += [f"Mean {kind.replace('_', ' ')} with 95 % confidence interval:"]
        parts += [_means(results, name, kind)]
    parts += ["Median / standard deviation of the test regret, and what a suggestion takes:"]
    return "\n\n".join([*parts, _spreads(results, name)])


def overview(results: Results, kind: str) -> str:
    """Mean regret of every method on every published table, at 50 / 100 / 200 / 400."""
    names = results.published
    methods = dict.fromkeys(method for name in names for method in results.methods(name))
    rows = [
        [
            f"`{method}`",
            *(_short(results, name, method, kind) for name in names),
            _cost(results, method),
        ]
        for method in methods
    ]
    return markdown_table(["", *names, "a suggestion"], rows)


def ends(results: Results) -> str:
    """Where a search ends that knows all validation results."""
    found = [(name, results.at_optimum(name)) for name in results.published]
    rows = [[name, f"{regret:.3f}"] for name, regret in found if regret is not None]
    return markdown_table(["table", "test regret of the best by validation"], rows)


def workers(results: Results) -> str:
    """What four asynchronous workers cost, in validation regret."""
    rows = []
    for name in results.tables:
        for method in results.methods(name, workers=4):
            one = results.curve(name, split(method)[0], "validation_regret")
            four = results.curve(name, method, "validation_regret")
            shared = [budget for budget in _WORKERS if budget in one and budget in four]
            pairs = [f"{one[budget]:.3f} / {four[budget]:.3f}" for budget in shared]
            if len(pairs) == len(_WORKERS):
                needed = evaluations_for(four, one[_LATE])
                text = f"{needed:.0f}" if math.isfinite(needed) else f"more than {max(four)}"
                rows.append([name, f"`{split(method)[0]}`", *pairs, text])
    heads = ["table", "tuner", *(f"{budget}: one / four" for budget in _WORKERS)]
    return markdown_table([*heads, f"four need for what one has at {_LATE}"], rows)


def in_time(results: Results) -> str:
    """Mean test accuracy within the simulated time of the NAS-Bench-201 paper."""
    name, rows = "nasbench201-cifar10", []
    for method in results.methods(name):
        regrets = [r.get("test_regret_in_time") for r in results.records(name, method)]
        found = [_BEST_TEST - regret for regret in regrets if regret is not None]
        if found:
            s = summarize(found)
            rows.append([method, f"{s.count}", f"{s.mean:.2f} ± {s.sd:.2f}", _interval(s, 2)])
    rows += [[f"published: {method}", "", text, ""] for method, text in _PAPER]
    return markdown_table(["method", "seeds", "test accuracy", "95 % interval of the mean"], rows)


def trade_off(results: Results) -> str:
    """Accuracy and latency together."""
    name, kind, rows = two_objectives.NAME, "missing_share", []
    for method in results.methods(name):
        figures = [
            _summary(results, name, method, budget, kind) for budget in two_objectives.BUDGETS
        ]
        cells = [f"{s.mean:.2%} [{s.low:.2%}, {s.high:.2%}]" if s else "" for s in figures]
        rows.append([f"`{method}`", f"{len(results.records(name, method))}", *cells])
    return markdown_table(["", "seeds", *map(str, two_objectives.BUDGETS)], rows)


def cards() -> str:
    """What each tuner is for."""
    rows = [
        [f"`{name}`", card.strengths, card.limits, card.cost]
        for name, card in sorted(CARDS.items())
    ]
    return markdown_table(["tuner", "strengths", "limits", "cost of a suggestion"], rows)


def _end_of_search(results: Results, name: str) -> list[str]:
    regret = results.at_optimum(name)
    if regret is None or name.startswith("synthetic"):
        return []
    return [
        "A perfect search ends with an architecture that has the best validation result, "
        f"whose test regret is {regret:.3f}."
    ]


def _means(results: Results, name: str, kind: str) -> str:
    methods, budgets = results.methods(name), _budgets_of(results, name)
    figures = {
        (method, budget): _summary(results, name, method, budget, kind)
        for method in methods
        for budget in budgets
    }
    best = {
        budget: min(s.mean for method in methods if (s := figures[method, budget]) is not None)
        for budget in budgets
        if any(figures[method, budget] for method in methods)
    }
    rows = [
        [f"`{method}`", *(_mean_cell(figures[method, b], best.get(b)) for b in budgets)]
        for method in methods
    ]
    return markdown_table(["", *(f"{budget:,}" for budget in budgets)], rows)


def _spreads(results: Results, name: str) -> str:
    rows = []
    budgets = _budgets_of(results, name)
    for method in results.methods(name):
        figures = [_summary(results, name, method, b, "test_regret") for b in budgets]
        spread = [f"{s.median:.3f} / {s.sd:.3f}" if s else "" for s in figures]
        records = results.records(name, method)
        new = fmean(r["distinct"] / r["evaluations"] for r in records)
        milliseconds = 1e3 * results.average(name, method, "seconds_per_ask")
        rows.append(
            [f"`{method}`", f"{len(records)}", *spread, f"{milliseconds:.2f} ms", f"{new:.0%}"]
        )
    heads = ["", "seeds", *(f"{budget:,}" for budget in budgets), "processor time", "new"]
    return markdown_table(heads, rows)


def _summary(results: Results, name: str, method: str, budget: int, kind: str) -> Summary | None:
    values = list(results.regret(name, method, budget, kind).values())
    return summarize(values) if values else None


def _mean_cell(figure: Summary | None, best: float | None) -> str:
    if figure is None:
        return ""
    mean = f"**{figure.mean:.3f}**" if figure.mean == best else f"{figure.mean:.3f}"
    return f"{mean} {_interval(figure, 3)}"


def _interval(figure: Summary, digits: int) -> str:
    return f"[{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _short(results: Results, name: str, method: str, kind: str) -> str:
    curve = results.curve(name, method, kind)
    return " / ".join(f"{curve[budget]:.2f}" if budget in curve else "-" for budget in _BUDGETS)


def _cost(results: Results, method: str) -> str:
    times = [
        results.average(name, method, "seconds_per_ask")
        for name in results.published
        if results.records(name, method)
    ]
    return f"{1e3 * fmean(times):.2f} ms"


def _budgets_of(results: Results, name: str) -> tuple[int, ...]:
    reached = max(max(results.budgets(name, method)) for method in results.methods(name))
    return _LONG_BUDGETS if reached > max(_BUDGETS) else _BUDGETS
