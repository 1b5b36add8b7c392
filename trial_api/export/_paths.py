"""How code reaches what lies inside a module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trial_api.nn._chosen import ChosenLayer

from ._constructors import construct
from ._literals import quoted
from ._recording import constructor_call, torch_class

LISTS = (nn.Sequential, nn.ModuleList)
DICTS = (nn.ModuleDict, ChosenLayer)


def access(module: nn.Module, path: str, start: str = "self") -> str:
    """An expression for what a path names: ``"layers.0.norm"`` gives ``self.layers[0].norm``."""
    text, inside = start, module
    for name in path.split("."):
        text += _step(inside, name)
        inside = inside._modules.get(name) or inside
    return text


def runs_in_turn(module: nn.Module) -> bool:
    """Whether its forward is that of ``nn.Sequential``."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def is_leaf(module: nn.Module) -> bool:
    """Whether it is a layer of torch, which the code constructs and calls."""
    base = torch_class(type(module))
    if base is nn.Module or issubclass(base, (*LISTS, nn.ModuleDict)):
        return False
    if issubclass(base, (nn.ParameterList, nn.ParameterDict)):
        return False
    if type(module).forward is not base.forward or "forward" in module.__dict__:
        return False
    return type(module) is base or not _extends(module)


def _extends(module: nn.Module) -> bool:
    """Whether a subclass of a layer holds more, or less, than the layer."""
    call = constructor_call(module)
    if call is None:
        return False
    with torch.device("meta"):
        plain = construct(call)
    return plain.state_dict().keys() != module.state_dict().keys()


def _step(module: nn.Module, name: str) -> str:
    if isinstance(module, nn.Sequential) and name.isdigit():
        return f"[{list(module._modules).index(name)}]"
    if isinstance(module, (nn.ModuleList, nn.ParameterList)) and name.isdigit():
        return f"[{name}]"
    if isinstance(module, (*DICTS, nn.ParameterDict)):
        return f"[{quoted(name)}]"
    if name.isidentifier():
        return f".{name}"
    return f"._modules[{quoted(name)}]"


def own_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers that are the module's own."""
    entries = {**module._parameters, **module._buffers}
    return {name: tensor for name, tensor in entries.items() if tensor is not None}
