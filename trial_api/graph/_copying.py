"""A copy of a model to run instead of it."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..nn._binding import Bindable
from ..nn.space_record import record_of
from ..nn.wrappers import is_wrapper, unwrap

Place = Literal["meta", "cpu"]

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_RUN_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def working_copy(root: nn.Module, place: Place) -> Mapping[int, nn.Module]:
    """Copies of a model's modules, in evaluation mode, by the id of the original.

    Those inside scripted modules are missing. Nothing that runs in a copy shows in the original:
    mutators and most hooks stay behind; hooks that are a part of the model or torch's own (of
    weight norms, pruning) come along. Wrappers inside the model do not.

    Args:
        root: The model, without wrappers around it.
        place: Where the copy's tensors are: without memory, or on the CPU.

    Raises:
        Exception: what copying raises.
    """
    memo: dict[int, Any] = {}
    with torch.no_grad():
        for tensor in _tensors(root):
            if id(tensor) not in memo:
                memo |= {id(tensor): made for made in [_copied(tensor, place)] if made is not None}
    hooks: list[Mapping[int, Any]] = []
    for module in root.modules():
        for name in _HOOKS:
            present = module.__dict__.get(name)
            if present is not None:
                memo[id(present)] = OrderedDict()
                hooks += [present] if name in _RUN_HOOKS else []
        if isinstance(module, Bindable) and module._run is not None:
            memo[id(module._run)] = _forgotten
        record = record_of(module)
        if record is not None:
            memo[id(record)] = None  # the constructor's arguments may be large
    scripted = _inside_scripts(root)
    for module in root.modules():
        if isinstance(module, torch.jit.ScriptModule) and id(module) not in scripted:
            memo[id(module)] = Scripted(copy.deepcopy(module))
    for wrapper in _wrappers(root):
        memo[id(wrapper)] = copy.deepcopy(unwrap(wrapper), memo)
    made = copy.deepcopy(root, memo)
    own = {id(module) for module in root.modules()}
    for present in hooks:
        memo[id(present)].update(
            (number, copy.deepcopy(hook, memo))
            for number, hook in present.items()
            if _is_part(hook, own)
        )
    made.eval()
    return {
        id(module): _copy_of(module, memo)
        for module in root.modules()
        if id(module) not in scripted
    }


def _inside_scripts(root: nn.Module) -> set[int]:
    """The parts of scripted modules, which are made anew for whoever asks for them."""
    scripts = [module for module in root.modules() if isinstance(module, torch.jit.ScriptModule)]
    return {id(part) for script in scripts for part in script.modules() if part is not script}


def _copy_of(module: nn.Module, memo: Mapping[int, Any]) -> nn.Module:
    copied = memo.get(id(module))
    if not isinstance(copied, nn.Module) or copied is module:
        kind = type(module).__name__
        raise TypeError(f"{kind} does not let itself be copied: its __deepcopy__ gives no other")
    return copied


class Scripted(nn.Module):
    """Around a copied part that is compiled by TorchScript, which takes no hooks."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.part(*args, **kwargs)


def _forgotten(*_: Any, **__: Any) -> Any:
    """Stands for how a mutator runs a choice."""
    raise AssertionError("a copied choice runs before it is bound anew")


def _tensors(root: nn.Module) -> Iterator[Tensor]:
    """All that modules hold: also as plain attributes, and what autograd computed."""
    for module in root.modules():
        held = [*module._parameters.values(), *module._buffers.values(), *vars(module).values()]
        for tensor in held:
            if isinstance(tensor, Tensor) and not is_lazy(tensor):
                yield tensor


def _copied(tensor: Tensor, place: Place) -> Tensor | None:
    """What stands for a tensor in the copy; None where an ordinary copy will do."""
    if place == "meta":
        made = torch.empty_like(tensor, device="meta", requires_grad=False)
    elif tensor.is_meta:
        made = torch.zeros_like(tensor, device="cpu", requires_grad=False)
    elif tensor.device.type != "cpu" or not tensor.is_leaf:
        made = tensor.detach().to("cpu", copy=True)
    else:
        return None
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(made, requires_grad=tensor.requires_grad)
    return made


def _wrappers(root: nn.Module) -> list[nn.Module]:
    """Those inside the model, inner ones first."""
    return [module for module in root.modules() if is_wrapper(module)][::-1]


def _is_part(hook: Callable[..., Any], own: set[int]) -> bool:
    """Whether a hook belongs to the model rather than to who looks at it."""
    of = getattr(hook, "__self__", None)
    if id(of) in own or id(hook) in own:
        return True
    where = getattr(hook, "__module__", None) or type(hook).__module__
    return str(where).partition(".")[0] == "torch"
