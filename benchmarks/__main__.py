"""Run benchmarks, print a table, and keep the figures.

::

    python -m benchmarks            # all
    python -m benchmarks runner     # some
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tqdm import tqdm

from nas_tuners.contract.json_files import write_text

from ._claim import Claim

BENCHMARKS = (
    "applied_network",
    "supernet",
    "oneshot.mixture",
    "oneshot.search_steps",
    "oneshot.on_gpu",
    "tuner_speed",
    "tuner_cost",
    "runner",
    "start_up",
    "experiments.warm",
    "experiments.throughput",
    "experiments.workers",
    "experiments.opening",
    "hello_nas",
    "spaces.building",
    "spaces.reading",
    "spaces.drawing",
    "viewer.graph",
    "viewer.recording",
    "viewer.reading",
    "viewer.supernet_page",
    "viewer.log_page",
    "viewer.trials",
)
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)} (known: {', '.join(BENCHMARKS)})")
    broken = 0
    for name in tqdm(options.names or BENCHMARKS, unit="benchmark"):
        claims = importlib.import_module(f"benchmarks.{name}").measure(options.seed)
        _save(name, claims, options.seed)
        for claim in claims:
            tqdm.write(_line(claim))
        broken += sum(not claim.holds for claim in claims)
    _write_page()
    return 1 if broken else 0


def _save(name: str, claims: list[Claim], seed: int) -> None:
    record = {
        "benchmark": name,
        "date": date.today().isoformat(),
        "seed": seed,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {"python": platform.python_version()}
        | {package: version(package) for package in ("nas-tuners", "optuna", "torch")},
        "claims": [
            asdict(claim) | {"ratio": claim.ratio, "holds": claim.holds} for claim in claims
        ],
    }
    write_text(RESULTS / f"{name}.json", json.dumps(record, indent=2) + "\n")


def _line(claim: Claim) -> str:
    verdict = "" if claim.limit is None else ("ok" if claim.holds else "MISSED")
    return (
        f"{claim.name:<52} {claim.ours:9.2f} {claim.unit:<3} "
        f"{claim.ratio:7.3f} x {claim.reference:9.2f} {claim.unit} ({claim.of}) {verdict}"
    )


def _write_page() -> None:
    lines = [
        "# Measured",
        "",
        "Made by `python -m benchmarks`. A ratio is our figure over the reference's, both taken",
        'in one run; "at most" is what was promised.',
    ]
    for name in BENCHMARKS:
        path = RESULTS / f"{name}.json"
        if path.exists():
            lines += _section(json.loads(path.read_text()))
    write_text(RESULTS / "README.md", "\n".join(lines) + "\n")


def _section(record: dict) -> list[str]:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    lines = [
        "",
        f"## {record['benchmark'].replace('_', ' ')}",
        "",
        f"{record['date']}, {record['machine']}, {versions}, seed {record['seed']}.",
        "",
        "| figure | ours | reference | ratio | at most |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for claim in record["claims"]:
        limit = "" if claim["limit"] is None else f"{claim['limit']:g}"
        missed = "" if claim["holds"] else " (missed)"
        lines.append(
            f"| {claim['name']} | {claim['ours']:.2f} {claim['unit']} "
            f"| {claim['reference']:.2f} {claim['unit']} ({claim['of']}) "
            f"| {claim['ratio']:.3f} | {limit}{missed} |"
        )
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
