"""A network as a file that imports the user's class and applies the architecture to it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from nas_tuners.contract.errors import ExportError

from ._imports import imports_of
from ._literals import literal


def export_stub(
    space: Callable[..., nn.Module],
    architecture: Mapping[str, Any],
    arguments: Mapping[str, Any] | None = None,
) -> str:
    """The source code of a file that builds a network from the class of its model space.

    For networks whose forward cannot be written down (:func:`export_code`). The file needs this
    package and the module of the class; it has one function, ``build()``.

    Args:
        space: The class, or the function that builds it: importable under its name.
        architecture: As of ``apply_fixed_architecture``.
        arguments: What ``space`` is called with, by name.

    Raises:
        ExportError: if the class cannot be imported, or an argument cannot be written.

    Example::

        Path("best_net.py").write_text(export_stub(Net, best, {"classes": 10}))
    """
    module, name = _importable(space)
    given = ", ".join(f"{key}={_argument(key, value)}" for key, value in (arguments or {}).items())
    text = json.dumps(architecture, indent=4, ensure_ascii=False)
    return f'''"""The network of an architecture of {name}."""

import json

{imports_of(given)}from {module} import {name}
from trial_api import apply_fixed_architecture

ARCHITECTURE = json.loads(
    """
{text.replace(chr(92), chr(92) * 2)}
"""
)


def build():
    return apply_fixed_architecture({name}({given}), ARCHITECTURE)
'''


def _importable(space: Callable[..., nn.Module]) -> tuple[str, str]:
    """Module and name under which others can import a class or function.

    Raises:
        ExportError: if there are none.
    """
    module, name = getattr(space, "__module__", "__main__"), getattr(space, "__qualname__", "")
    if module != "__main__" and name.isidentifier():
        found = getattr(importlib.import_module(module), name, None)
        if found is space or getattr(found, "__wrapped__", None) is space:
            return module, name
    where = "in __main__" if module == "__main__" else f"as {module}.{name}"
    raise ExportError(
        f"{space!r} is defined {where}, from where no other file can import it: move it to the "
        "top level of a module"
    )


def _argument(name: str, value: Any) -> str:
    try:
        return literal(value)
    except ExportError as error:
        raise ExportError(f"argument `{name}`: {error}") from None
