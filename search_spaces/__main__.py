"""Write the search-space files of all spaces: ``python -m search_spaces``."""

from __future__ import annotations

from pathlib import Path

import search_spaces
from nas_tuners.contract.json_files import write_text
from trial_api import search_space

FOLDER = Path(__file__).parent

SPACES = (
    "darts",
    "enas_macro",
    "enas_micro",
    "fbnet",
    "mobilenet_v3",
    "nas_bench_101",
    "nas_bench_201",
    "proxyless_nas",
    "shufflenet",
    "tabular_mlp",
    "text_nas",
    "vision_transformer",
)
"""The functions whose networks have a file ``<name>.json``, with their default arguments."""


def text_of(name: str) -> str:
    """What the file of a space holds."""
    return search_space(getattr(search_spaces, name)).dumps()


def main() -> None:
    for name in SPACES:
        write_text(FOLDER / f"{name}.json", text_of(name))


if __name__ == "__main__":
    main()
