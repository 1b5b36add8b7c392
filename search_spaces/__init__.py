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
    from ._mobile_stage import MobileStage
    from ._mobilenet_v3 import mobilenet_v3
    from ._nas_bench_101 import nas_bench_101
    from ._nas_bench_201 import nas_bench_201
    from ._proxyless_nas import proxyless_nas
    from ._shufflenet import shufflenet
    from ._tabular_mlp import tabular_mlp
    from ._text_nas import text_nas
    from ._vision_transformer import vision_transformer

_MODULES = {
    "DartsNetwork": "._darts",
    "MobileStage": "._mobile_stage",
    "Stage": "._mobile_blocks",
    "darts": "._darts",
    "enas_macro": "._enas_macro",
    "enas_micro": "._enas_micro",
    "fbnet": "._fbnet",
    "mobilenet_v3": "._mobilenet_v3",
    "nas_bench_101": "._nas_bench_101",
    "nas_bench_201": "._nas_bench_201",
    "proxyless_nas": "._proxyless_nas",
    "set_drop_path": "._drop_path",
    "shufflenet": "._shufflenet",
    "tabular_mlp": "._tabular_mlp",
    "text_nas": "._text_nas",
    "vision_transformer": "._vision_transformer",
}

__all__ = [
    "DartsNetwork",
    "MobileStage",
    "Stage",
    "darts",
    "enas_macro",
    "enas_micro",
    "fbnet",
    "mobilenet_v3",
    "nas_bench_101",
    "nas_bench_201",
    "proxyless_nas",
    "set_drop_path",
    "shufflenet",
    "tabular_mlp",
    "text_nas",
    "vision_transformer",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
