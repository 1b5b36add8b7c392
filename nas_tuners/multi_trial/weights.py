"""The weights that a trial leaves for those who export its model."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import nn

from nas_tuners.contract.errors import CheckpointError
from nas_tuners.contract.json_files import replace_bytes
from nas_tuners.contract.trial_io import OUTPUT_DIR
from trial_api import get_output_dir
from trial_api.nn.wrappers import unwrap

FILE = "model.pt"
"""Its name in the output folder of a trial: the state dict of the trial's model."""


def save_weights(model: nn.Module) -> None:
    """Keep the weights of this trial's model, for ``export_top_models(formatter="instance")``.

    They go into the trial's output folder, as a state dict in ``model.pt``; a later call replaces
    an earlier one.

    Args:
        model: The model, as ``model_cls()`` made it, or what ``torch.compile``,
            ``DataParallel`` or ``DistributedDataParallel`` made of that.

    Example::

        def train(model_cls):
            model = model_cls()
            ...
            save_weights(model)
            return accuracy
    """
    buffer = io.BytesIO()
    torch.save(unwrap(model).state_dict(), buffer)  # wrappers have other names for the weights
    replace_bytes(get_output_dir() / FILE, buffer.getvalue(), durable=False)


def load_weights(model: nn.Module, trial: Path) -> bool:
    """Load what a trial kept, on the CPU; whether it has kept anything.

    Args:
        model: A network of the trial's architecture.
        trial: The trial's folder.

    Raises:
        CheckpointError: if the file is no state dict of this model.
    """
    file = trial / OUTPUT_DIR / FILE
    if not file.exists():
        return False
    try:
        model.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:
        raise CheckpointError(f"{file} does not fit the model of this trial: {error}") from error
    return True
