"""A model space that can be imported, and functions that judge it by its size alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from nas_tuners.multi_trial import save_weights
from trial_api import get_sequence_id, report_final_result, report_intermediate_result
from trial_api.nn import LayerChoice, ValueChoice, model_space


@model_space
class Net(nn.Module):
    """Six architectures."""

    def __init__(self, classes: int = 2, backbone: Any = None) -> None:
        super().__init__()
        width = ValueChoice([2, 4, 8], key="width")
        self.hidden = nn.Linear(3, width)
        self.act = LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()}, key="act")
        self.out = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.out(self.act(self.hidden(x)))
        return output


def plain() -> nn.Module:
    """The same by a function."""
    return Net(classes=3)


def size_of(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def judge(model_cls: Callable[[], nn.Module], bonus: float = 0.0) -> float:
    """Returns the size of the model, and keeps its weights."""
    model = model_cls()
    save_weights(model)
    report_intermediate_result(0.0)
    return size_of(model) + bonus


def judge_model(model: nn.Module) -> None:
    """Reports what it finds itself."""
    report_final_result({"default": size_of(model)})


def forget(model_cls: Callable[[], nn.Module]) -> None:
    """Neither returns nor reports."""
    report_intermediate_result(size_of(model_cls()))


def interrupt(model_cls: Callable[[], nn.Module], pid: int, bonus: float = 0.0) -> float:
    """In the first trial, sends Ctrl-C to a process and hangs."""
    if get_sequence_id() == 0:
        os.kill(pid, signal.SIGINT)
        signal.pause()
    return judge(model_cls, bonus)


def is_narrow(architecture: dict[str, Any]) -> bool:
    assert architecture.keys() <= {"width", "act"}, "the keys of the model"
    return bool(architecture["width"] < 8)
