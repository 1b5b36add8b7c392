"""Cells, architectures and comparisons in a browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from tests.e2e.kit import Opened, Server, screenshot

if TYPE_CHECKING:
    from playwright.sync_api import Page

Recorded = Callable[[str], Path]
View = Callable[..., Server]

EDGES = 14  # of a cell of DARTS, between its inputs and nodes
KEPT = 8


@pytest.fixture
def darts(recorded: Recorded, view: View, opened: Opened) -> Page:
    """The cells of a search with DARTS, its last record but one."""
    page = opened(view("--logdir", recorded("darts")).url)
    page.get_by_role("tab", name="Cells").click()
    page.locator("svg.cell-drawing").nth(1).wait_for()
    return page


def panel(page: Page, name: str) -> Any:
    return page.get_by_role("region", name=f"Cell {name}", exact=True)


def has_edges(page: Page, name: str, count: int) -> None:
    """Wait for the drawing of a cell, which is made in a task of its own."""
    from playwright.sync_api import expect

    expect(panel(page, name).locator("g.edge")).to_have_count(count)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def go_to(page: Page, record: int) -> None:
    page.get_by_role("slider", name="Record", exact=True).fill(str(record - 1))
    page.get_by_text(f"record {record} of").wait_for()


def best(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "best.json").read_text())
    return content


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log").read_text().splitlines()]


def paste(page: Page, text: str) -> None:
    page.get_by_role("button", name="Paste …").click()
    page.get_by_label("Architecture as JSON").fill(text)
    page.get_by_role("button", name="Show it").click()


def test_cells_are_drawn_as_in_the_paper(darts: Page) -> None:
    for name in ("normal", "reduce"):
        drawn = panel(darts, name)
        has_edges(darts, name, EDGES)
        states = drawn.locator("text.state-name").all_text_contents()
        assert sorted(states) == sorted(["ck−2", "ck−1", "0", "1", "2", "3", "ck"])
    darts.get_by_text("2 of 3 DartsCell").click()
    assert darts.get_by_text("cells.1, cells.2").is_visible()
    is_saved_with_all_its_styles(darts)


def is_saved_with_all_its_styles(page: Page) -> None:
    with page.expect_download() as download:
        panel(page, "normal").get_by_role("button", name="SVG").click()
    assert download.value.suggested_filename == "normal.svg"
    root = ElementTree.parse(download.value.path()).getroot()
    texts = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "ck−1" in texts
    assert all(text.get("font-family") for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert not any("class" in part.attrib or "style" in part.attrib for part in root.iter())


def test_drawings_follow_the_time_and_hide_what_is_not_wanted(darts: Page) -> None:
    places = "[...document.querySelectorAll('g.edge path.way')].map((it) => it.getAttribute('d'))"
    labels = ".edge-label text"
    go_to(darts, 1)
    before, texts = darts.evaluate(places), darts.locator(labels).all_text_contents()
    go_to(darts, 4)
    assert darts.evaluate(places) == before, "nothing moves"
    assert darts.locator(labels).all_text_contents() != texts

    go_to(darts, 2)
    slider = darts.get_by_label("Hide what is weaker than")
    slider.fill("1")
    darts.wait_for_function("document.querySelectorAll('g.edge').length === 0")
    slider.fill("0")
    darts.wait_for_function(f"document.querySelectorAll('g.edge').length === {2 * EDGES}")

    darts.get_by_label("Only what would be chosen now").check()
    for name in ("normal", "reduce"):
        has_edges(darts, name, KEPT)
        labels_kept = panel(darts, name).locator(".edge-label text").all_text_contents()
        assert not any(label.startswith("none") for label in labels_kept if label)
    screenshot(darts, "cells-chosen")


def test_an_edge_tells_its_candidates_and_is_reached_by_keyboard(
    darts: Page, recorded: Recorded
) -> None:
    go_to(darts, 1)
    first = panel(darts, "normal").locator("g.edge").first
    first.focus()
    weights = records(recorded("darts"))[0]["status"]["normal_n2_p0"]
    bars = darts.locator(".cell-details .cell-bars").first.locator("li")
    assert bars.count() == len(weights)
    numbers = [float(one) for one in bars.locator(".number").all_inner_texts()]
    assert numbers == pytest.approx(sorted(weights, reverse=True), abs=1e-3)
    darts.keyboard.press("ArrowRight")
    darts.keyboard.press("Enter")
    assert darts.locator("g.edge[aria-pressed=true]").get_attribute("data-key") == "normal_n2_p1"
    assert darts.locator(".cell-details h3").first.inner_text().startswith("normal_n2_p1")
    darts.keyboard.press("End")
    assert darts.locator("g.edge:focus").get_attribute("data-key") == "normal_n5_p4"
    screenshot(darts, "cells-edge")
    darts.get_by_role("button", name="Show over time").first.click()
    assert darts.get_by_role("tab", name="Choices over time").get_attribute("aria-selected")


def test_an_architecture_is_opened_drawn_and_saved(darts: Page, recorded: Recorded) -> None:
    tab(darts, "Architecture")
    file = recorded("darts") / "best.json"
    darts.locator("input[type=file]").set_input_files(file)
    darts.get_by_role("heading", name="best.json").wait_for()
    has_edges(darts, "normal", KEPT)
    rows = darts.locator(".choice-table tbody tr").all_inner_texts()
    shown = dict(re.split(r"\s*\t\s*", row.strip(), maxsplit=1) for row in rows)
    for key, value in best(recorded("darts")).items():
        assert shown[key] == (", ".join(value) if isinstance(value, list) else value)
    told = darts.locator(".architecture-costs dd").first.get_attribute("title")
    assert int(told or 0) == parameters_of(best(recorded("darts")))
    with darts.expect_download() as download:
        darts.get_by_role("button", name="Download JSON").click()
    assert json.loads(download.value.path().read_text()) == best(recorded("darts"))
    screenshot(darts, "architecture-file")
    darts.get_by_role("button", name="Over the supernet").click()
    assert darts.get_by_role("tab", name="Supernet").get_attribute("aria-selected") == "true"
    tab(darts, "Architecture")
    darts.get_by_role("button", name="Clear").click()
    assert darts.get_by_role("button", name="Clear").count() == 0


def parameters_of(architecture: dict[str, Any]) -> int:
    """Of the recorded network once it is fixed."""
    from search_spaces import darts as make
    from trial_api import apply_fixed_architecture

    model = make(4, 3, in_channels=1, classes=2)
    apply_fixed_architecture(model, architecture)
    return sum(parameter.numel() for parameter in model.parameters())


def test_an_architecture_is_drawn_as_a_network_of_its_own(darts: Page) -> None:
    tab(darts, "Architecture")
    darts.get_by_role("button", name="Network", exact=True).click()
    darts.locator(".graph-canvas[data-boxes]").wait_for()
    drawing = darts.locator(".graph-frame")
    drawing.focus()
    for key in ("Enter", "ArrowDown", "Enter"):
        drawing.press(key)
    assert "closed" in (drawing.locator("[aria-live]").inner_text())
    with darts.expect_download() as download:
        darts.locator(".graph-zoom").get_by_role("button", name="SVG").click()
    picture = download.value.path().read_text()
    assert "Conv2d" in picture
    assert "of 8<" not in picture, "nothing is left to choose"
    darts.get_by_role("button", name="Cells", exact=True).click()
    darts.locator("svg.cell-drawing").first.wait_for()


def test_an_architecture_is_dropped_and_all_that_is_wrong_with_one_is_told(
    darts: Page, recorded: Recorded
) -> None:
    tab(darts, "Architecture")
    text = json.dumps(best(recorded("darts")))
    darts.evaluate(
        """(text) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([text], "dropped.json", { type: "application/json" }));
          const target = document.querySelector(".architecture-view");
          target.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        }""",
        text,
    )
    darts.get_by_role("heading", name="dropped.json").wait_for()

    content = best(recorded("darts"))
    del content["normal_n2_p1"]
    wrong = {**content, "normal_n2_p0": "sep_conv_3x4", "normal_n3_swich": [0, 1]}
    paste(darts, json.dumps(wrong))
    alert = darts.get_by_role("alert")
    alert.wait_for()
    told = alert.inner_text()
    assert 'no candidate "sep_conv_3x4"; did you mean "sep_conv_3x3"?' in told
    assert 'unknown key; did you mean "normal_n3_switch"?' in told
    assert 'normal_n2_p1: missing; expected one of ["none"' in told
    darts.get_by_label("Architecture as JSON").fill("{")
    darts.get_by_role("button", name="Show it").click()
    darts.get_by_text("this is no JSON").wait_for()


def test_two_architectures_are_compared(darts: Page, recorded: Recorded) -> None:
    content = best(recorded("darts"))
    changed = {**content, "normal_n2_p0": "skip_connect", "normal_n5_p4": "skip_connect"}
    expected = sum(changed[key] != content[key] for key in content)
    tab(darts, "Compare")
    for letter, one in (("A", content), ("B", changed)):
        side = darts.get_by_role("region", name=f"Architecture {letter}")
        side.locator("input[type=file]").set_input_files(
            {
                "name": f"{letter}.json",
                "mimeType": "application/json",
                "buffer": json.dumps(one).encode(),
            }
        )
        side.get_by_text(f"{letter}.json").first.wait_for(state="attached")
    darts.get_by_text(f"{expected} of {len(content)} keys differ").wait_for()
    rows = darts.get_by_label("Keys that differ").locator("tbody tr")
    assert rows.count() == expected
    for label in darts.locator(".edge-label.differs text").all_text_contents():
        assert label.startswith("≠")
    assert darts.locator("g.edge.differs").count() in (2, 4)
    screenshot(darts, "compare-files")
    side.get_by_label("What is B").select_option("the first record")
    darts.get_by_role("option", name="record 1, epoch 0").first.wait_for(state="attached")


def test_trials_are_drawn_and_compared(recorded: Recorded, view: View, opened: Opened) -> None:
    page = opened(view("--experiment", recorded("experiment") / "experiment").url)
    page.get_by_role("tab", name="Architecture").click()
    page.get_by_role("button", name="The best trial").wait_for()
    page.locator("g.edge").first.wait_for(state="attached")
    tab(page, "Compare")
    side = page.get_by_role("region", name="Architecture A")
    side.get_by_label("Trial of A").fill("3")
    side.get_by_label("Trial of A").press("Enter")
    side.get_by_text("Trial 3").first.wait_for(state="attached")
    side.get_by_label("Trial of A").fill("999")
    side.get_by_label("Trial of A").press("Enter")
    side.get_by_text("there is none").wait_for()


def test_cells_of_enas_are_drawn(recorded: Recorded, view: View, opened: Opened) -> None:
    page = opened(view("--logdir", recorded("enas")).url, color_scheme="dark")
    page.locator("svg.cell-drawing").nth(1).wait_for()
    nodes, edges = 3, 2
    assert panel(page, "normal").locator("g.edge").count() >= nodes * edges
    screenshot(page, "cells-enas")


def test_a_record_is_drawn_within_a_moment(darts: Page) -> None:
    """What is drawn anew for a record takes no long task."""
    darts.evaluate(
        """() => {
          window.long = [];
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.long.push(entry.duration);
          }).observe({ entryTypes: ["longtask"] });
        }"""
    )
    for record in (1, 3, 2, 4):
        go_to(darts, record)
    darts.wait_for_timeout(200)
    assert darts.evaluate("window.long.filter((one) => one > 100)") == []
