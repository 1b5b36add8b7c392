"""One of several processes that search the same study.

    python tuner_worker.py <journal file> <tuner>

Does what the lines of its standard input say, and answers each with a line: ``search <trials>``;
``hold``: ask for a trial and leave it running; ``digest`` of the state of its tuner; ``replay``:
the same of a tuner that gets the whole history at once.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.testing._cases import score
from nas_tuners.testing._spaces import SPACES
from nas_tuners.tuners import Tuner, make_tuner
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._optuna_sampler import TunerSampler
from nas_tuners.tuners._study import distributions

ENCODING = FlatEncoding(SearchSpace(SPACES["layers"]))

# So that forty trials go beyond the random start.
OPTIONS: dict[str, dict[str, Any]] = {
    "RegularizedEvolutionTuner": {"population_size": 8, "sample_size": 3},
    "SPOSEvolutionTuner": {"population_size": 8},
    "PPOTuner": {"trials_per_update": 8},
}


def tuner_named(name: str) -> Tuner:
    return make_tuner(name, OPTIONS.get(name, {}), optimize_mode="maximize", seed=0)


def open_study(journal: str, name: str) -> optuna.Study:
    return optuna.create_study(
        study_name="shared",
        storage=JournalStorage(JournalFileBackend(journal)),
        sampler=TunerSampler(tuner_named(name), ENCODING.space),
        direction="maximize",
        load_if_exists=True,
    )


def search(study: optuna.Study, trials: str) -> str:
    for _ in range(int(trials)):
        trial = study.ask(distributions(ENCODING))
        study.tell(trial, score(ENCODING.decode(trial.params)))
    return "searched"


def hold(study: optuna.Study) -> str:
    study.ask(distributions(ENCODING))
    return "holding"


def digest(study: optuna.Study) -> str:
    sampler = study.sampler
    assert isinstance(sampler, TunerSampler)
    assert sampler._following is not None
    return _digest(sampler._following[2], study)


def replay(study: optuna.Study) -> str:
    sampler = study.sampler
    assert isinstance(sampler, TunerSampler)
    return _digest(HistoryFollower(sampler._tuner, ENCODING), study)


def _digest(follower: HistoryFollower, study: optuna.Study) -> str:
    """Of what a tuner would propose next: equal for equal states."""
    trials = study.get_trials()
    proposals = [follower.propose(number, trials) for number in range(9_000, 9_005)]
    text = json.dumps([(proposal.parameters, proposal.note) for proposal in proposals])
    return hashlib.sha256(text.encode()).hexdigest()


COMMANDS: dict[str, Callable[..., str]] = {
    "search": search,
    "hold": hold,
    "digest": digest,
    "replay": replay,
}


def main(journal: str, name: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = open_study(journal, name)
    for line in sys.stdin:
        command, *arguments = line.split()
        print(COMMANDS[command](study, *arguments), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
