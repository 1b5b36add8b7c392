"""Whole processes: importing the packages, and the command's help."""

from __future__ import annotations

import subprocess
import sys

from ._claim import Claim, median_seconds

COMMANDS = {
    "import nas_tuners": ["-c", "import nas_tuners"],
    "import trial_api": ["-c", "import trial_api"],
    "nas-tuners --help": ["-m", "nas_tuners.cli", "--help"],
}


def measure(seed: int) -> list[Claim]:
    del seed  # nothing is random
    claims = []
    empty = _seconds(["-c", "pass"])
    for name, arguments in COMMANDS.items():
        seconds = _seconds(arguments)
        claims.append(Claim(f"{name}, whole process", seconds * 1e3, 100.0, "limit", "ms"))
        claims.append(
            Claim(f"{name}, whole process", seconds * 1e3, empty * 1e3, "empty Python", "ms", None)
        )
    return claims


def _seconds(arguments: list[str]) -> float:
    def run() -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    run()  # once more, to have the files in memory
    return median_seconds(run, 15)
