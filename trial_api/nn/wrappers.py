"""Modules around a model that are no part of it.

``DataParallel``, ``DistributedDataParallel`` and the module that ``torch.compile`` makes.
"""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parallel import DistributedDataParallel

_COMPILED = "_orig_mod"


def is_wrapper(module: nn.Module) -> bool:
    return isinstance(module, (nn.DataParallel, DistributedDataParallel)) or _is_compiled(module)


def unwrap(model: nn.Module) -> nn.Module:
    """The model without the wrappers around the whole of it."""
    while is_wrapper(model):
        model = next(model.children())
    return model


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def submodule(root: nn.Module, path: str) -> nn.Module:
    """A module by its path; candidates may have names that attributes have, too.

    ``get_submodule`` finds the attribute where a candidate is called ``half`` or ``type``.

    Raises:
        AttributeError: if there is none.
    """
    module = root
    for name in path.split(".") if path else ():
        child = module._modules.get(name)
        if child is None:
            raise AttributeError(f"{path!r}: {type(module).__name__} has no submodule {name!r}")
        module = child
    return module


def state_path(module: nn.Module, path: str, name: str) -> str:
    """Where a child's entries stand in state dicts, apart from what wrapping does to them.

    A compiled module never shows, another wrapper only inside the model: there it is a part.
    """
    if _is_compiled(module) or (is_wrapper(module) and not path):
        return path
    return join(path, name)


def without_compiled(name: str) -> str:
    """A state-dict name without the traces of ``torch.compile``."""
    return ".".join(segment for segment in name.split(".") if segment != _COMPILED)


def set_up_anew(wrapper: Any) -> None:
    """Make a wrapper forget the modules that were replaced inside it."""
    if isinstance(wrapper, DistributedDataParallel):
        mode = wrapper.training
        DistributedDataParallel.__init__(wrapper, wrapper.module, **_ddp_settings(wrapper))
        wrapper.training = mode
    elif _is_compiled(wrapper):
        compiled_class = type(wrapper)
        compiled_class.__init__(wrapper, wrapper._orig_mod, wrapper.dynamo_ctx)


def _is_compiled(module: nn.Module) -> bool:
    """Told by its child, which spares importing the compiler."""
    return _COMPILED in module._modules


def _ddp_settings(ddp: Any) -> dict[str, Any]:
    names = [
        "device_ids",
        "output_device",
        "dim",
        "process_group",
        "find_unused_parameters",
        "gradient_as_bucket_view",
        "static_graph",
        # the newer name of `broadcast_buffers`, which warns where both exist
        "forward_sync_buffers" if hasattr(ddp, "forward_sync_buffers") else "broadcast_buffers",
    ]
    settings = {name: getattr(ddp, name) for name in names}
    if not getattr(ddp, "bucket_bytes_cap_default", True):
        settings["bucket_cap_mb"] = ddp.bucket_bytes_cap / 2**20
    return settings
