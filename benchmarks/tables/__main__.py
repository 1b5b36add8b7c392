"""Run searches on tables, and make the pages from what has been run.

::

    python -m benchmarks.tables run --methods optuna-tpe BayesianTuner --seeds 100
    python -m benchmarks.tables trade-off
    python -m benchmarks.tables report
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from nas_tuners.bench import TABLES

from .jobs import Job, run_job
from .methods import METHODS
from .store import RESULTS, Store

PUBLISHED = [name for name in TABLES if not name.startswith("synthetic")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables")
    commands = parser.add_subparsers(dest="command", required=True)
    _configure_run(commands.add_parser("run", help="run what has not been run yet"))
    _configure_trade_off(commands.add_parser("trade-off", help="the same for two objectives"))
    commands.add_parser("report", help="make the pages from the stored results")
    options = parser.parse_args()
    _COMMANDS[options.command](options)
    return 0


def _configure_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--methods",
        nargs="+",
        default=METHODS,
        metavar="NAME",
        help="samplers of Optuna in plain studies, or tuners; @4 after a name for four workers",
    )
    parser.add_argument("--tables", nargs="+", default=PUBLISHED, choices=TABLES, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=400)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)


def _configure_trade_off(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--methods", nargs="+", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--results", type=Path, default=RESULTS)


def _run(options: argparse.Namespace) -> None:
    jobs = list(_jobs(options))
    with tqdm(total=len(jobs), unit="search") as bar:
        if options.processes == 1:
            for job in jobs:
                bar.set_description(f"{job.method} on {job.table}")
                run_job(job)
                bar.update()
            return
        with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
            for _ in pool.imap_unordered(run_job, jobs):
                bar.update()


def _jobs(options: argparse.Namespace) -> Iterator[Job]:
    for method in options.methods:
        for table in options.tables:
            done = Store(table, method, options.results).seeds(options.evaluations)
            for seed in range(options.seeds):
                if seed not in done:
                    yield Job(table, method, seed, options.evaluations, options.results)


def _trade_off(options: argparse.Namespace) -> None:
    from . import trade_off

    goal = trade_off.load()
    for method in options.methods or trade_off.METHODS:
        store = Store(trade_off.NAME, method, options.results)
        done = store.seeds(max(trade_off.BUDGETS))
        seeds = [seed for seed in range(options.seeds) if seed not in done]
        for seed in tqdm(seeds, desc=method, unit="search"):
            store.append(trade_off.search(method, goal, seed))


def _report(_: argparse.Namespace) -> None:
    from .report import write_pages
    from .results import Results

    write_pages(Results())


_COMMANDS = {"run": _run, "trade-off": _trade_off, "report": _report}

if __name__ == "__main__":
    raise SystemExit(main())
