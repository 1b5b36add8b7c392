"""Looking names up in the table."""

from __future__ import annotations

from dataclasses import dataclass

from ._table import Family, Name
from .names import FAMILIES, LAYER_MODULES

_LAYER_PREFIX = "Mutable"  # of the layers of NNI 3


@dataclass(frozen=True)
class Found:
    """A row, and how many parts of the dotted name it is about; the others are attributes."""

    name: Name
    parts: int


def is_nni(dotted: str) -> bool:
    return dotted == "nni" or dotted.startswith("nni.")


def find(dotted: str) -> Found | None:
    """The row about a dotted name of NNI's, or about the beginning of it."""
    families = [(module, family) for family in FAMILIES for module in family.modules]
    for module, family in sorted(families, key=lambda pair: len(pair[0]), reverse=True):
        if dotted.startswith(f"{module}."):
            return _find_in(family, dotted, len(module.split("."))) or _find_layer(dotted)
    return None


def find_whole(dotted: str) -> Name | None:
    """The row about this very name."""
    found = find(dotted)
    return found.name if found is not None and found.parts == dotted.count(".") + 1 else None


def _find_in(family: Family, dotted: str, depth: int) -> Found | None:
    rows = {name.nni: name for name in family.names}
    parts = dotted.split(".")
    for index in range(depth, len(parts) if family.nested else depth + 1):
        with_attribute = ".".join(parts[index : index + 2])
        if with_attribute in rows and with_attribute != parts[index]:
            return Found(rows[with_attribute], index + 2)
        if parts[index] in rows:
            return Found(rows[parts[index]], index + 1)
    return None


def _find_layer(dotted: str) -> Found | None:
    """A layer of torch that NNI wraps."""
    for module, ours in LAYER_MODULES.items():
        layer = dotted.removeprefix(f"{module}.").partition(".")[0]
        if dotted.startswith(f"{module}.") and layer[:1].isupper():
            ours = f"{ours}:{layer.removeprefix(_LAYER_PREFIX)}"
            return Found(Name(layer, ours), len(module.split(".")) + 1)
    return None
