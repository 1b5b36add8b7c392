"""What the tests of exported code share: running it beside the model that it was written from."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from trial_api.export import export_code


def loaded(code: str, name: str) -> nn.Module:
    """A network of the code's class."""
    namespace: dict[str, Any] = {"__name__": "exported"}
    exec(compile(code, "exported.py", "exec"), namespace)
    network: nn.Module = namespace[name]()
    return network


def randomized(model: nn.Module) -> nn.Module:
    """With other values in all parameters and buffers than they start with."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.1)
    return model


def outputs(model: nn.Module, *inputs: Any) -> Any:
    torch.manual_seed(3)
    return model(*[value.clone() for value in inputs])


def round_trip(
    build: Callable[[], nn.Module], *inputs: Any, cast: torch.dtype | None = None
) -> str:
    """The code of a model, after it was found to give the same outputs with the same weights."""
    code = export_code(build, inputs)
    model = randomized(build())
    copy = loaded(code, class_of(code)).to(cast)
    for training in (True, False):
        copy.load_state_dict(model.state_dict())
        model.train(training)
        copy.train(training)
        torch.testing.assert_close(
            outputs(copy, *inputs), outputs(model, *inputs), rtol=0, atol=0, equal_nan=True
        )
    assert list(copy.state_dict()) == list(model.state_dict())
    return code


def class_of(code: str) -> str:
    """The name of the network's class."""
    return re.findall(r"^class (\w+)", code, re.MULTILINE)[-1]


def body_of(code: str, name: str) -> str:
    """The text of a class."""
    return re.split(r"\n\n\n", code.split(f"class {name}(")[1])[0]
