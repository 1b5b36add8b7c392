"""The supernet view: boxes open and close, are found, hidden and saved."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.kit import Opened, Server, wait_until
from tests.e2e.supernet_kit import open_supernet, picture, record, selected, settled, synthetic

if TYPE_CHECKING:
    from playwright.sync_api import Page

TREE = "[role=tree]"


@pytest.fixture
def shown(
    tmp_path: Path, view: Callable[..., Server], opened: Opened
) -> Callable[[dict[str, Any]], Page]:
    """Opens the supernet view of a graph."""

    def show(graph: dict[str, Any], before: str = "") -> Page:
        server = view("--logdir", record(tmp_path / "search", graph))
        page = opened("about:blank")
        if before:
            page.add_init_script(before)
        page.goto(server.url)
        open_supernet(page)
        return page

    return show


def rows(page: Page) -> list[str]:
    return page.locator(f"{TREE} .outline-name").all_inner_texts()


def test_first_the_choices_of_the_first_cell_are_in_sight_and_keys_go_from_box_to_box(
    shown: Callable[..., Page],
) -> None:
    page = shown(synthetic("dartsGraph({cells: 3})"))
    names = rows(page)
    assert names[:4] == ["x", "stem", "cells.0", "n0_p0"]
    assert names.count("n0_p0") == 1
    best = page.locator(f"{TREE} [role=treeitem]", has_text="n0_p0").first
    assert "max_pool 100 %" in " ".join(best.inner_text().split())

    drawing = page.get_by_role("application")
    drawing.focus()
    page.keyboard.press("Enter")
    assert selected(page) == "x"
    page.keyboard.press("ArrowDown")
    assert selected(page) == "stem"
    page.keyboard.press("ArrowDown")
    assert selected(page) == "cells.0"
    page.keyboard.press("PageDown")
    assert selected(page) == "n0_p0"
    assert "choice n0_p0, 4 candidates" in drawing.locator("[aria-live]").inner_text()
    boxes = settled(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"() => document.querySelector('.graph-canvas').dataset.boxes > {boxes}"
    )
    page.keyboard.press("Escape")
    assert selected(page) == "cells.0"
    page.keyboard.press("Escape")
    assert selected(page) == "Network"
    before = stable(page)
    page.keyboard.press("ArrowRight")
    wait_until(lambda: picture(page) != before, "the drawing to move")
    moved = stable(page)
    page.keyboard.press("-")
    wait_until(lambda: picture(page) != moved, "the drawing to shrink")


def test_boxes_open_and_close(shown: Callable[..., Page]) -> None:
    page = shown(synthetic("dartsGraph({cells: 3})"))
    page.get_by_role("button", name="Collapse all").click()
    page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes === '8'")
    cell = page.get_by_role("treeitem").filter(has_text="cells.1")
    cell.click()
    page.locator(TREE).focus()
    page.keyboard.press("ArrowRight")
    assert cell.get_attribute("aria-expanded") == "true"
    assert settled(page) > 8
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes === '8'")
    page.get_by_role("button", name="Expand all").click()
    page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes > 150")
    page.get_by_role("button", name="Collapse all").click()
    page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes === '8'")
    a_double_click_opens_a_box(page)


def a_double_click_opens_a_box(page: Page) -> None:
    settled(page)
    page.get_by_role("button", name="Fit").click()
    canvas = page.locator(".graph-canvas")
    place = canvas.bounding_box()
    assert place is not None
    hits = {}
    for y in range(10, int(place["height"]), 16):
        canvas.click(position={"x": place["width"] / 2, "y": y})
        hits[selected(page)] = y
    assert {"x", "stem", "head"} < hits.keys()
    name = next(name for name in hits if name.startswith("cells."))
    canvas.dblclick(position={"x": place["width"] / 2, "y": hits[name]})
    row = page.get_by_role("treeitem").filter(has_text=name)
    assert row.get_attribute("aria-expanded") == "true"


def test_search_goes_from_hit_to_hit_and_opens_what_is_around(shown: Callable[..., Page]) -> None:
    page = shown(synthetic("dartsGraph({cells: 3})"))
    search = page.get_by_role("searchbox")
    search.fill("cells.2 sep_conv Conv2d")
    search.press("Enter")
    settled(page)
    trail = page.locator(".supernet-trail li")
    assert trail.all_inner_texts()[:2] == ["Network", "cells.2"]
    first = page.locator(".supernet-panel code").first.inner_text()
    assert first == "cells.2.choices.n0_p0.sep_conv.1"
    assert "1 of 10" in page.locator(".supernet-bar [role=status]").first.inner_text()
    search.press("Enter")
    search.press("Enter")
    assert page.locator(".supernet-panel code").first.inner_text() == (
        "cells.2.choices.n0_p1.sep_conv.1"
    )


def test_what_is_weak_or_plumbing_vanishes_and_comes_back(shown: Callable[..., Page]) -> None:
    page = shown(synthetic("dartsGraph({cells: 2})"))
    assert "flatten" not in rows(page)
    page.get_by_label("Hide plumbing").uncheck()
    settled(page)
    assert "flatten" in rows(page)
    before = picture(page)
    page.get_by_label("Shapes").check()
    wait_until(lambda: picture(page) != before, "the shapes")

    before = picture(page)
    page.get_by_label("Hide below").fill("0.3")
    page.get_by_text("18 of 25").wait_for()
    wait_until(lambda: picture(page) != before, "fewer boxes")
    page.get_by_role("treeitem").get_by_text("n0_p0", exact=True).first.dblclick()
    page.get_by_role("treeitem", level=3).first.wait_for()
    shown_rows = page.get_by_role("treeitem", level=3).all_inner_texts()
    assert all(int(re.findall(r"(\d+) %", row)[0]) >= 30 for row in shown_rows)


def test_another_record_and_another_theme_are_painted(shown: Callable[..., Page]) -> None:
    page = shown(synthetic("dartsGraph({cells: 2})"))
    before = picture(page)
    page.locator(".foot input[type=range]").fill("0")
    row = page.locator(f"{TREE} [role=treeitem]", has_text="n0_p0").first
    page.wait_for_function("row => row.innerText.includes('25 %')", arg=row.element_handle())
    wait_until(lambda: picture(page) != before, "the record")
    page.get_by_label("Colors").select_option("light")
    light = stable(page)
    page.get_by_label("Colors").select_option("dark")
    wait_until(lambda: picture(page) != light, "the theme")


def stable(page: Page) -> str:
    """The picture, once it is the same for two looks."""
    looks = [picture(page)]
    wait_until(lambda: looks.append(picture(page)) or looks[-1] == looks[-2], "a picture")
    return looks[-1]


def test_the_picture_can_be_saved_and_names_stay_text(
    shown: Callable[..., Page], tmp_path: Path
) -> None:
    graph = synthetic("dartsGraph({cells: 2})")
    graph["modules"][1]["name"] = '<script>alert("x")</script>'
    graph["model"] = "<img src=x onerror=alert(1)>"
    page = shown(graph)
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    saved = tmp_path / "picture.svg"
    download.value.save_as(saved)
    root = ElementTree.parse(saved).getroot()
    texts = [text for text in root.itertext() if text.strip()]
    assert '<script>alert("x")</script>' in rows(page)
    assert {"n0_p0", "max_pool"} <= set(texts)
    assert not any(element.tag.endswith(("script", "img")) for element in root.iter())


def test_a_model_that_did_not_run_is_shown_with_the_reason(shown: Callable[..., Page]) -> None:
    graph = synthetic("treeOnly(dartsGraph({cells: 2}))")
    graph["note"] = "TypeError: forward() missed an argument"
    page = shown(graph)
    note = page.get_by_role("note").inner_text()
    assert "did not run" in note
    assert graph["note"] in note
    assert "cells.0" in rows(page)


@pytest.mark.parametrize(
    "hostile", ["flatGraph(3000)", "deepGraph(300)", "cyclicGraph()", "dartsGraph({cells: 0})"]
)
def test_hostile_graphs_are_drawn(hostile: str, shown: Callable[..., Page]) -> None:
    page = shown(synthetic(hostile))
    page.get_by_role("button", name="Expand all").click()
    assert settled(page) > 0


def test_without_workers_it_is_laid_out_all_the_same(shown: Callable[..., Page]) -> None:
    page = shown(synthetic("dartsGraph({cells: 2})"), before="delete window.Worker")
    page.get_by_role("button", name="Expand all").click()
    page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes > 100")
    page.get_by_role("tab", name="Cells").click()
    page.locator("svg.cell-drawing").first.wait_for()
