"""The time below the views, and choices over time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.kit import Opened, Server, screenshot

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

View = Callable[..., Server]
KEYS = ("normal_n2_p0", "normal_n2_p1", "reduce_n2_p0")
CANDIDATES = 4
PER_EPOCH = 10


def weights(step: int) -> dict[str, list[float]]:
    """Weights that tell of their step: the second candidate's is 1/10 more than step / 10^5."""
    weight = round(0.1 + step / 100_000, 6)
    return {key: [0.05, weight, 0.05, round(0.9 - weight, 6)] for key in KEYS}


def line(step: int, status: dict[str, list[float]], **more: object) -> str:
    record = {"step": step, "epoch": step // PER_EPOCH, "time": 1763795000.0 + step}
    return json.dumps({**record, "kind": "probability", **more, "status": status}) + "\n"


def graph_of(folder: Path) -> None:
    """A network of choices only."""
    names = [f"operation{i}" for i in range(CANDIDATES)]
    choice = {"kind": "layer", "names": names, "n_chosen": 1, "places": []}
    graph = {
        "schema": "nas-graph/1",
        "tier": "modules",
        "note": "made up",
        "model": "Network",
        "inputs": [],
        "parameters": 0,
        "flops": None,
        "search_space": {key: {"_type": "layer_choice", "_value": names} for key in KEYS},
        "texts": [],
        "modules": [{"parent": None, "name": "", "type": "Network", "params": 0}],
        "nodes": [],
        "edges": [],
        "choices": dict.fromkeys(KEYS, choice),
        "templates": [],
    }
    (folder / "graph.json").write_text(json.dumps(graph))


def log_of(folder: Path, lines: Iterable[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("a") as file:
        file.writelines(lines)
    return folder


def steps(begin: int, end: int) -> Iterable[str]:
    return (line(step, weights(step)) for step in range(begin, end))


def show(opened: Opened, server: Server, **options: object) -> Page:
    page = opened(f"{server.url}#view=choices", **options)
    page.get_by_role("tab", name="Choices over time").click()
    return page


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Record")


def expect_label(page: Page, text: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator(".timeline-label")).to_contain_text(text)


def expect_row(page: Page, text: str) -> None:
    """The row with the focus."""
    from playwright.sync_api import expect

    expect(page.locator("[role=row]:focus")).to_contain_text(text)


def test_every_record_is_reached_and_shown_exactly(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    server = view("--logdir", log_of(tmp_path, steps(0, 3000)))
    page = show(opened, server)
    expect_label(page, "record 3,000 of 3,000 · epoch 299 · step 2,999 · probability")
    for key, expected in (
        ("Home", "record 1 of"),
        ("ArrowRight", "record 2 of"),
        ("PageDown", "record 1 of"),
        ("PageUp", "record 151 of"),
        ("ArrowLeft", "record 150 of"),
        ("End", "record 3,000 of"),
        ("ArrowRight", "record 3,000 of"),
    ):
        slider(page).press(key)
        expect_label(page, expected)
    number = page.get_by_role("spinbutton", name="Number of the record")
    number.fill("1235")
    number.press("Enter")
    expect_label(page, "record 1,235 of 3,000 · epoch 123 · step 1,234")
    told = slider(page).get_attribute("aria-valuetext") or ""
    assert told.startswith("record 1,235 of 3,000, epoch 123, step 1,234")
    page.get_by_role("button", name="Previous record").click()
    expect_label(page, "record 1,234 of")
    number.fill("9999")
    number.press("Enter")
    expect_label(page, "record 1,234 of")
    slider(page).press("Home")
    for _ in range(7):  # the overview has every third record
        slider(page).press("ArrowRight")
    expect_label(page, "record 8 of 3,000")
    row = page.get_by_role("row", name=re.compile(r"^#1 ")).first
    expect(row).to_contain_text("0.1001")  # 0.10007 with four decimals
    expect(page.locator(".timeline-label")).not_to_contain_text("as in record")


def test_problems_that_come_are_told_whatever_was_hidden(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    page = show(opened, view("--logdir", log_of(tmp_path, [*steps(0, 5), "{\n", *steps(5, 9)])))
    problems = page.get_by_role("region", name="Problems")
    expect(problems).to_contain_text("line 6: not JSON")
    page.get_by_role("button", name="Hide these").click()
    expect(problems).to_have_count(0)
    log_of(tmp_path, ["[\n", *steps(9, 12)])
    expect(problems).to_contain_text("and 1 more like it")


@pytest.mark.extended
def test_playing_goes_to_the_end(tmp_path: Path, view: View, opened: Opened) -> None:
    from playwright.sync_api import expect

    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 8))))
    expect_label(page, "record 8 of 8")
    page.get_by_role("combobox", name="Speed of playing").select_option("4")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect_label(page, "record 1 of 8")  # from the start, for there was nothing left
    expect_label(page, "record 8 of 8")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    slider(page).press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    slider(page).press("ArrowLeft")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_records_are_followed_and_what_is_typed_stays(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 20))))
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect_label(page, "record 20 of 20")
    log_of(tmp_path, steps(20, 25))
    expect_label(page, "record 25 of 25 · epoch 2 · step 24")
    slider(page).press("ArrowLeft")
    expect(follow).to_have_attribute("aria-pressed", "false")
    log_of(tmp_path, steps(25, 30))
    expect_label(page, "record 24 of 30")
    slider(page).press("End")
    expect(follow).to_have_attribute("aria-pressed", "true")
    log_of(tmp_path, steps(30, 31))
    expect_label(page, "record 31 of 31")
    number = page.get_by_role("spinbutton", name="Number of the record")
    number.fill("1")
    log_of(tmp_path, steps(31, 40))
    expect_label(page, "record 40 of 40")
    expect(number).to_have_value("1")
    number.press("End")
    number.press("2")
    number.press("Enter")
    expect_label(page, "record 12 of 40")
    expect(number).to_have_value("12")
    number.fill("7")
    number.press("Escape")
    expect(number).to_have_value("12")
    slider(page).press("End")
    expect(follow).to_have_attribute("aria-pressed", "true")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")


def test_what_was_superseded_is_gone(tmp_path: Path, view: View, opened: Opened) -> None:
    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 20))))
    expect_label(page, "record 20 of 20")
    # No record is still being asked for that will soon be none: Chromium would tell of its 404.
    with page.expect_response(re.compile("/log/5$")):
        slider(page).press("Home")
        for _ in range(5):
            slider(page).press("ArrowRight")
    changed = {key: [0.7, 0.1, 0.1, 0.1] for key in KEYS}
    log_of(tmp_path, [line(10, changed)])
    expect_label(page, "record 6 of 11")
    slider(page).press("End")
    expect_label(page, "record 11 of 11 · epoch 1 · step 10")
    row = page.get_by_role("row", name=re.compile(r"^#0 ")).first
    row.get_by_text("0.7000").wait_for()


def test_records_and_choices_are_shown_in_other_views(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    graph_of(tmp_path)
    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 50))))
    expect_label(page, "record 50 of 50")
    page.get_by_role("rowheader", name=KEYS[1]).click()
    heading = page.get_by_role("heading", name=KEYS[1])
    expect(heading).to_be_visible()
    expect(page.get_by_role("rowheader", name="operation2").first).to_be_visible()
    page.get_by_role("button", name="Show in cells").click()
    expect(page.get_by_role("tab", name="Cells")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Choices over time").click()
    expect(heading).to_be_visible()
    expect(page.locator(".heat-rows [tabindex='0']")).to_contain_text(KEYS[1])
    expect(page.get_by_role("button", name="Mark as B")).to_be_disabled()
    page.get_by_role("button", name="Mark as A").click()
    slider(page).press("Home")
    page.get_by_role("button", name="Mark as B").click()
    marks = page.locator(".timeline-mark")
    expect(marks).to_have_text(["A", "B"])
    expect(marks.nth(0)).to_have_attribute("title", "record 50, epoch 4")
    expect(marks.nth(1)).to_have_attribute("title", "record 1, epoch 0")
    page.get_by_role("tab", name="Compare").click()
    for letter, title in (("A", "record 50, epoch 4"), ("B", "record 1, epoch 0")):
        side = page.get_by_role("region", name=f"Architecture {letter}")
        expect(side).to_contain_text(title)


def test_choices_by_keyboard(tmp_path: Path, view: View, opened: Opened) -> None:
    from playwright.sync_api import expect

    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 50))))
    expect(page.locator(".over-summary")).to_contain_text("3 of 3 choices have settled")
    rows = page.locator(".heat-rows [role=row]")
    expect(rows).to_have_count(len(KEYS) * (1 + CANDIDATES))
    rows.first.focus()
    for key, expected in (
        ("ArrowDown", "#0"),
        ("ArrowDown", "#1"),
        ("ArrowLeft", KEYS[0]),
        ("End", "#3"),
        ("Home", KEYS[0]),
        ("ArrowRight", "#0"),
        ("ArrowDown", "#1"),
    ):
        page.keyboard.press(key)
        expect_row(page, expected)
    readout = page.locator(".heat-readout")
    expect(readout).to_contain_text(f"{KEYS[0]}, #1: 0.1005 · record 50, step 49, epoch 4")
    page.keyboard.press("Shift+ArrowLeft")
    expect(readout).to_contain_text("0.1005 · record 49")
    expect_label(page, "record 49 of 50")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(len(KEYS) * (1 + CANDIDATES) - CANDIDATES)
    expect_row(page, KEYS[0])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=KEYS[1])).to_be_visible()
    screenshot(page, "choices-keyboard")


def test_choices_are_searched_sorted_and_collapsed(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    undecided = [0.26, 0.25, 0.25, 0.24]
    status = [weights(step) | {"open": undecided} for step in range(50)]
    lines = [line(step, one) for step, one in enumerate(status)]
    page = show(opened, view("--logdir", log_of(tmp_path, lines)))
    names = page.locator(".heat-key .heat-text")
    expect(names).to_have_text([*KEYS, "open"])
    page.get_by_role("button", name="Collapse all").click()
    expect(page.locator(".heat-rows [role=row]")).to_have_count(4)
    entropy = page.get_by_role("columnheader", name="Entropy")
    entropy.get_by_role("button").click()
    expect(entropy).to_have_attribute("aria-sort", "ascending")
    entropy.get_by_role("button").click()
    expect(entropy).to_have_attribute("aria-sort", "descending")
    expect(names).to_have_text(["open", *KEYS])
    page.get_by_role("searchbox").fill("REDUCE")
    expect(names).to_have_text(["reduce_n2_p0"])
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No choice or candidate is named")).to_be_visible()


def test_pointing_tells_the_number_and_a_click_or_a_drag_goes_there(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    page = show(opened, view("--logdir", log_of(tmp_path, steps(0, 101))))
    cell = page.get_by_role("row", name=re.compile(r"^#3 ")).first.locator(".heat-map")
    box = cell.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.305, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    expect(page.locator(".heat-readout")).to_contain_text(
        f"{KEYS[0]}, #3: 0.7997 · record 31, step 30, epoch 3"
    )
    page.mouse.click(x, y)
    expect_label(page, "record 31 of 101")
    slider(page).press("End")
    expect_label(page, "record 101 of 101")
    track = slider(page).bounding_box()
    assert track is not None
    middle = track["y"] + track["height"] / 2
    page.mouse.move(track["x"] + track["width"] - 8, middle)
    page.mouse.down()
    page.mouse.move(track["x"] + track["width"] / 2, middle, steps=5)
    page.mouse.up()
    expect_label(page, "record 51 of 101")


def test_rows_stay_where_they_are_while_records_come(
    tmp_path: Path, view: View, opened: Opened
) -> None:
    from playwright.sync_api import expect

    many = {f"layer{i}": [0.6, 0.4] for i in range(200)}
    log_of(tmp_path, (line(step, many) for step in range(20)))
    page = show(opened, view("--logdir", tmp_path))
    names = page.locator(".heat-key .heat-text")
    expect(names.first).to_have_text("layer0")
    assert names.count() < 30, "only rows in sight exist"
    page.locator(".heat-scroll").evaluate("element => { element.scrollTop = 5000; }")
    page.get_by_role("rowheader", name="layer95").wait_for()
    log_of(tmp_path, (line(step, many) for step in range(20, 30)))
    expect_label(page, "record 30 of 30")
    assert page.locator(".heat-scroll").evaluate("element => element.scrollTop") == 5000
    page.get_by_role("rowheader", name="layer95").wait_for()


def test_samples_are_shown_as_shares(tmp_path: Path, view: View, opened: Opened) -> None:
    from playwright.sync_api import expect

    lines = (
        line(step, {"op": [0, 1] if step % 4 == 0 else [1, 0]}, kind="sample")
        for step in range(100)
    )
    page = show(opened, view("--logdir", log_of(tmp_path, lines)))
    shares = page.get_by_role("combobox", name="Samples")
    expect(shares).to_have_value("20")
    row = page.get_by_role("row", name=re.compile(r"^#0 "))
    row.locator(".heat-map").hover()
    expect(page.locator(".heat-readout")).to_contain_text("0.750 of the samples up to it")
    shares.select_option("0")
    row.locator(".heat-map").hover()
    expect(page.locator(".heat-readout")).not_to_contain_text("samples up to it")
    changes = page.locator(".heat-key .heat-changes")
    expect(changes).to_have_text("49")


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.extended)])
def test_logs_of_any_shape_open(scheme: str, tmp_path: Path, view: View, opened: Opened) -> None:
    from playwright.sync_api import expect

    nni = [json.dumps(weights(step)) + "\n" for step in range(30)]
    log_of(tmp_path / "nni", nni)
    log_of(tmp_path / "one", steps(0, 1))
    log_of(tmp_path / "none", [])
    odd: list[dict[str, list[float]]] = [
        {"a": [1.5, 2.5, -3]},
        {"a": [0.1], "constructor": [1, 0]},
        {"late <b>": [1, 1]},
        {"a": []},
    ]
    log_of(tmp_path / "odd", (line(step, one) for step, one in enumerate(odd)))
    server = view("--logdir", tmp_path)
    page = show(opened, server, color_scheme=scheme)
    choice = page.get_by_role("combobox", name=re.compile("^Search"))
    choice.select_option(label="nni")
    expect_label(page, "record 30 of 30 · step")
    expect(page.locator(".timeline-label")).not_to_contain_text("epoch")
    choice.select_option(label="one")
    expect_label(page, "record 1 of 1 · epoch 0")
    expect(page.get_by_role("button", name="Play")).to_be_disabled()
    choice.select_option(label="odd")
    expect_label(page, "record 4 of 4")
    page.get_by_role("rowheader", name="late <b>").wait_for()
    slider(page).press("Home")
    page.get_by_role("row", name=re.compile("^#2 -3.0000")).wait_for()
    screenshot(page, f"choices-odd-{scheme}")
    choice.select_option(label="none")
    expect(page.get_by_text("The log has no records yet.")).to_be_visible()
