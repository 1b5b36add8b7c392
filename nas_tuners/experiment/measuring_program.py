"""Measures architectures with a function of the user's. Run as ``python -m``, with its path.

Each line of standard input holds the parameters of an architecture, as JSON. The answer is a line
too: ``{"metrics": {...}}``, ``{"error": "..."}``, or ``{"absent": "..."}`` where there is no such
function. What the function itself prints goes to standard error. The end of the input ends the
program.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from nas_tuners.contract.errors import TrialError, did_you_mean
from nas_tuners.contract.trial_io import check_metric

_Measure = Callable[[dict[str, Any]], Mapping[str, Any]]


def main(target: str) -> None:
    questions, answers = _take_standard_streams()
    measure: _Measure | None = None
    for line in questions:
        try:
            measure = measure or _find(target)
            answer: dict[str, Any] = {"metrics": _numbers(measure(json.loads(line)))}
        except _AbsentError as absent:
            answer = {"absent": str(absent)}
        except Exception as error:  # whatever the user's function raises
            answer = {"error": _said(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _AbsentError(Exception):
    """There is no such function."""


def _take_standard_streams() -> tuple[TextIO, TextIO]:
    """Questions and answers; from now on nobody else reads the ones or writes among the others."""
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, answers


def _said(error: Exception) -> str:
    """What is wrong, with the traceback of the user's code where it raised the error."""
    if isinstance(error, TrialError):
        return str(error)
    assert error.__traceback__ is not None
    in_the_function = error.__traceback__.tb_next
    return "".join(traceback.format_exception(type(error), error, in_the_function))


def _find(target: str) -> _Measure:
    module_name, _, name = target.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        where = f"looked in {Path.cwd()} first"
        raise _AbsentError(f"no module {module_name!r} ({where})") from None
    function = getattr(module, name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if callable(value)]
        hint = did_you_mean(name, functions)
        raise _AbsentError(f"module {module_name!r} has no function {name!r}{hint}")
    found: _Measure = function
    return found


def _numbers(metrics: Any) -> dict[str, float]:
    if not isinstance(metrics, Mapping):
        kind = type(metrics).__name__
        raise TrialError(f"the function must return a dict of metrics, but got a {kind}")
    return {str(name): _number(str(name), value) for name, value in metrics.items()}


def _number(name: str, value: Any) -> float:
    if isinstance(value, Mapping):
        raise TrialError(f"the metric {name!r} must be a number, but got {value!r}")
    try:
        return check_metric(value)  # type: ignore[return-value]
    except ValueError as error:
        raise TrialError(f"the metric {name!r}: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1])
