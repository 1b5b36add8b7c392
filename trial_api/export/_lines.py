"""Where in the user's code something happens."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import torch

_OURS = str(Path(__file__).parent.parent)
_TORCHS = str(Path(torch.__file__).parent)


def in_users_code() -> str:
    """The innermost line that is neither torch's nor ours, as ``"net.py:12"``."""
    for frame, line in traceback.walk_stack(sys._getframe()):
        if is_users(frame.f_code.co_filename):
            return f"{frame.f_code.co_filename}:{line}"
    return "forward"


def is_users(file: str) -> bool:
    return not file.startswith((_OURS, _TORCHS, "<"))
