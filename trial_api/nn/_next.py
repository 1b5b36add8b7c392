"""The architecture that this run of a script shall train."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn, Union

from torch import nn

from nas_tuners.contract.architecture import first_candidates, to_architecture, to_vector
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError, TrialError
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.search_space import IndexVector, SearchSpace, check_same_space
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE, PARAMETERS_FILE, TRIAL_BUDGET

from .._trial import Trial, current_trial
from ._apply import ALREADY_APPLIED, apply_vector, is_applied
from ._space import only_choices, space_of
from ._study import StudyTrial, suggest_architecture
from ._tree import NO_CHOICE, find_choices


def get_and_apply_next_architecture(
    model: nn.Module, trial: Union[StudyTrial, Trial, None] = None
) -> nn.Module:
    """Turn a model into the plain network that this trial shall train.

    Where the architecture comes from:

    - in an Optuna objective, from its ``trial``: each decision is suggested as an ordinary
      parameter, and the architecture noted as the trial's user attribute ``"architecture"``;
    - in a script that ``nas-tuners run`` launched, from the experiment's tuner;
    - in a script that runs alone: the first candidates, with one warning;
    - under ``nas-tuners ss-gen`` there is none: the search space is written and the script ends.

    A trial has one model: several that are searched together go into one ``nn.ModuleDict``.

    Args:
        model: A model with choices, wrapped (``DataParallel``, ...) or not.
        trial: The trial of an Optuna study; None for the trial that this process runs.

    Returns:
        The model, changed in place as by :func:`apply_fixed_architecture`.

    Raises:
        SpaceMismatchError: if the experiment or study searches another space than the model's.
        SearchSpaceError: if the model's choices contradict each other, or there are none of which
            to write the space.
        ArchitectureError: if an architecture was already applied to the model.
        TrialError: if the trial's folder is unusable.

    Example::

        def objective(trial):
            model = get_and_apply_next_architecture(Net(), trial=trial)
            return train(model)

        optuna.create_study(direction="maximize").optimize(objective, n_trials=50)
    """
    sites = find_choices(model)
    space = space_of(sites)
    if not sites and is_applied(model):
        raise ArchitectureError(ALREADY_APPLIED)
    generated = os.environ.get(GEN_SEARCH_SPACE)
    if generated:
        _write_and_exit(space, Path(generated))
    return apply_vector(model, sites, space=space, vector=_next_vector(space, trial))


def _next_vector(space: SearchSpace, trial: StudyTrial | Trial | None) -> IndexVector:
    if trial is None:
        trial = current_trial()
    if isinstance(trial, Trial):
        return _first_vector(space, trial) if trial.is_alone else _given_vector(space, trial)
    if not hasattr(trial, "suggest_categorical"):
        raise TypeError(f"`trial` must be the trial of an Optuna study or None, but got {trial!r}")
    return suggest_architecture(space, trial)


def _first_vector(space: SearchSpace, trial: Trial) -> IndexVector:
    vector = first_candidates(space)
    trial.warn_alone(f"the first candidates are chosen: {to_architecture(space, vector)}")
    return vector


def _given_vector(space: SearchSpace, trial: Trial) -> IndexVector:
    source = f"{trial.directory}/{PARAMETERS_FILE}"
    given, searched = trial.assignment.parameters, trial.assignment.search_space
    others = {TRIAL_BUDGET}  # what else is given is for the script to read: a budget, rates, sizes
    if searched is not None:
        known = SearchSpace(searched, source=source)
        check_same_space(
            space,
            only_choices(known),
            ours_is="the model",
            theirs_is="the experiment's search space",
        )
        others |= known.specs.keys() - space.specs.keys()
    given = {key: value for key, value in given.items() if key not in others}
    return to_vector(space, given, source=source)


def _write_and_exit(space: SearchSpace, file: Path) -> NoReturn:
    if not space.specs:
        raise SearchSpaceError(NO_CHOICE)
    try:
        write_text(file, space.dumps())
    except OSError as error:
        raise TrialError(f"the search space cannot be written to {file}: {error}") from error
    sys.exit(0)
