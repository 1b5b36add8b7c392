"""How Sphinx makes the site of the pages and the docstrings: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

import nas_tuners

project = "nas-tuners"
author = "The nas-tuners authors"
release = nas_tuners.__version__

# Pages are taken from the whole repository, so that a link between two of them is the same on
# the site as where the repository is browsed.
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**.md", "examples/**.md", "benchmarks/*/*.md"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
myst_heading_anchors = 3
napoleon_use_ivar = True  # attributes in a docstring are no second description of them
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = f"nas-tuners {release}"
html_extra_path = ["_site"]


def setup(app: Sphinx) -> None:
    app.connect("source-read", _adapt)


def _adapt(app: Sphinx, page: str, source: list[str]) -> None:
    """Make of a page, as it is read in the repository, one of the site."""
    folder = Path(app.srcdir, page).parent
    source[0] = re.sub(r"\[([^]]+)\]\(([^)#:]+)\)", lambda link: _link(link, folder), source[0])
    if page == root_doc:
        source[0] += "".join(map(_toctree, source[0].split("\n## ")[1:]))


def _link(link: re.Match[str], folder: Path) -> str:
    """A folder is its page, or nothing to go to."""
    target = folder / link[2]
    if not target.is_dir():
        return link[0]
    return f"[{link[1]}]({link[2]}/README.md)" if (target / "README.md").exists() else link[1]


def _toctree(section: str) -> str:
    """The links that a section of the first page lists, for the navigation."""
    caption = section.partition("\n")[0]
    pages = re.findall(r"^- \[[^]]*\]\((\S+)\.md\)", section, re.MULTILINE)
    return "\n".join(
        ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]
    )
