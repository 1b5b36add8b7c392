"""Search spaces from the literature, as PyTorch supernets, and generated space files.

The names are resolved on first use: importing the package loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._darts import DartsNetwork, darts
    from ._drop_path import set_drop_path
    from ._enas_macro import enas_macro
    from ._enas_micro import enas_micro
    from ._fbnet import fbnet
    from ._mobile_blocks import Stage
    from ._nas_bench_201 import nas_bench_201
    from ._proxyless_nas import proxyless_nas
    from ._shufflenet import shufflenet

_MODULES = {
    "DartsNetwork": "._darts",
    "Stage": "._mobile_blocks",
    "darts": "._darts",
    "enas_macro": "._enas_macro",
    "enas_micro": "._enas_micro",
    "fbnet": "._fbnet",
    "nas_bench_201": "._nas_bench_201",
    "proxyless_nas": "._proxyless_nas",
    "set_drop_path": "._drop_path",
    "shufflenet": "._shufflenet",
}

__all__ = [
    "DartsNetwork",
    "Stage",
    "darts",
    "enas_macro",
    "enas_micro",
    "fbnet",
    "nas_bench_201",
    "proxyless_nas",
    "set_drop_path",
    "shufflenet",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
