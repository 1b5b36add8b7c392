"""Each view of each kind of search: something is drawn, nothing fails, everybody can use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.kit import Opened, Server, quiet, screenshot

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

JAVASCRIPT = "text/javascript"
ONE_SHOT = ["Cells", "Supernet", "Choices over time", "Architecture", "Compare"]
TRIALS = ["Cells", "Supernet", "Architecture", "Trials", "Compare"]

# What must be there, and is only if the view has drawn its data.
DRAWN = {
    "Cells": "svg text",
    "Supernet": "canvas",
    "Choices over time": "canvas",
    "Architecture": "main table",
    "Trials": "[role=grid] [role=row]",
    "Compare": "main :is(table, button, select)",
}


@pytest.mark.parametrize(
    ("kind", "option", "names", "schemes"),
    [
        ("darts", "--logdir", ONE_SHOT, ["light", "dark"]),
        ("enas", "--logdir", ONE_SHOT, ["light"]),
        pytest.param("enas", "--logdir", ONE_SHOT, ["dark"], marks=pytest.mark.extended),
        pytest.param("experiment", "--experiment", TRIALS, ["light"], marks=pytest.mark.extended),
        ("experiment", "--experiment", TRIALS, ["dark"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) and len(value) < 3 else None,
)
def test_every_view(
    kind: str,
    option: str,
    names: list[str],
    schemes: list[Any],
    recorded: Callable[[str], Path],
    view: Callable[..., Server],
    opened: Opened,
) -> None:
    folder = recorded(kind)
    server = view(option, folder / "experiment" if kind == "experiment" else folder)
    page = opened(server.url, color_scheme=schemes[0])
    tabs = page.get_by_role("tab")
    tabs.first.wait_for()
    assert tabs.all_inner_texts() == names
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for name in names:
            page.get_by_role("tab", name=name, exact=True).click()
            page.locator(DRAWN[name]).first.wait_for(state="attached")
            quiet(page)
            screenshot(page, f"{kind}-{name.split()[0].lower()}-{scheme}")
            assert found_by_axe(page) == []
            assert unreachable(page) == []
            if name == "Architecture":
                page.get_by_role("button", name="Network").click()
                page.locator("canvas[data-boxes]").wait_for()
                assert found_by_axe(page) == []
                assert unreachable(page) == []
    page.get_by_role("tab", name=names[0]).click()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("tab", name=names[1]).get_attribute("aria-selected") == "true"
    assert {url.split("/")[2] for url in opened.requests if url.startswith("http")} == {
        server.url.split("/")[2]
    }


def test_a_view_that_fails_says_so_and_leaves_the_others(
    recorded: Callable[[str], Path], view: Callable[..., Server], opened: Opened
) -> None:
    server = view("--logdir", recorded("darts"))
    page = opened(f"{server.url}#view=supernet")
    breaks = {
        "function CellsView(": 'function CellsView() { throw new Error("broken on purpose"); }\n'
        "function Unused(",
        "$modules['views/compare.js'] = () => {": "$modules['views/compare.js'] = () => {\n"
        'throw new Error("broken on purpose");',
    }

    def answer(route: Route) -> None:
        whole = route.fetch().text()
        for sound, broken in breaks.items():
            assert sound in whole
            whole = whole.replace(sound, broken)
        route.fulfill(body=whole, content_type=JAVASCRIPT)

    page.route("**/app.js", answer)
    page.reload()
    for name in ("Cells", "Compare"):  # when it is drawn, and when it is loaded
        page.get_by_role("tab", name=name).click()
        page.get_by_role("alert").get_by_text("please report it: broken on purpose").wait_for()
        page.get_by_role("button", name="Try again").click()
        page.get_by_role("alert").get_by_text("broken on purpose").wait_for()
        page.get_by_role("tab", name="Choices over time").click()
        page.locator(DRAWN["Choices over time"]).first.wait_for()
    told, opened.errors = opened.errors, []
    assert len(told) == 4
    assert all("broken on purpose" in one for one in told)


def found_by_axe(page: Page) -> list[str]:
    """What axe-core finds wrong, but for what is minor."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("moderate", "serious", "critical")
    ]


def unreachable(page: Page) -> list[str]:
    """Buttons and fields that Tab passes by and no group with a focus of its own holds."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, a[href]")]
          .filter((it) => !it.disabled && it.tabIndex < 0 && it.offsetParent)
          .filter((it) => {
            const group = it.closest(
              "[role=tablist], [role=tree], [role=grid], [role=listbox], [role=toolbar]"
            );
            return !group;
          })
          .map((it) => it.outerHTML.slice(0, 120))"""
    )
    return found
