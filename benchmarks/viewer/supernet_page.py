"""The full DARTS supernet on CIFAR in the browser: how soon it is seen, and boxes open."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from search_spaces import darts
from trial_api import record_graph
from trial_api.mutators import SoftmaxMutator

from .._claim import Claim
from ._browser import chromium, longest_task, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OPENINGS = 5
RECORDS = 200

_SHOWN = {"cells": ".view svg text", "supernet": ".graph-canvas[data-boxes]"}
_WATCH = "".join(f"whenShown({json.dumps(css)}, {json.dumps(v)});\n" for v, css in _SHOWN.items())

# Milliseconds from what a person does to the frame that shows it.
_UNTIL = """
([event, holds]) => new Promise((done) => {
  const begun = (given) => {
    removeEventListener(event, begun, true);
    const look = () => {
      const boxes = Number(document.querySelector(".graph-canvas").dataset.boxes);
      const busy = document.querySelector(".supernet-busy");
      if (busy || !(holds > 0 ? boxes >= holds : boxes !== -holds)) requestAnimationFrame(look);
      else afterFrame(() => done([performance.now() - given.timeStamp, boxes]));
    };
    look();
  };
  addEventListener(event, begun, true);
})
"""


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        _record(Path(folder), seed)
        first = {
            view: [_opening(browser, folder, view) for _ in range(OPENINGS)] for view in _SHOWN
        }
        uses = [_use(browser, folder) for _ in range(3)]
    what = "DARTS supernet, 8 cells"
    views = [
        Claim(
            f"{what}: {view} on screen",
            statistics.median(shown for shown, _ in openings),
            1000.0,
            "limit",
            "ms",
        )
        for view, openings in first.items()
    ]
    tasks = [task for openings in first.values() for _, task in openings]
    one, everything, task = (max(figures) for figures in zip(*uses, strict=True))
    return [
        *views,
        Claim("one cell opened, the slowest of 24", one, 300.0, "limit", "ms"),
        Claim("everything opened, the slowest of 3", everything, 3000.0, "limit", "ms"),
        Claim(
            "longest task while it opens (median)", statistics.median(tasks), 100.0, "limit", "ms"
        ),
        Claim("longest task of all openings", max(tasks), 100.0, "limit", "ms", None),
        Claim("longest task while boxes open", task, 100.0, "limit", "ms"),
    ]


def _record(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    model = darts(16, 8)
    mutator = SoftmaxMutator(model, seed=seed)
    graph = record_graph(model, torch.randn(2, 3, 32, 32))
    (folder / "graph.json").write_text(json.dumps(graph))
    with (folder / "log").open("w") as log:
        for step in range(RECORDS):
            with torch.no_grad():
                for parameter in mutator.parameters():
                    parameter += 0.05 * torch.randn_like(parameter)
                mutator.reset()
            head = {"step": step, "epoch": step // 10, "time": 1.7e9 + step, "kind": "probability"}
            log.write(json.dumps(head | {"status": mutator.status()}) + "\n")


def _opening(browser: Browser, folder: str, view: str) -> tuple[float, float]:
    """Milliseconds from navigation until a view shows the search, and of the longest task."""
    with opened(browser, "--logdir", folder, view=view, watch=_WATCH) as page:
        page.wait_for_function(f"() => seen[{json.dumps(view)}]")
        page.wait_for_timeout(1000)
        return page.evaluate(f"() => seen[{json.dumps(view)}]"), longest_task(page)


def _use(browser: Browser, folder: str) -> tuple[float, float, float]:
    """Milliseconds to open a cell, the slowest of all, and everything; and of the longest task."""
    with opened(browser, "--logdir", folder, view="supernet", watch=_WATCH) as page:
        page.wait_for_function("() => seen.supernet")
        page.get_by_role("button", name="Collapse all").click()
        page.wait_for_function("() => document.querySelector('.graph-canvas').dataset.boxes < 30")
        page.wait_for_timeout(1000)
        page.evaluate("() => { seen.tasks = []; }")
        closed = int(page.locator(".graph-canvas").get_attribute("data-boxes") or 0)
        slowest = 0.0
        for cell in range(8):
            row = page.get_by_role("treeitem").filter(has_text=f"cells.{cell}")
            row.click()
            page.locator("[role=tree]").focus()
            took, _ = _timed(page, "keydown", -closed, lambda: page.keyboard.press("ArrowRight"))
            slowest = max(slowest, took)
            page.keyboard.press("ArrowLeft")
            page.wait_for_function(
                f"() => document.querySelector('.graph-canvas').dataset.boxes === '{closed}'"
            )
        button = page.get_by_role("button", name="Expand all")
        everything, boxes = _timed(page, "click", 4000, button.click)
        assert boxes > 4000
        page.wait_for_timeout(500)
        return slowest, everything, longest_task(page)


def _timed(page: Page, event: str, holds: int, act: Callable[[], object]) -> tuple[float, int]:
    """Milliseconds from an event until the drawing has so many boxes, or (below 0) not so many."""
    arm = f"(given) => {{ window.waited = ({_UNTIL.strip()})(given); }}"
    page.evaluate(arm, [event, holds])
    act()
    took, boxes = page.evaluate("() => window.waited")
    return took, boxes
