"""The flagship against what people would take instead, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import trade_off
from .comparison import Comparison, against_best, compare
from .markdown import markdown_table
from .methods import FLAGSHIP, RIVALS, SLOW
from .results import Results

_BUDGETS = (50, 100, 200, 400)
_EARLY, _LATE, _LATE_PEER = 50, 200, "optuna-tpe"


def against_rivals(results: Results, kind: str) -> str:
    """On every published table at every budget, against the best rival there."""
    return _against(results, results.published, RIVALS, _BUDGETS, kind)


def against_slow(results: Results, kind: str) -> str:
    """The same against the peer that has few seeds."""
    return _against(results, results.published, (SLOW,), _BUDGETS, kind)


def early_against_late(results: Results, kind: str) -> str:
    """After 50 evaluations against TPE after 200."""
    rows = []
    for name in results.published:
        ours = results.regret(name, FLAGSHIP, _EARLY, kind)
        theirs = results.regret(name, _LATE_PEER, _LATE, kind)
        if ours and theirs:
            rows.append([name, *_cells(compare(ours, _LATE_PEER, theirs))])
    heads = [f"{FLAGSHIP} at {_EARLY}", "against", f"its mean at {_LATE}"]
    return markdown_table(["table", *heads, "seeds", "p", "verdict"], rows)


def trade_offs(results: Results) -> str:
    """With two objectives, against the best of Optuna's samplers."""
    return _against(results, [trade_off.NAME], RIVALS, trade_off.BUDGETS, "missing_share")


def _against(
    results: Results,
    tables: Iterable[str],
    rivals: tuple[str, ...],
    budgets: Sequence[int],
    kind: str,
) -> str:
    rows = []
    for name in tables:
        for budget in budgets:
            found = against_best(results, name, FLAGSHIP, rivals, budget, kind)
            if found is not None:
                rows.append([name, f"{budget}", *_cells(found)])
    heads = ["table", "evaluations", FLAGSHIP, "best rival", "its mean", "seeds", "p", "verdict"]
    return markdown_table(heads, rows)


def _cells(found: Comparison) -> list[str]:
    p = f"{found.p:.3f}" if found.p >= 0.001 else "< 0.001"
    means = [f"{found.ours:.3f}", found.peer, f"{found.theirs:.3f}"]
    return [*means, f"{found.seeds}", p, found.verdict]
