"""A network as one file of source code."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError

from ._arguments import copied
from ._body import Body, merged
from ._check import as_it_was, check, only_type, restore
from ._classes import classes
from ._imports import imports_of
from ._literals import TAKEN
from ._recording import built_and_noted, forget_calls
from ._structure import is_class
from ._tracer import trace
from ._wrapping import wrapped

STUB = (
    "trial_api.export_stub() writes a file that imports the model's class and applies the "
    "architecture to it"
)


_ALONE = threading.RLock()
"""All threads draw from one source of random numbers, and code must draw what the model draws."""


def export_code(
    build: Callable[[], nn.Module],
    inputs: Tensor | Sequence[Any],
    *,
    architecture: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> str:
    """The source code of a network: one file that needs torch only.

    The network is built and run, in training and in evaluation mode, and written down as it is
    made and as it runs: a class for each kind of module, layers with their arguments, shared
    modules and tied parameters shared. It has the same ``state_dict``; how weights are initialized
    is not part of it, so keep those to train it from. Before it is returned, the code is run: with
    the network's weights it must give the same outputs, bit for bit on a CPU, and the same
    gradients.

    What cannot be written down: computations that depend on the values in tensors, or happen
    outside of torch. Sizes from shapes are followed through whole-number arithmetic, not through
    ``len(tensor)``, fractions and conditions: these are as they were with ``inputs``. A module has
    one forward for both modes; put all of a network in one mode.

    Args:
        build: Builds the network, its layers too; without choices that are left open.
        inputs: Example inputs: a tensor, or the positional arguments of the forward (tensors, and
            lists, tuples and dicts of them).
        architecture: Put into a comment at the top.
        name: Of the network's class; None for its own.

    Raises:
        ExportError: if it cannot be written as code, naming the module, with the line of its
            forward or the argument of its constructor.

    Example::

        images = torch.zeros(2, 3, 32, 32)
        code = export_code(lambda: apply_fixed_architecture(Net(), best), images)
        Path("best_net.py").write_text(code)
    """
    if isinstance(build, nn.Module):
        raise ExportError(
            "`build` must be a function that builds the network, not the network itself: only "
            "while it is built can be seen what its layers are made with"
        )
    arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    with _ALONE:
        model = built_and_noted(build)
        title = _class_name(model, name)
        with as_it_was(model):
            try:
                _run(model, arguments)
                code = _written(model, arguments, title, architecture)
            finally:
                forget_calls(model)
            check(code, title, model, arguments)
    return code


def _run(model: nn.Module, inputs: Sequence[Any]) -> None:
    """Once before it is traced: layers may get their shapes from their first input."""
    model.eval()
    try:
        with torch.no_grad():
            model(*copied(inputs))
    except Exception as error:
        raise ExportError(f"the model does not run on `inputs`: {error}") from error


def _written(
    model: nn.Module, inputs: Sequence[Any], title: str, architecture: Mapping[str, Any] | None
) -> str:
    """The code of a model that runs; where there can be none, what there can be."""
    try:
        return _file(model, _bodies(model, inputs), title, architecture)
    except ExportError as error:
        raise ExportError(f"{error}. {STUB}") from error.__cause__


def _bodies(model: nn.Module, inputs: Sequence[Any]) -> dict[int, Body]:
    """The forwards, of both modes together.

    Which modules have one is known once no trace has found another that has none.
    """
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    inlined: set[int] = set()
    while True:
        known = len(inlined)
        train, evaluate = (
            trace(model, inputs, training=training, inlined=inlined) for training in (True, False)
        )
        restore(before)
        both = train.keys() & evaluate.keys()
        different = {key for key in both if train[key].parameters != evaluate[key].parameters}
        inlined |= different - {id(model)}
        if len(inlined) == known:
            return {
                **train,
                **evaluate,
                **{key: merged(train[key], evaluate[key]) for key in both},
            }


def _file(
    model: nn.Module,
    bodies: Mapping[int, Body],
    name: str,
    architecture: Mapping[str, Any] | None,
) -> str:
    dtype = only_type(model)
    texts = classes(model, bodies, name, cast=dtype is None)
    code = "\n\n".join("".join(f"{part}\n" for part in _lines(text)) for text in texts)
    return f"{_header(name, architecture, dtype)}\n{imports_of(code)}\n\n{code}"


def _lines(text: str) -> list[str]:
    return [part for line in text.splitlines() for part in wrapped(line)]


def _header(name: str, architecture: Mapping[str, Any] | None, dtype: torch.dtype | None) -> str:
    cast = f".to({dtype})" if dtype not in (None, torch.float32) else ""
    lines = [
        "A network found by architecture search, written by nas-tuners. It needs torch only:",
        "",
        f"    model = {name}(){cast}",
        '    model.load_state_dict(torch.load("weights.pt"))',
        "",
        "Without weights its layers start as torch makes them, and parameters of its own at zero.",
    ]
    if architecture is not None:
        text = json.dumps(architecture, indent=2, ensure_ascii=False)
        lines += ["", "Its architecture:", "", *text.splitlines()]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _class_name(model: nn.Module, name: str | None) -> str:
    if name is None:
        name = type(model).__name__ if is_class(model) else "Network"
    if not name.isidentifier() or name in TAKEN:
        raise ExportError(f"`name` must be a name that a class can have, but got {name!r}")
    return name
