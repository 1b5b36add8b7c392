"""The trials of studies and experiments in the browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from axe_playwright_python.sync_playwright import Axe
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.tuners._study import attach_space
from tests.e2e.kit import Opened, Server, screenshot, wait_until
from tests.experiment_kit import Project

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

View = Callable[..., Server]
KERNELS = ["conv3x3", "conv5x5", "max pool"]
SPACE: dict[str, Any] = {
    "conv1": {"_type": "layer_choice", "_value": KERNELS},
    "inputs": {
        "_type": "input_choice",
        "_value": {"candidates": ["a", "b", "c"], "n_chosen": 2},
    },
    "rate": {"_type": "uniform", "_value": [0, 1]},
}


class _Study:
    """A study that is written to while the page shows it."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/study.db"
        self._storage = optuna.storages.RDBStorage(self.url)
        self._study = optuna.create_study(
            study_name="mine", storage=self._storage, directions=["maximize", "minimize"]
        )
        attach_space(self._study, SearchSpace(SPACE))
        self._count = 0

    def add(self, count: int, state: TrialState = TrialState.COMPLETE) -> None:
        for number in range(self._count, self._count + count):
            kernel = KERNELS[number % 3]
            architecture = {
                "conv1": kernel,
                "inputs": ["a", "bc"[number % 2]],
                "rate": number * 0.618 % 1,
            }
            complete = state == TrialState.COMPLETE
            score = 0.5 + 0.1 * (number % 3) + 0.001 * (number * 7 % 50)
            self._study.add_trial(
                create_trial(
                    state=state,
                    values=[score, 100.0 + number * 13 % 97] if complete else None,
                    user_attrs={"architecture": architecture}
                    | ({} if complete else {"failure": "exit code 1: CUDA out of memory"}),
                    intermediate_values={0: score / 2, 1: score} if complete else {},
                )
            )
        self._count += count

    def begin(self) -> optuna.Trial:
        self._count += 1
        return self._study.ask()

    def end(self, trial: optuna.Trial) -> None:
        self._study.tell(trial, [0.95, 90.0])

    def close(self) -> None:
        self._storage.remove_session()
        self._storage.engine.dispose()


@pytest.fixture
def study(tmp_path: Path) -> Iterator[_Study]:
    study = _Study(tmp_path)
    yield study
    study.close()


def show(opened: Opened, server: Server, **options: Any) -> Page:
    page = opened(f"{server.url}#view=trials", **options)
    page.get_by_role("tab", name="Trials").click()
    rows(page).first.wait_for()
    return page


def rows(page: Page) -> Locator:
    """The number of each trial in sight, to be clicked on."""
    return page.locator(".grid .row:not(.head) .first")


def numbers(page: Page) -> list[int]:
    """The trials in sight, from above."""
    return [int(text) for text in rows(page).all_inner_texts()]


def wait_for_text(place: Locator, text: str) -> None:
    from playwright.sync_api import expect

    expect(place).to_contain_text(text, timeout=30_000)


def counted(page: Page) -> Locator:
    return page.locator(".filter [role=status]")


def wait_for_plots(page: Page) -> None:
    drawn = "[...document.querySelectorAll('.chart')].filter(x => x.dataset.drawn).length"
    wait_until(lambda: page.evaluate(drawn) >= 4, "the plots")


def test_table_by_mouse_and_keyboard(study: _Study, view: View, opened: Opened) -> None:
    study.add(298)
    study.add(2, TrialState.FAIL)
    page = show(opened, view("--storage", study.url))
    wait_for_text(counted(page), "300 trials")
    page.get_by_role("columnheader", name="number").click()
    wait_until(lambda: numbers(page)[:3] == [0, 1, 2], "the order of numbers")
    page.get_by_role("columnheader", name="number").click()
    wait_until(lambda: numbers(page)[:3] == [299, 298, 297], "the order turned round")
    page.get_by_role("searchbox").fill('state:complete conv1=conv5x5 "value 0">0.6')
    wait_for_text(counted(page), "of 300 trials")
    assert {number % 3 for number in numbers(page)} == {1}
    page.get_by_role("searchbox").fill("ratee>0")
    wait_for_text(page.locator("#filter-help"), "no column “ratee”; did you mean “rate”?")
    page.get_by_role("searchbox").fill("memory")
    wait_for_text(counted(page), "2 of 300 trials")
    page.get_by_role("searchbox").fill("")

    grid = page.get_by_role("grid", name="Trials")
    wait_until(lambda: grid.get_attribute("aria-rowcount") == "301", "all trials")
    grid.focus()
    page.keyboard.press("Enter")  # on the first header: sort by number
    wait_until(lambda: numbers(page)[:2] == [0, 1], "the order of numbers")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Trial 2").wait_for()
    page.keyboard.press("Control+End")
    wait_until(lambda: 299 in numbers(page), "the last trial")
    active = grid.get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").is_visible()
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    page.get_by_role("region", name="Trial 299").wait_for()
    chart = page.locator(".plot-history .chart")
    wait_for_plots(page)
    chart.focus()
    page.keyboard.press("Home")
    wait_for_text(chart.locator("output"), "trial 0: value 0")
    page.keyboard.press("ArrowRight")
    wait_for_text(chart.locator("output"), "trial 1:")
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Trial 1").wait_for()


def test_everything_is_drawn_and_what_is_brushed_is_filtered(
    study: _Study, view: View, opened: Opened
) -> None:
    study.add(60)
    page = show(opened, view("--storage", study.url), color_scheme="light")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        wait_for_plots(page)
        wait_for_text(page.locator(".plot-importance"), "conv1")
        wait_for_text(page.locator(".plot-means"), "conv3x3")
        assert "Best value 0 so far. 60 complete trials" in text_of(page, ".plot-history")
        assert "Pareto front of value 1, lower is better" in text_of(page, ".plot-pareto")
        assert "Intermediate results of 60 trials" in text_of(page, ".plot-curves")
        for selector in (".plot-history", ".plot-pareto", ".plot-curves", ".plot-parallel"):
            assert has_drawing(page, selector)
        screenshot(page, f"trials-{scheme}")
        rows(page).first.click()
        page.locator(".details").wait_for()
        screenshot(page, f"trials-details-{scheme}")
        assert serious(page) == []
        page.get_by_role("button", name="Close the details").click()

    canvas = page.locator(".plot-parallel canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    x = box["x"] + 26  # the first axis
    page.mouse.move(x, box["y"] + box["height"] - 8)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] - 40, steps=4)
    page.mouse.up()
    wait_until(
        lambda: page.get_by_role("searchbox").input_value() == "conv1=conv3x3", "the filter"
    )
    wait_for_text(counted(page), "20 of 60 trials")
    page.mouse.click(x, box["y"] + 60)
    wait_for_text(counted(page), "60 trials")
    page.locator(".plot-means select").select_option("conv1")
    page.get_by_role("button", name="max pool").click()
    assert page.get_by_role("searchbox").input_value() == 'conv1="max pool"'


@pytest.mark.extended
def test_keys_of_any_name(tmp_path: Path, view: View, opened: Opened) -> None:
    url = f"sqlite:///{tmp_path}/odd.db"
    study = optuna.create_study(study_name="odd", storage=url, direction="minimize")
    names = [
        "constructor",
        "__proto__",
        "toString",
        "number",
        "seconds",
        "rate",
        'a "b"',
        "n" * 300,
    ]
    for number in range(25):
        values = {name: (number * (at + 3) * 0.618) % 1 for at, name in enumerate(names)}
        study.add_trial(
            create_trial(
                value=values["constructor"],
                params=values,
                distributions=dict.fromkeys(names, FloatDistribution(0, 1)),
                user_attrs={"rate": 7, "valueOf": number},
            )
        )
    page = show(opened, view("--storage", url))
    wait_for_text(page.locator(".plot-importance"), "__proto__")
    for name in ("constructor", "number (choice)", "rate", "rate (choice)", "valueOf"):
        page.get_by_role("searchbox").fill(f'"{name}">=0.5')
        wait_for_text(counted(page), "of 25 trials" if name != "rate" else "25 trials")
        assert page.locator("#filter-help.problem").count() == 0
    page.get_by_role("searchbox").fill("")
    rows(page).first.click()
    wait_for_text(page.locator(".details"), "__proto__")
    wait_for_text(page.locator(".details"), 'a "b"')


@pytest.mark.extended
def test_a_thousand_keys(tmp_path: Path, view: View, opened: Opened) -> None:
    url = f"sqlite:///{tmp_path}/wide.db"
    study = optuna.create_study(study_name="wide", storage=url)
    names = [f"layer_{at:04}" for at in range(1000)]
    for number in range(2):
        study.add_trial(
            create_trial(
                value=number,
                params={name: (number + at) / 1001 for at, name in enumerate(names)},
                distributions=dict.fromkeys(names, FloatDistribution(0, 1)),
            )
        )
    page = show(opened, view("--storage", url))
    wait_for_text(page.locator(".plot-parallel"), "the 120 of 1000 keys that matter most")
    wait_until(lambda: has_drawing(page, ".plot-parallel"), "the lines")
    chart = page.locator(".plot-parallel .chart")
    chart.focus()
    page.keyboard.press("Shift+ArrowRight")
    wait_until(lambda: chart.evaluate("chart => chart.scrollLeft") > 100, "the next axes")


def test_what_a_running_trial_reports(tmp_path: Path, view: View, opened: Opened) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="mine", storage=url)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    running = study.ask()
    running.report(0.25, 0)
    page = show(opened, view("--storage", url))
    page.get_by_role("searchbox").fill("state:running")
    wait_for_text(counted(page), "1 of 4 trials")
    rows(page).first.click()
    own = page.locator(".own-curve .chart")
    own.focus()
    page.keyboard.press("End")
    wait_for_text(own.locator("output"), "0.25 at step 0")
    running.report(0.75, 1)
    wait_for_text(own.locator("output"), "0.75 at step 1")


def text_of(page: Page, plot: str) -> str:
    return page.locator(f"{plot} .chart").get_attribute("aria-label") or ""


def has_drawing(page: Page, plot: str) -> bool:
    """Whether anything but one color is on the canvas."""
    colors = """canvas => {
      const { width, height } = canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      return new Set(new Uint32Array(data.buffer)).size;
    }"""
    return int(page.locator(f"{plot} canvas").evaluate(colors)) > 5


def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("moderate", "serious", "critical")
        for node in one["nodes"][:2]
    ]


def test_live_rows_change_nothing_else(study: _Study, view: View, opened: Opened) -> None:
    study.add(200)
    running = study.begin()
    page = show(opened, view("--storage", study.url))
    page.get_by_role("searchbox").fill("state:complete|running")
    page.get_by_role("columnheader", name="number").click()
    wait_until(lambda: numbers(page)[:2] == [0, 1], "the order of numbers")
    rows(page).nth(2).click()
    page.get_by_role("region", name="Trial 2").wait_for()
    grid = page.get_by_role("grid")
    grid.evaluate("grid => { grid.scrollTop = 2600; }")
    wait_until(lambda: 100 in numbers(page), "the hundredth trial")
    grid.evaluate("grid => { window.kept = grid; }")
    before = grid.evaluate("grid => grid.scrollTop")
    study.add(30)
    study.end(running)
    wait_for_text(counted(page), "231 trials")
    assert grid.evaluate("grid => grid.scrollTop") == before
    assert grid.evaluate("grid => window.kept === grid")  # nothing was loaded anew
    assert page.get_by_role("searchbox").input_value() == "state:complete|running"
    assert page.get_by_role("region", name="Trial 2").is_visible()
    page.get_by_role("searchbox").fill("#200")
    wait_for_text(page.locator(".grid"), "✓ complete")
    wait_for_text(page.locator(".grid"), "0.95")


@pytest.mark.extended
def test_rows_above_do_not_move_what_is_read(study: _Study, view: View, opened: Opened) -> None:
    study.add(200)
    page = show(opened, view("--storage", study.url))
    for order in ([0, 1], [199, 198]):
        page.get_by_role("columnheader", name="number").click()
        wait_until(lambda order=order: numbers(page)[:2] == order, f"the order {order}")
    grid = page.get_by_role("grid")
    grid.evaluate("grid => { grid.scrollTop = 1300; }")
    wait_until(lambda: 150 in numbers(page), "trial 150")
    first = "grid => grid.scrollTop / 26"
    assert grid.evaluate(first) == 50
    study.add(10)
    wait_for_text(counted(page), "210 trials")
    wait_until(lambda: grid.evaluate(first) == 60, "the rows to stay where they were")


def test_one_trial_in_full(tmp_path: Path, view: View, opened: Opened) -> None:
    project = Project(tmp_path)
    trial = (
        "print('<b>hello</b>')\n"
        "for step in range(3): report(value * step, 'intermediate', step)\n"
        "if number == 1: sys.exit('no memory')\n"
        "report({'default': value, 'flops': 1.5e6})"
    )
    project.write(trial, max_trials=4)
    assert project.run().returncode == 0
    page = show(opened, view("--experiment", project.experiment))
    page.get_by_role("searchbox").fill("#1")
    rows(page).first.click()
    details = page.get_by_role("region", name="Trial 1")
    wait_for_text(details, "✕ fail")
    wait_for_text(details, "no memory")
    details.get_by_text("stdout.txt").click()
    wait_for_text(details.get_by_role("region", name="stdout.txt"), "<b>hello</b>")
    wait_for_text(details, "Reported on its way")
    page.get_by_role("searchbox").fill("#0")
    rows(page).first.click()
    details = page.get_by_role("region", name="Trial 0")
    wait_for_text(details, "1.5 M")
    with page.expect_download() as download:
        details.get_by_role("button", name="Download JSON").click()
    written = json.loads(Path(download.value.path()).read_text())
    assert written == project.trials()[0].user_attrs["architecture"]
    details.get_by_role("button", name=re.compile("Compare")).click()
    page.get_by_role("searchbox").fill("#2")
    rows(page).first.click()
    page.get_by_role("button", name="Compare with Trial 0").click()
    page.get_by_role("tab", name="Compare", selected=True).wait_for()
