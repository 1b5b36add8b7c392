"""Measure a tuner on a table of results that others published."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from nas_tuners.contract.errors import ConfigError, Problem

from . import exit_codes
from ._arguments import positive_number
from ._linear_algebra import load_with_one_thread

if TYPE_CHECKING:
    from nas_tuners.bench import Table, Trace, TradeOffTrace

    Progress = Callable[[], object]

_T = TypeVar("_T")

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
    add(
        "--seconds",
        metavar="S",
        type=positive_number,
        help="report the choice after so many simulated seconds of training, too",
    )
    add(
        "--device",
        metavar="NAME",
        help="search for two objectives: the result, and the latency on this device",
    )
    add("--list", action="store_true", help="list the tables and end")
    parser.epilog = (
        "The folder of published tables is named by NAS_TUNERS_DATA (default: ../shared/data).\n"
        "Regret: the best result in the table - that of the best architecture by validation.\n"
        "With --device: the share of the hypervolume beyond the median that is still missing."
    )


def run(options: argparse.Namespace) -> int:
    if options.list:
        _list_tables()
        return exit_codes.OK
    missing = [f"--{name}" for name in ("tuner", "table") if getattr(options, name) is None]
    if missing:
        raise ConfigError([Problem(name, "is missing (see --help)") for name in missing])
    load_with_one_thread()
    from nas_tuners.bench import load_table

    table = load_table(options.table)
    _require_fitting(options, table)
    if options.device is None:
        _measure_regret(options, table)
    else:
        _measure_trade_off(options, table)
    return exit_codes.OK


def _require_fitting(options: argparse.Namespace, table: Table) -> None:
    problems = []
    if options.device is not None:
        for name, given in (("seconds", options.seconds), ("workers", options.workers > 1)):
            if given:
                problems.append(Problem(f"--{name}", "cannot be used together with --device"))
    elif options.seconds is not None and not table.has_costs:
        where = f"table {table.name} does not say how long training took"
        problems.append(Problem("--seconds", f"{where}; leave it out"))
    if problems:
        raise ConfigError(problems)


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


def _measure_regret(options: argparse.Namespace, table: Table) -> None:
    from nas_tuners.bench import search

    arguments, workers = dict(options.tuner_args), options.workers
    traces = _each_seed(
        options,
        lambda seed, progress: search(
            options.tuner,
            table,
            options.evaluations,
            seed=seed,
            workers=workers,
            arguments=arguments,
            progress=progress,
        ),
    )
    several = f", {workers} workers" if workers > 1 else ""
    print(f"{options.tuner} on {table.name}, {options.seeds} seeds{several}")
    _print_curve("test regret", [trace.test_regret for trace in traces], options.evaluations)
    _print_curve(
        "validation regret", [trace.validation_regret for trace in traces], options.evaluations
    )
    if options.seconds is not None:
        _print_in_time(options.seconds, table, traces)
    _print_cost(traces)


def _measure_trade_off(options: argparse.Namespace, table: Table) -> None:
    from nas_tuners.bench import TradeOff, search_trade_off

    goal, arguments = TradeOff.of(table, options.device), dict(options.tuner_args)
    traces = _each_seed(
        options,
        lambda seed, progress: search_trade_off(
            options.tuner,
            goal,
            options.evaluations,
            seed=seed,
            arguments=arguments,
            progress=progress,
        ),
    )
    print(f"{options.tuner} on {table.name} with latency on {goal.device}, {options.seeds} seeds")
    moments = _moments(options.evaluations)
    shares = [
        [goal.missing_share(trace.vectors[:moment]) for moment in moments] for trace in traces
    ]
    _print_rows("volume missing", moments, zip(*shares, strict=True))
    _print_cost(traces)


def _each_seed(options: argparse.Namespace, search: Callable[[int, Progress], _T]) -> list[_T]:
    from tqdm import tqdm

    total = options.seeds * options.evaluations
    hidden = not sys.stderr.isatty()
    with tqdm(total=total, unit="evaluation", leave=False, disable=hidden) as bar:
        return [search(seed, bar.update) for seed in range(options.seeds)]


def _moments(evaluations: int) -> list[int]:
    """After how many evaluations figures are printed."""
    return sorted({budget for budget in _BUDGETS if budget < evaluations} | {evaluations})


def _print_curve(title: str, curves: list[list[float]], evaluations: int) -> None:
    moments = _moments(evaluations)
    rows = [[curve[min(moment, len(curve)) - 1] for curve in curves] for moment in moments]
    _print_rows(title, moments, rows)


def _print_rows(title: str, labels: Iterable[int], rows: Iterable[Sequence[float]]) -> None:
    from nas_tuners.bench.statistics import summarize

    print(f"\n{title:<18}   mean   95 % interval    median      sd")
    for label, values in zip(labels, rows, strict=True):
        found = [value for value in values if math.isfinite(value)]
        if found:
            s = summarize(found)
            interval = f"[{s.low:.3f}, {s.high:.3f}]"
            print(f"{label:>18,} {s.mean:>6.3f}  {interval:<16} {s.median:>6.3f}  {s.sd:>6.3f}")


def _print_in_time(seconds: int, table: Table, traces: list[Trace]) -> None:
    from nas_tuners.bench.statistics import summarize

    results = [table.best_test - trace.test_regret_after(seconds) for trace in traces]
    found = [result for result in results if math.isfinite(result)]
    when = f"{seconds:,} simulated seconds"
    if found:
        s = summarize(found)
        print(
            f"\ntest result of the choice after {when}: mean {s.mean:.3f} "
            f"[{s.low:.3f}, {s.high:.3f}], median {s.median:.3f}, sd {s.sd:.3f}"
        )
    none = len(results) - len(found)
    if none:
        print(f"{none} of {len(traces)} searches had no result after {when}")
    short = sum(trace.seconds[-1] < seconds for trace in traces)
    if short:
        print(f"{short} of {len(traces)} searches ended before; --evaluations takes more")


def _print_cost(traces: Sequence[Trace | TradeOffTrace]) -> None:
    evaluated = sum(len(trace.vectors) for trace in traces)
    distinct = sum(trace.distinct for trace in traces)
    milliseconds = 1e3 * sum(trace.ask_seconds for trace in traces) / evaluated
    print(
        f"\n{distinct / evaluated:.1%} of the architectures tried were new; "
        f"a suggestion took {milliseconds:.2f} ms of processor time."
    )
