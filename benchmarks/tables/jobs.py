"""One search that is to be run and stored; apart from the command, for processes to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nas_tuners.bench import load_table, search

from .methods import split
from .store import Store, summary


@dataclass(frozen=True)
class Job:
    """Which method searches which table, with which seed, and where that is kept."""

    table: str
    method: str
    seed: int
    evaluations: int
    results: Path


def run_job(job: Job) -> None:
    """Search and store."""
    table = load_table(job.table)
    tuner, workers = split(job.method)
    trace = search(tuner, table, job.evaluations, seed=job.seed, workers=workers)
    record = summary(table, trace, job.seed, job.evaluations)
    Store(job.table, job.method, job.results).append(record)
