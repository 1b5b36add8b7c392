"""The runner's own time per trial: from the end of one trial to the start of the next."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ._claim import Claim

TRIALS = 1_000
# The trial is a few milliseconds of shell: it notes when it starts and ends, and reports.
TRIAL = """
date +%s.%N > "$NAS_TUNERS_TRIAL_DIR/started"
echo '{"kind": "final", "sequence": 0, "value": 0.5}' > "$NAS_TUNERS_TRIAL_DIR/metrics.jsonl"
date +%s.%N > "$NAS_TUNERS_TRIAL_DIR/ended"
"""
CONFIG = """
name: overhead
command: sh trial.sh
search_space: space.json
tuner: {{name: RegularizedEvolution}}
max_trials: {trials}
seed: {seed}
"""


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder:
        gaps = _gaps(Path(folder), seed)
    early, late = statistics.median(gaps[5:35]), statistics.median(gaps[-30:])
    return [
        Claim("runner's own time at trial 10", early, 50.0, "limit", "ms"),
        Claim(f"runner's own time at trial {TRIALS:,}", late, 50.0, "limit", "ms"),
        Claim(f"runner's own time, {TRIALS:,} against 10", late, early, "trial 10", "ms", 1.5),
    ]


def _gaps(folder: Path, seed: int) -> list[float]:
    """Milliseconds between the trials of one experiment at concurrency 1, in order."""
    space = {f"key_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(10)}
    (folder / "space.json").write_text(json.dumps(space))
    (folder / "trial.sh").write_text(TRIAL)
    (folder / "config.yml").write_text(CONFIG.format(trials=TRIALS, seed=seed))
    command = [sys.executable, "-m", "nas_tuners.cli", "run", "config.yml", "--folder", "run"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    trials = sorted((folder / "run" / "trials").iterdir())
    started = [float((trial / "started").read_text()) for trial in trials]
    ended = [float((trial / "ended").read_text()) for trial in trials]
    return [1e3 * (start - end) for start, end in zip(started[1:], ended[:-1], strict=True)]
