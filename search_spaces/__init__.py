"""Search spaces from the literature, as PyTorch supernets, and generated space files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .darts import DartsNetwork

__all__ = ["DartsNetwork"]


def __getattr__(name: str) -> Any:
    if name == "DartsNetwork":
        from .darts import DartsNetwork

        return DartsNetwork
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
