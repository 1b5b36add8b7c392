"""The exported page in a browser: from a file, and in a notebook's frame, with nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas_tuners.viewer import export_page, show
from tests.e2e.kit import Opened, quiet, wait_until
from tests.experiment_kit import Project
from tests.viewer.kit import GRAPH, append, record, recorded

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

HOSTILE = "</script><img src=x onerror=alert(1)><!--"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    search = recorded(tmp_path / "logs" / "search", steps=30)
    graph = json.loads(json.dumps(GRAPH))
    graph["model"] = graph["modules"][0]["type"] = HOSTILE
    (search / "graph.json").write_text(json.dumps(graph))
    page = tmp_path / "page.html"
    export_page(tmp_path / "logs", page)
    return page


def look_at_all(page: Page | Frame) -> list[str]:
    """Open every view; what they are called."""
    views = page.get_by_role("tab")
    views.first.wait_for()
    names = views.all_inner_texts()
    for name in names:
        page.get_by_role("tab", name=name, exact=True).click()
        quiet(page)
    return names


# What notes whether workers answer or fail.
WATCHED = """
globalThis.heard = [];
globalThis.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => heard.push(
      "problem" in data ? "problem" : "layout" in data ? "layout" : "placed"
    ));
    this.addEventListener("error", () => heard.push("error"));
  }
};
"""


def test_every_view_works_from_a_file(opened: Opened, file: Path) -> None:
    page = opened("about:blank", offline=True)
    page.add_init_script(WATCHED)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    opened.requests.clear()
    page.goto(file.as_uri())
    assert len(look_at_all(page)) >= 4
    assert dialogs == []
    wait_until(lambda: "layout" in page.evaluate("heard"), "an answer of the worker that lays out")
    assert set(page.evaluate("heard")) == {"layout", "placed"}
    others = [url for url in opened.requests if not url.startswith(("blob:", "data:"))]
    assert others == [file.as_uri()], "nothing is asked of anybody"


@pytest.mark.extended
def test_trials_from_a_file(opened: Opened, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("report(value, 'intermediate'); report(value)", max_trials=6)
    assert project.run().returncode == 0
    export_page(project.experiment, tmp_path / "page.html")
    page = opened((tmp_path / "page.html").as_uri(), offline=True)
    assert "Trials" in look_at_all(page)


def test_in_the_frame_of_a_notebook(opened: Opened, tmp_path: Path) -> None:
    append(tmp_path, range(1, 9))
    (tmp_path / "graph.json").write_text(json.dumps(GRAPH))
    shown = show(tmp_path)
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset='utf-8'><body>{shown._repr_html_()}</body>")
    page = opened(notebook.as_uri(), offline=True)
    frame = page.frames[1]
    assert len(look_at_all(frame)) >= 4
    assert frame.evaluate("origin") == "null", "it reaches nothing of the notebook's"


def test_a_record_of_every_kind_of_text(opened: Opened, tmp_path: Path) -> None:
    strange = {"k": [0.5, 0.5], HOSTILE: [1.0], "\u2028": [1.0], "\ud800": [0.0]}
    (tmp_path / "log").write_text(json.dumps({**record(1), "status": strange}) + "\n")
    export_page(tmp_path, tmp_path / "page.html")
    look_at_all(opened((tmp_path / "page.html").as_uri(), offline=True))
