"""The site is built without a warning, and its reference has every public name."""

from __future__ import annotations

import importlib
import inspect
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.docs.kit import ROOT, pages

# What users need of these names they have from trial_api and nas_tuners.
INNER = {
    "nas_tuners.contract.search_space",
    "trial_api.export",
    "trial_api.nn",
    "trial_api.profiling",
}

pytest.importorskip("sphinx", reason="the site is made with `pip install 'nas-tuners[docs]'`")
if shutil.which("make") is None:
    pytest.skip("make is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def site() -> Path:
    """The site as ``make docs`` makes it, which is quick where little has changed."""
    here = [f"BIN={Path(sys.executable).parent}", "--assume-old=.venv/installed"]
    done = subprocess.run(["make", "docs", *here], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ROOT / "build" / "docs" / "html"


@pytest.fixture(scope="module")
def documented(site: Path) -> set[str]:
    """The names of the reference, by the inventory that other sites link by."""
    compressed = (site / "objects.inv").read_bytes().split(b"\n", 4)[4]
    entries = (line.split(" ") for line in zlib.decompress(compressed).decode().splitlines())
    return {entry[0] for entry in entries if entry[1].startswith("py:")}


def public_modules() -> list[str]:
    """Those with an ``__all__`` that are reached without an underscore."""
    folders = (ROOT / name for name in ("nas_tuners", "trial_api", "search_spaces"))
    files = (file for folder in folders for file in folder.rglob("*.py"))
    found = (file.relative_to(ROOT) for file in files if "\n__all__ = [" in file.read_text())
    names = (".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in found)
    return sorted(name for name in names if "._" not in name and name not in INNER)


def public_names() -> dict[str, Any]:
    """What they offer, by name; but for modules, which speak for themselves."""
    modules = map(importlib.import_module, public_modules())
    found = {
        f"{module.__name__}.{name}": getattr(module, name)
        for module in modules
        for name in module.__all__
    }
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}


def test_every_public_name_is_in_the_reference(documented: set[str]) -> None:
    """Under one of its names, where several packages have it."""
    names = public_names()
    described = [value for name, value in names.items() if name in documented]
    missing = [n for n, value in names.items() if not any(value is it for it in described)]
    assert missing == []


def test_the_packages_that_users_import_have_a_page(documented: set[str]) -> None:
    for package in ("nas_tuners", "trial_api", "trial_api.mutators", "trial_api.oneshot"):
        assert {f"{package}.{name}" for name in importlib.import_module(package).__all__} <= (
            documented
        )


def test_every_page_is_on_the_site(site: Path) -> None:
    missing = [page for page in pages() if not (site / page).with_suffix(".html").exists()]
    assert missing == []


def test_no_link_is_left_that_is_none(site: Path) -> None:
    """A page that is linked as a file would be offered as a download."""
    for page in site.rglob("*.html"):
        assert not re.search(r'href="[^"]*\.md"', page.read_text()), page.name


def test_the_first_address_leads_to_the_first_page(site: Path) -> None:
    target = re.search(r"url=([^\"]+)", (site / "index.html").read_text())
    assert target is not None
    assert (site / target[1]).exists()
