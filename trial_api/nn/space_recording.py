"""The graph of the model space that an experiment searches, recorded by one of its trials.

A trial that finds no graph in its experiment's folder keeps what gives the undecided model, notes
the form of the first inputs of its network, and records after its first report: at a time of the
script's own, when nothing is being run, compiled or measured. Whatever goes wrong is nothing to
the trial.

A trial on a machine that does not see the experiment's folder leaves the graph in its own one, if
it is one of the first; the launcher fetches it from there.
"""

from __future__ import annotations

import functools
import itertools
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from nas_tuners.contract import space_json
from nas_tuners.contract.choices_log import GRAPH_FILE
from nas_tuners.contract.json_files import replace_text
from nas_tuners.contract.search_space import SearchSpace

from .._trial import Trial, current_trial
from ._first_call import FirstCall
from ._free_builds import whole_space

_logger = logging.getLogger(__name__)

_MOST_MODULES = 20_000
_MOST_BYTES = 2 * 2**30  # of parameters and buffers, which may have to be made on the CPU
_SAMPLES = 2
_ATTEMPTS = 3  # of all trials of an experiment
_PATIENCE = 600.0  # seconds after which an attempt of another trial is taken for lost
_OF_AN_EXPERIMENT = "runner.json"
_UNKNOWN = "no call of the network was seen: its inputs are not known"

Undecided = Callable[[], nn.Module]


class SpaceRecording:
    """What is to be recorded after the first report of a trial.

    Args:
        file: Where.
        undecided: Gives the model with all choices.
        space: All that is decided, by value choices also.
    """

    def __init__(self, file: Path, undecided: Undecided, space: SearchSpace) -> None:
        self._file, self._undecided, self._space = file, undecided, space
        self._first: FirstCall | None = None

    def watch(self, network: nn.Module) -> None:
        """Learn the inputs from the first call of a network; the first network counts."""
        try:
            self._first = self._first or FirstCall(network)
        except Exception:
            _logger.debug("the inputs of the network are not noted", exc_info=True)

    def write(self) -> None:
        """Record, unless another trial has done so, or does so now."""
        try:
            if self._first is not None:
                self._first.remove()
            claim = None if self._file.exists() else _claimed(self._file)
            if claim is not None:
                graph = json.dumps(self._graph(), separators=(",", ":"))
                replace_text(self._file, graph + "\n", durable=False)
                for one in _claims(self._file):
                    one.unlink(missing_ok=True)
        except Exception:
            _logger.debug("the graph of the model space is not recorded", exc_info=True)

    def _graph(self) -> dict[str, Any]:
        from ..graph import record_graph
        from ..graph._record import record_modules
        from ..profiling._running import kept_random_states

        inputs = None if self._first is None else self._first.inputs(samples=_SAMPLES)
        with kept_random_states(set()):
            model = self._undecided()
            if too_large(model):
                raise ValueError("the model is too large to be recorded by a trial")
            known = inputs is not None
            graph = record_graph(model, inputs) if known else record_modules(model, _UNKNOWN)
        return _with_space(graph, self._space)


def recording_of(
    trial: object, undecided: Callable[[], Undecided], space: SearchSpace
) -> SpaceRecording | None:
    """What a trial shall record; None if it is there, or not for this process to do.

    Args:
        trial: The trial; those of other kinds have no folder.
        undecided: Keeps what gives the model with all choices; not called without need.
        space: All that is decided.
    """
    if not isinstance(trial, Trial) or trial.directory is None:
        return None
    try:
        file = _missing_file(trial.directory, trial.assignment.number)
        if file is None:
            return None
        recording = SpaceRecording(file, undecided(), space)
    except Exception:
        _logger.debug("the model space is not kept for its graph", exc_info=True)
        return None
    trial.after_report(recording.write)
    return recording


def recording_of_built(
    factory: Callable[[], nn.Module], space: SearchSpace
) -> SpaceRecording | None:
    """The same for this process's trial, of a model space that a class or a function makes."""
    undecided = functools.partial(whole_space, factory)
    return recording_of(current_trial(), lambda: undecided, space)


def too_large(model: nn.Module) -> bool:
    """Whether to record it might take a trial too long, or too much memory."""
    if sum(1 for _ in itertools.islice(model.modules(), _MOST_MODULES + 1)) > _MOST_MODULES:
        return True
    tensors = itertools.chain(model.parameters(), model.buffers())
    sizes = (one.numel() * one.element_size() for one in tensors if not is_lazy(one))
    return sum(sizes) > _MOST_BYTES


def _missing_file(directory: Path, number: int) -> Path | None:
    if os.environ.get("RANK", "0") != "0":
        return None
    above = list(directory.absolute().parents)[1:3]  # a trial's, or one that confirms a result
    experiment = next((one for one in above if (one / _OF_AN_EXPERIMENT).is_file()), None)
    if experiment is None and number >= _ATTEMPTS:
        return None
    file = (experiment or directory) / GRAPH_FILE
    return None if file.exists() else file


def _claims(file: Path) -> list[Path]:
    return [file.with_name(f".{file.name}.{number}") for number in range(_ATTEMPTS)]


def _claimed(file: Path) -> Path | None:
    """A file that tells other trials to leave it to this one; None if it is another's turn."""
    for claim in _claims(file):
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return claim
        except FileExistsError:
            if time.time() - claim.stat().st_mtime < _PATIENCE:
                return None
    return None


def _with_space(graph: dict[str, Any], space: SearchSpace) -> dict[str, Any]:
    """With keys that no module tells of: values that a constructor works with."""
    known = graph["choices"]
    choices = {key: known.get(key) or _value(spec) for key, spec in space.specs.items()}
    return {**graph, "search_space": space.to_dict(), "choices": choices}


def _value(spec: space_json.Spec) -> dict[str, Any]:
    options = spec.options if isinstance(spec, space_json.ValueChoice) else ()
    return {"kind": "value", "names": list(map(str, options)), "n_chosen": 1, "places": []}
