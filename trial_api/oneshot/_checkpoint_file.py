"""Checkpoint files of one-shot searches: written whole, read without running code."""

from __future__ import annotations

import os
import pickle
import secrets
from pathlib import Path
from typing import Any

import torch

from nas_tuners.contract.errors import CheckpointError

FORMAT = "nas-tuners one-shot checkpoint"
VERSION = 1


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            torch.save({"format": FORMAT, "version": VERSION, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_checkpoint(path: Path, *, trainer: str | None = None) -> dict[str, Any]:
    """What :func:`write_checkpoint` wrote, with its tensors on the CPU.

    Args:
        path: The file.
        trainer: The class that must have written it; None for any.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind, or of another trainer.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except Exception as error:  # in a damaged file the reader stumbles over anything
        raise CheckpointError(
            f"{path}: not a readable checkpoint ({_reason(error)}); it may be damaged or of "
            "another kind"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of a one-shot search; expected a file that "
            "trainer.checkpoint() wrote. Plain weights are loaded with load_supernet_state_dict"
        )
    if content.get("version") != VERSION:
        raise CheckpointError(
            f"{path}: written in format {content.get('version')}, but this version reads {VERSION}"
        )
    if trainer is not None and content.get("trainer") != trainer:
        raise CheckpointError(
            f"{path}: written by {content.get('trainer')}; it cannot be resumed by {trainer}"
        )
    return content


def _reason(error: Exception) -> str:
    """In a line; torch's own advice to trust the file is left out."""
    if isinstance(error, pickle.UnpicklingError):
        return "it holds something else than tensors and plain values"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
