"""Measure a tuner on a table of results that others published."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError, Problem

from . import exit_codes
from ._arguments import positive_number

if TYPE_CHECKING:
    from nas_tuners.bench import Trace

_PEERS = "optuna-tpe, optuna-tpe-univariate, optuna-gp, optuna-nsga2"
_BUDGETS = (50, 100, 200, 400, 1_000, 2_000, 5_000, 10_000)


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    tuner = "what a configuration can name, or a sampler of Optuna in a plain study: " + _PEERS
    add("--tuner", metavar="NAME", help=tuner)
    add(
        "--tuner-args",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        type=_argument,
        help="arguments of the tuner",
    )
    add("--table", metavar="NAME", help="the table (--list shows them)")
    counts = (
        ("--seeds", "N", 10, "searches"),
        ("--evaluations", "N", 200, "architectures tried in a search"),
        ("--workers", "K", 1, "trials that run at the same time"),
    )
    for name, metavar, default, what in counts:
        text = f"{what} (default: {default})"
        add(name, metavar=metavar, type=positive_number, default=default, help=text)
    add("--list", action="store_true", help="list the tables and end")
    parser.epilog = (
        "The folder of published tables is named by NAS_TUNERS_DATA (default: ../shared/data).\n"
        "Regret: the best result in the table - that of the best architecture by validation."
    )


def run(options: argparse.Namespace) -> int:
    if options.list:
        _list_tables()
        return exit_codes.OK
    missing = [f"--{name}" for name in ("tuner", "table") if getattr(options, name) is None]
    if missing:
        raise ConfigError([Problem(name, "is missing (see --help)") for name in missing])
    traces = _search(options)
    workers = f", {options.workers} workers" if options.workers > 1 else ""
    print(f"{options.tuner} on {options.table}, {options.seeds} seeds{workers}")
    _print_regret("test regret", [trace.test_regret for trace in traces], options.evaluations)
    _print_regret(
        "validation regret", [trace.validation_regret for trace in traces], options.evaluations
    )
    _print_cost(traces)
    return exit_codes.OK


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _list_tables() -> None:
    from nas_tuners.bench import TABLES, data_folder
    from nas_tuners.bench.tables import describe

    for name in TABLES:
        print(f"{name:<26} {describe(name)}")
    print(f"\nFiles are looked for in {data_folder().resolve()}")


def _search(options: argparse.Namespace) -> list[Trace]:
    from tqdm import tqdm

    from nas_tuners.bench import load_table, search

    table = load_table(options.table)
    total = options.seeds * options.evaluations
    hidden = not sys.stderr.isatty()
    with tqdm(total=total, unit="evaluation", leave=False, disable=hidden) as bar:
        return [
            search(
                options.tuner,
                table,
                options.evaluations,
                seed=seed,
                workers=options.workers,
                arguments=dict(options.tuner_args),
                progress=bar.update,
            )
            for seed in range(options.seeds)
        ]


def _print_regret(title: str, regrets: list[list[float]], evaluations: int) -> None:
    from nas_tuners.bench.statistics import summarize

    print(f"\n{title:<18}   mean   95 % interval    median      sd")
    moments = sorted({budget for budget in _BUDGETS if budget < evaluations} | {evaluations})
    for moment in moments:
        values = [regret[min(moment, len(regret)) - 1] for regret in regrets]
        found = [value for value in values if math.isfinite(value)]
        if found:
            s = summarize(found)
            interval = f"[{s.low:.3f}, {s.high:.3f}]"
            print(f"{moment:>18,} {s.mean:>6.3f}  {interval:<16} {s.median:>6.3f}  {s.sd:>6.3f}")


def _print_cost(traces: list[Trace]) -> None:
    evaluated = sum(len(trace.vectors) for trace in traces)
    distinct = sum(trace.distinct for trace in traces)
    milliseconds = 1e3 * sum(trace.ask_seconds for trace in traces) / evaluated
    print(
        f"\n{distinct / evaluated:.1%} of the architectures tried were new; "
        f"a suggestion took {milliseconds:.2f} ms of processor time."
    )
