"""What tests of several workers share: their study, and what shows that nothing ran twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from nas_tuners.contract.study_attributes import ARCHITECTURE_ATTR
from nas_tuners.experiment.storages.storage import open_storage

# A trial that notes that it runs; `{}` is what else it does.
NOTING = """
with open({file!r}, "a") as runs:
    runs.write(f"{{number}}\\n")
{rest}
report(value)
"""


def noting(file: Path, rest: str = "time.sleep(0.2)") -> str:
    """A trial script that appends its number to a file, and then does the rest."""
    return NOTING.format(file=str(file), rest=rest)


def times_run(file: Path) -> Counter[int]:
    """How often each trial has run."""
    return Counter(map(int, file.read_text().split()))


def trials_of(url: str, study: str = "config") -> list[FrozenTrial]:
    """What a study holds."""
    with open_storage(url) as storage:
        return optuna.load_study(study_name=study, storage=storage).trials


def check_whole(trials: Sequence[FrozenTrial], count: int) -> None:
    """Exactly so many, all complete, and no architecture tried twice."""
    assert [trial.number for trial in trials] == list(range(count))
    assert Counter(trial.state.name for trial in trials) == {"COMPLETE": count}
    tried = {json.dumps(trial.user_attrs[ARCHITECTURE_ATTR], sort_keys=True) for trial in trials}
    assert len(tried) == count
