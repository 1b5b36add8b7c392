"""A network as ONNX."""

from __future__ import annotations

import logging
import os
import secrets
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas_tuners.contract.errors import ExportError
from trial_api._trial import get_output_dir

_log = logging.getLogger(__name__)


def export_onnx(
    model: nn.Module, inputs: Tensor | Sequence[Any], path: str | os.PathLike[str] | None = None
) -> Path:
    """Write a network as ONNX, which viewers open and other programs run.

    The file holds the weights. It computes as in evaluation mode, for batches of any size where
    the network allows that. The model stays as it is.

    Args:
        model: A network without choices that are left open.
        inputs: Example inputs: a tensor, or the positional arguments of the forward.
        path: The file; None for ``model.onnx`` in the trial's folder (:func:`get_output_dir`).

    Returns:
        The file's path.

    Raises:
        ExportError: if packages are missing (``pip install 'nas-tuners[onnx]'``), or the model
            cannot be exported.

    Example::

        export_onnx(model, torch.zeros(1, 3, 32, 32), "best.onnx")
    """
    _require_packages()
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    target = get_output_dir() / "model.onnx" if path is None else Path(path)
    if target.is_dir():
        raise ExportError(f"{target} is a folder: name a file in it")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        _write(model, arguments, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
        for module, mode in modes.items():
            module.training = mode
    return target


def _write(model: nn.Module, arguments: tuple[Any, ...], path: Path) -> None:
    try:
        _export(model, arguments, path, any_batch=True)
        return
    except Exception:
        _log.debug("ONNX for batches of any size failed", exc_info=True)
    try:
        _export(model, arguments, path, any_batch=False)
    except Exception as error:
        name = type(model).__name__
        raise ExportError(f"{name} cannot be exported as ONNX: {_reason(error)}") from error
    _log.warning("the ONNX file holds for batches of the example's size only")


def _export(model: nn.Module, arguments: tuple[Any, ...], path: Path, *, any_batch: bool) -> None:
    shapes = tuple(_batch_dimension(value) for value in arguments) if any_batch else None
    if arguments and isinstance(arguments[-1], dict):
        arguments = (*arguments, {})  # the last one would be taken for arguments by name
    with _quiet():
        torch.onnx.export(
            model,
            arguments,
            str(path),
            dynamo=True,
            dynamic_shapes=shapes,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says about itself, and about packages that nobody asked for."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _batch_dimension(value: Any) -> Any:
    """Which dimensions may vary: the first one of each tensor."""
    if isinstance(value, Tensor):
        return {0: torch.export.Dim.DYNAMIC} if value.dim() else None
    if isinstance(value, dict):
        return {key: _batch_dimension(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_batch_dimension(entry) for entry in value)
    return None


def _reason(error: BaseException) -> str:
    """What the innermost error says, in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _require_packages() -> None:
    """Raise unless the packages that torch's exporter needs are there."""
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ExportError(
            f"ONNX needs the package {error.name}: pip install 'nas-tuners[onnx]'"
        ) from error
