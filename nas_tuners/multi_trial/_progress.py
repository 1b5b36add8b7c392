"""How far a trial has come, in a file: a trial that is run again goes on from there."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nas_tuners.contract.json_files import replace_bytes

_logger = logging.getLogger(__name__)

FILE = "checkpoint.pt"
"""Its name in the output folder of a trial."""

_AS_THEY_WERE = ("max_epochs", "workers", "device", "save", "export_onnx")


def settings_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What must be as it was for going on: plain values, and classes by their names."""
    return {
        name: value if isinstance(value, (int, float, str)) else _name_of(value)
        for name, value in arguments.items()
        if name not in _AS_THEY_WERE
    }


def write_progress(folder: Path, content: dict[str, Any]) -> None:
    """Replace the file, whole or not at all."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_bytes(folder / FILE, buffer.getvalue(), durable=False)


def read_progress(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was written last, on the CPU; None if there is nothing that can be gone on from.

    Args:
        folder: The output folder of the trial.
        settings: How the model is trained now.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        known = content["settings"]
    except Exception as error:  # in a damaged file the reader stumbles over anything
        _logger.warning("%s cannot be read, the trial begins anew: %s", file, error)
        return None
    changed = [name for name in {**known, **settings} if known.get(name) != settings.get(name)]
    if changed:
        _logger.warning("the trial begins anew, with another %s", ", ".join(changed))
        return None
    return content


def _name_of(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "__qualname__", type(value).__qualname__))
