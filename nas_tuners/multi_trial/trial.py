"""Runs one trial of an experiment in Python: ``python -m nas_tuners.multi_trial.trial``.

The model space and the evaluator are in the experiment's folder, two above that of the trial.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch._dynamo  # noqa: F401 - every optimizer imports it, and it takes as long as torch
from torch import nn

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import TrialError
from nas_tuners.contract.trial_io import TRIAL_DIR, Assignment, read_assignment, read_metrics
from trial_api import report_final_result
from trial_api.nn.space_recording import recording_of_built

from .evaluator import ModelClass
from .payload import Payload, load


def main() -> None:
    """Evaluate the architecture that this process was started for.

    Raises:
        TrialError: if no experiment started it, or the evaluation gave no result.
    """
    if TRIAL_DIR not in os.environ:
        raise TrialError(f"{TRIAL_DIR} is not set: only an experiment runs trials of this kind")
    folder = Path(os.environ[TRIAL_DIR])
    payload, assignment = load(folder.parents[1]), read_assignment(folder)
    parameters = assignment.parameters
    chosen = {name: parameters[name] for name in payload.evaluator.choices}
    result = payload.evaluator.run(_model_class(payload, parameters), chosen)
    if result is not None:
        report_final_result(result)
    else:
        _require_result(payload, folder, assignment)


def _model_class(payload: Payload, parameters: dict[str, Any]) -> ModelClass:
    """Makes the chosen model; only what is chosen is made."""
    blueprint, make = payload.blueprint, payload.source.make
    given = {key: value for key, value in parameters.items() if key in blueprint.space.specs}
    vector = to_vector(blueprint.space, given)
    recording = recording_of_built(make, blueprint.space)

    def model_class() -> nn.Module:
        network = blueprint.build(make, vector)
        if recording is not None:
            recording.watch(network)
        return network

    model_class.__name__ = model_class.__qualname__ = payload.source.name
    return model_class


def _require_result(payload: Payload, folder: Path, assignment: Assignment) -> None:
    """Refuse to end without one."""
    offset, more = 0, True
    while more:
        read = read_metrics(folder, offset, assignment.metric)
        if any(metric.kind == "final" for metric in read.metrics):
            return
        offset, more = read.offset, read.more
    raise TrialError(
        f"{payload.evaluator.name} returned nothing and reported no final result: return the "
        "number that the search is about, or call report_final_result(number) at the end"
    )


if __name__ == "__main__":
    main()
