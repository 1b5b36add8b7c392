"""The architecture that this run of a script shall train."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from random import Random
from typing import NoReturn, Union

from torch import nn

from nas_tuners.contract.architecture import first_candidates, to_architecture, to_vector
from nas_tuners.contract.errors import ArchitectureError, SearchSpaceError, TrialError
from nas_tuners.contract.json_files import write_text
from nas_tuners.contract.search_space import IndexVector, SearchSpace, check_same_space
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE, PARAMETERS_FILE, TRIAL_BUDGET

from .._trial import Trial, current_trial
from ._space import part_for_model
from ._study import StudyTrial, suggest_architecture
from ._subject import ModelOrFactory, refuse_applied, subject_of
from ._tree import NO_CHOICE
from .space_recording import recording_of

_logger = logging.getLogger("trial_api")

NO_FUNCTIONS = (
    "A search-space file cannot hold functions: give the experiment's configuration a "
    "`constraint` (docs/profiling.md), or search in Python with nas_tuners.Experiment, which "
    "keeps to the model's own"
)


def get_and_apply_next_architecture(
    model: ModelOrFactory, trial: Union[StudyTrial, Trial, None] = None
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
        model: A model with choices, wrapped (``DataParallel``, ...) or not; or a class, or a
            function without arguments, that makes one.
        trial: The trial of an Optuna study; None for the trial that this process runs.

    Returns:
        The model, changed in place as by :func:`apply_fixed_architecture`.

    Raises:
        SpaceMismatchError: if the experiment or study searches another space than the model's.
        SearchSpaceError: if the model's choices contradict each other, or there are none of which
            to write the space.
        ArchitectureError: if an architecture was already applied to the model, or the given one
            breaks a constraint of the model's.
        TrialError: if the trial's folder is unusable.

    Example::

        def objective(trial):
            model = get_and_apply_next_architecture(Net(), trial=trial)
            return train(model)

        optuna.create_study(direction="maximize").optimize(objective, n_trials=50)
    """
    subject = subject_of(model)
    refuse_applied(subject)
    generated = os.environ.get(GEN_SEARCH_SPACE)
    if generated:
        _write_and_exit(subject.space, Path(generated))
    if trial is None:
        trial = current_trial()
    vector = _next_vector(subject.space, trial)
    recording = recording_of(trial, subject.undecided, subject.space)
    network = subject.apply(vector)
    if recording is not None:
        recording.watch(network)
    return network


def _next_vector(space: SearchSpace, trial: StudyTrial | Trial) -> IndexVector:
    if isinstance(trial, Trial):
        return _first_vector(space, trial) if trial.is_alone else _given_vector(space, trial)
    if not hasattr(trial, "suggest_categorical"):
        raise TypeError(f"`trial` must be the trial of an Optuna study or None, but got {trial!r}")
    return suggest_architecture(space, trial)


def _first_vector(space: SearchSpace, trial: Trial) -> IndexVector:
    vector, which = first_candidates(space), "the first candidates are"
    broken = space.broken_constraint(vector)
    if broken is not None:
        vector = space.sample_fitting(Random(0))
        which = f"as the first candidates break {broken.name!r}, an architecture that fits is"
    trial.warn_alone(f"{which} chosen: {to_architecture(space, vector)}")
    return vector


def _given_vector(space: SearchSpace, trial: Trial) -> IndexVector:
    source = f"{trial.directory}/{PARAMETERS_FILE}"
    given, searched = trial.assignment.parameters, trial.assignment.search_space
    others = {TRIAL_BUDGET}  # what else is given is for the script to read: a budget, rates, sizes
    if searched is not None:
        known = SearchSpace(searched, source=source)
        check_same_space(
            space,
            part_for_model(known, space),
            ours_is="the model",
            theirs_is="the experiment's search space",
        )
        others |= known.specs.keys() - space.specs.keys()
    given = {key: value for key, value in given.items() if key not in others}
    vector = to_vector(space, given, source=source)
    broken = space.broken_constraint(vector)
    if broken is not None:
        raise ArchitectureError(
            f"this architecture breaks the model's constraint {broken.name!r}. {NO_FUNCTIONS}",
            source,
        )
    return vector


def write_space(space: SearchSpace, file: Path, *, of: str = "") -> None:
    """Write a search-space file, and say what it cannot hold.

    Args:
        space: The space.
        file: Where to.
        of: What it was read from, for messages.

    Raises:
        SearchSpaceError: if there is nothing to decide.
        TrialError: if it cannot be written.
    """
    if not space.specs:
        raise SearchSpaceError(NO_CHOICE, of)
    if space.constraints:
        names = ", ".join(repr(constraint.name) for constraint in space.constraints)
        _logger.warning(
            "the model's constraints (%s) are not in the file. %s", names, NO_FUNCTIONS
        )
    try:
        write_text(file, space.dumps())
    except OSError as error:
        raise TrialError(f"the search space cannot be written to {file}: {error}") from error


def _write_and_exit(space: SearchSpace, file: Path) -> NoReturn:
    write_space(space, file)
    sys.exit(0)
