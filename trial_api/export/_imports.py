"""The imports that written code needs."""

from __future__ import annotations

import re

_IMPORTS = {
    "from collections import OrderedDict\n\n": r"\bOrderedDict\(",
    "import torch\n": r"\btorch\.",
    "import torch.nn.functional as F\n": r"\bF\.",
    "from torch import nn\n": r"\bnn\.",
}
"""Import -> where it is used."""


def imports_of(code: str) -> str:
    """The lines of imports for the names of torch and the standard library in the code."""
    return "".join(line for line, used in _IMPORTS.items() if re.search(used, code))
