"""The best models of an experiment, in several forms."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args

from torch import nn

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import ExperimentError, did_you_mean
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.results import Results, TrialResult, read_results
from nas_tuners.experiment.trial_files import trial_folder

from . import payload
from .payload import Payload
from .weights import load_weights

Formatter = Literal["dict", "instance", "code"]
_FORMATTERS = get_args(Formatter)
Model = Union[dict[str, Any], nn.Module, str]


def top_models(
    folder: ExperimentFolder,
    top_k: int,
    *,
    formatter: Formatter,
    inputs: Any = None,
    known: Payload | None = None,
) -> list[Model]:
    """The best architectures that were tried, the best first, each once.

    Args:
        folder: The experiment.
        top_k: How many; fewer if there are no more.
        formatter: ``dict``, ``instance`` or ``code``.
        inputs: What the model is run with, for code.
        known: What makes the models; None for what the folder has.

    Raises:
        ExperimentError: if no trial has succeeded, or an argument is wrong.
        CheckpointError: if the weights that a trial kept do not fit its model.
        ExportError: if the network cannot be written as code.
    """
    _check(top_k, formatter, inputs)
    best = _different(read_results(folder))[:top_k]
    if not best:
        raise ExperimentError(f"no trial of {folder.path} has succeeded yet")
    if formatter == "dict":
        return [trial.architecture for trial in best]
    space = known or payload.load(folder.path)
    if formatter == "code":
        return [_code(space, trial.architecture, inputs) for trial in best]
    return [_instance(space, trial, folder) for trial in best]


def _check(top_k: int, formatter: str, inputs: Any) -> None:
    if isinstance(top_k, bool) or not isinstance(top_k, int) or top_k < 1:
        raise ExperimentError(f"`top_k` must be a whole number of at least 1, but got {top_k!r}")
    if formatter not in _FORMATTERS:
        known = " or ".join(map(repr, _FORMATTERS))
        hint = did_you_mean(formatter, _FORMATTERS)
        raise ExperimentError(f"`formatter` must be {known}, but got {formatter!r}{hint}")
    if formatter == "code" and inputs is None:
        raise ExperimentError(
            "the code of a model is written down as it runs: give `inputs`, an example batch such "
            "as torch.zeros(1, 3, 32, 32), or a list of all its arguments"
        )


def _different(results: Results) -> list[TrialResult]:
    """The complete trials, the best first, without those that repeat a better one."""
    seen: dict[str, TrialResult] = {}
    for trial in results.best(len(results.trials)):
        seen.setdefault(json.dumps(trial.architecture, sort_keys=True), trial)
    return list(seen.values())


def _instance(space: Payload, trial: TrialResult, folder: ExperimentFolder) -> nn.Module:
    model = _build(space, trial.architecture)
    load_weights(model, trial_folder(folder.trials, trial.number))
    return model


def _code(space: Payload, architecture: Mapping[str, Any], inputs: Any) -> str:
    from trial_api.export import export_code

    build = functools.partial(_build, space, architecture)
    return export_code(build, inputs, architecture=architecture)  # hyper-parameters, too


def _build(space: Payload, architecture: Mapping[str, Any]) -> nn.Module:
    """The plain network."""
    blueprint = space.blueprint
    vector = to_vector(blueprint.space, _of_model(space, architecture))
    return blueprint.build(space.source.make, vector)


def _of_model(space: Payload, architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Without the hyper-parameters that were searched with it."""
    keys = space.blueprint.space.specs
    return {key: value for key, value in architecture.items() if key in keys}
