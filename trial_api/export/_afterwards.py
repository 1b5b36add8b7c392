"""What was changed in layers after their construction, as statements."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from ..nn.wrappers import submodule
from ._constructors import construct
from ._literals import literal
from ._numbers import marked
from ._paths import access
from ._recording import constructor_call

_PLAIN = (bool, int, float, str, tuple, type(None))


def changes(owner: nn.Module, path: str) -> Iterator[str]:
    """The statements for a layer of torch.

    Args:
        owner: The module whose constructor they are part of.
        path: To the layer, empty if that is the owner itself.
    """
    layer = submodule(owner, path)
    for name, value in _attributes(layer):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        hint = name.rpartition(".")[2]
        text = marked(literal(value), hint) if number else literal(value)
        yield f"{_access(owner, path, name)} = {text}"
    parameters = dict(layer.named_parameters())
    frozen = [name for name, parameter in parameters.items() if not parameter.requires_grad]
    if not path or len(frozen) < len(parameters):
        for name in frozen:
            yield f"{_access(owner, path, name)}.requires_grad_(False)"


def _attributes(layer: nn.Module) -> Iterator[tuple[str, Any]]:
    """What a layer of the same arguments has other values for."""
    call = constructor_call(layer)
    assert call is not None
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were shown when the layer was made
        plain = construct(call)
    if not isinstance(layer, type(plain)):
        return  # a lazy one has become what it is
    for (path, ours), theirs in zip(layer.named_modules(), plain.modules(), strict=False):
        for name, value in vars(ours).items():
            is_own = name.startswith("_") or name == "training" or name not in vars(theirs)
            if not is_own and isinstance(value, _PLAIN) and value != vars(theirs)[name]:
                yield (f"{path}.{name}" if path else name), value


def _access(owner: nn.Module, *path: str) -> str:
    return access(owner, ".".join(filter(None, path)))
