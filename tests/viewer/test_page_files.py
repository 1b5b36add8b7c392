"""The page's files in the package."""

from __future__ import annotations

import pytest

from nas_tuners.viewer._page import TYPES, page_file, page_names


def test_there_is_a_page() -> None:
    names = page_names()
    assert {"index.html", "app.js", "style.css", "vendor/preact.js", "graph/worker.js"} <= {*names}
    assert {name[name.rindex(".") :] for name in names} <= {*TYPES}


def test_what_others_wrote_comes_with_its_licence() -> None:
    names = page_names()
    for library in ("preact", "htm", "dagre", "uplot"):
        assert f"vendor/LICENSE-{library}.txt" in names


def test_a_file() -> None:
    file = page_file("index.html")
    assert file is not None
    assert file.type == "text/html; charset=utf-8"
    assert file.content.startswith(b"<!doctype html>")
    assert file.etag.startswith('"')
    again = page_file("index.html")
    assert again is not None
    assert again.etag == file.etag


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nothing.js",
        "../_page.py",
        "views/../app.js",
        "/app.js",
        "views",
        "views/",
        "package.json",
    ],
)
def test_no_other_file(name: str) -> None:
    assert page_file(name) is None
