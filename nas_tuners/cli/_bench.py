"""Measure a tuner on a table of results that others published."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nas_tuners.contract.errors import ConfigError, Problem

from . import _bench_figures as figures
from . import exit_codes
from ._arguments import positive_number
from ._linear_algebra import load_with_one_thread

if TYPE_CHECKING:
    from nas_tuners.bench import Table, Trace, TradeOffTrace
    from nas_tuners.bench.listing import Listing

    Progress = Callable[[], object]

_T = TypeVar("_T", "Trace", "TradeOffTrace")

_PEERS = "optuna-tpe, optuna-tpe-univariate, optuna-gp, optuna-nsga2"
_DEFAULT_TUNER = "BayesianTuner"


def configure(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    tuner = (
        "what a configuration can name, or a sampler of Optuna in a plain study: "
        f"{_PEERS} (default: {_DEFAULT_TUNER})"
    )
    add("--tuner", metavar="NAME", default=_DEFAULT_TUNER, help=tuner)
    add(
        "--tuner-args",
        metavar="KEY=VALUE",
        nargs="+",
        default=[],
        type=_argument,
        help="arguments of the tuner; optuna-... take none",
    )
    add("--table", metavar="NAME", help="the table (--list shows them)")
    counts = (
        ("--seeds", "N", 10, "searches"),
        ("--evaluations", "N", 200, "architectures tried in a search"),
        ("--workers", "K", 1, "trials that run at the same time; not with --device or optuna-..."),
    )
    for name, metavar, default, what in counts:
        text = f"{what} (default: {default})"
        add(name, metavar=metavar, type=positive_number, default=default, help=text)
    add(
        "--seconds",
        metavar="S",
        type=positive_number,
        help="report the choice after so many simulated seconds of training, too; not with "
        "--device",
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
        "Validation regret may fall below 0 on synthetic tables, whose best result is without\n"
        "the noise that a search sees.\n"
        "With --device: the share of the hypervolume beyond the median that is still missing."
    )


def run(options: argparse.Namespace) -> int:
    if options.list:
        _list_tables()
        return exit_codes.OK
    if options.table is None:
        raise ConfigError([Problem("--table", "is missing (--list shows the tables)")])
    load_with_one_thread()
    from nas_tuners.bench import load_table

    table = load_table(options.table)
    _require_fitting(options, table)
    measure = _measure_regret if options.device is None else _measure_trade_off
    return measure(options, table)


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
    from nas_tuners.bench import data_folder
    from nas_tuners.bench.listing import list_tables

    folder = data_folder()
    for listing in list_tables(folder):
        print(f"{listing.name:<26} {listing.summary}")
        print(textwrap.indent(_knows(listing), " " * 27))
    print(f"\nFiles are looked for in {folder.resolve()} (NAS_TUNERS_DATA names another).")
    print("What they hold, and where that comes from, is in docs/tables.md.")


def _knows(listing: Listing) -> str:
    """Whether it can be loaded, and what it knows beside results."""
    if listing.problem:
        return listing.problem
    known = ["found" if listing.files else "made from a seed"]
    known.append("training times" if listing.has_costs else "no training times")
    devices = ", ".join(listing.devices)
    known.append(f"latency on {devices}" if devices else "no latency")
    return "; ".join(known)


def _measure_regret(options: argparse.Namespace, table: Table) -> int:
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
            code_directory=Path.cwd(),
            progress=progress,
        ),
    )
    several = f", {workers} workers" if workers > 1 else ""
    print(f"{options.tuner} on {table.name}, {_seeds(options)}{several}")
    traces = _which_tried(traces)
    if not traces:
        return exit_codes.NO_RESULT
    figures.print_curve("test regret", [trace.test_regret for trace in traces])
    figures.print_curve("validation regret", [trace.validation_regret for trace in traces])
    figures.print_end(options.evaluations, table, traces)
    if options.seconds is not None:
        figures.print_in_time(options.seconds, table, traces)
    figures.print_cost(traces)
    return exit_codes.OK


def _measure_trade_off(options: argparse.Namespace, table: Table) -> int:
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
            code_directory=Path.cwd(),
            progress=progress,
        ),
    )
    print(f"{options.tuner} on {table.name} with latency on {goal.device}, {_seeds(options)}")
    traces = _which_tried(traces)
    if not traces:
        return exit_codes.NO_RESULT
    moments = figures.moments(max(len(trace.vectors) for trace in traces))
    shares = [
        [goal.missing_share(trace.vectors[:moment]) for moment in moments] for trace in traces
    ]
    figures.print_rows("volume missing", moments, zip(*shares, strict=True))
    figures.print_end(options.evaluations, table, traces)
    figures.print_cost(traces)
    return exit_codes.OK


def _seeds(options: argparse.Namespace) -> str:
    return f"{options.seeds} seed{'' if options.seeds == 1 else 's'}"


def _which_tried(traces: list[_T]) -> list[_T]:
    """The searches that have figures; says how many have none."""
    tried = [trace for trace in traces if trace.vectors]
    if len(tried) < len(traces):
        none = len(traces) - len(tried)
        print(f"{none} of {len(traces)} searches ended without trying anything")
    return tried


def _each_seed(options: argparse.Namespace, search: Callable[[int, Progress], _T]) -> list[_T]:
    from tqdm import tqdm

    total = options.seeds * options.evaluations
    hidden = not sys.stderr.isatty()
    with tqdm(total=total, unit="evaluation", leave=False, disable=hidden) as bar:
        return [search(seed, bar.update) for seed in range(options.seeds)]
