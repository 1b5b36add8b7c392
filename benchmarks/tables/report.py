"""The pages and pictures, from the stored results alone."""

from __future__ import annotations

from pathlib import Path
from string import Template

from nas_tuners.contract.json_files import write_text

from . import sections, verdicts
from .plots import draw
from .results import Results

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[1] / "docs"


def write_pages(results: Results, here: Path = _HERE, docs: Path = _DOCS) -> None:
    """Write the measurements (README.md and plots/) and the advice (which_tuner.md)."""
    parts = {
        "verdicts_test": verdicts.against_rivals(results, "test_regret"),
        "verdicts_validation": verdicts.against_rivals(results, "validation_regret"),
        "slow_test": verdicts.against_slow(results, "test_regret"),
        "slow_validation": verdicts.against_slow(results, "validation_regret"),
        "early_test": verdicts.early_against_late(results, "test_regret"),
        "early_validation": verdicts.early_against_late(results, "validation_regret"),
        "ends": sections.ends(results),
        "workers": sections.workers(results),
        "verdicts_trade_off": verdicts.trade_offs(results),
        "trade_off": sections.trade_off(results),
        "cards": sections.cards(),
        "time": sections.in_time(results),
        "overview_test": sections.overview(results, "test_regret"),
        "overview_validation": sections.overview(results, "validation_regret"),
        "tables": "\n\n".join(sections.table(results, name) for name in results.tables),
    }
    for target in (here / "README.md", docs / "which_tuner.md"):
        template = Template((_HERE / "templates" / target.name).read_text(encoding="utf-8"))
        write_text(target, template.substitute(parts).rstrip() + "\n")
    for name in results.tables:
        draw(results, name, here / "plots" / f"{name}.svg")
