"""A log of 100,000 records in the browser: how soon it is seen, how it moves, what it takes."""

from __future__ import annotations

import json
import os
import random
import statistics
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._claim import Claim
from ._browser import PAINTED, chromium, longest_task, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RECORDS = 100_000
KEYS = [f"{cell}_n{n}_p{p}" for cell in ("norm", "reduce") for n in range(2, 6) for p in range(n)]
CANDIDATES = 8
EPOCHS = 50
OPENINGS = 5
MOVEMENTS = 100
_CHUNK = 5_000

# Notes what lay between a movement of the pointer (the time that the browser gives it) and the end
# of the frame that shows the new record.
_WATCH = """
seen.movements = [];
whenShown(".heat-canvas", "choices");

let moved = 0;
addEventListener("pointermove", (event) => { moved = event.timeStamp; }, true);
addEventListener("input", (event) => {
  const start = moved;
  const expected = `record ${(Number(event.target.value) + 1).toLocaleString("en-US")} of`;
  afterFrame(() => seen.movements.push({
    milliseconds: performance.now() - start,
    shown: document.querySelector(".timeline-label").innerText.startsWith(expected),
  }));
}, true);
"""
_COUNT = f"() => document.querySelector('.timeline-slider')?.max === '{RECORDS - 1}'"


def measure(seed: int) -> list[Claim]:
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        log = Path(folder) / "log"
        _write_log(log, seed)
        what = f"log of {RECORDS:,} records, {log.stat().st_size / 2**20:.0f} MiB"
        openings = [_opening(browser, folder) for _ in range(OPENINGS)]
        painted, choices, whole = (
            statistics.median(times) for times in zip(*openings, strict=True)
        )
        used = _use(browser, folder, random.Random(seed))
    return [
        Claim(f"{what}: first paint", painted, 1_000.0, "limit", "ms"),
        Claim(f"{what}: choices over time on screen", choices, 1_000.0, "limit", "ms"),
        Claim(f"{what}: all records on the slider", whole, 1_000.0, "limit", "ms", None),
        Claim(
            f"slider, from moved to painted, 95 of {MOVEMENTS}",
            sorted(used["movements"])[int(0.95 * MOVEMENTS) - 1],
            50.0,
            "limit",
            "ms",
        ),
        Claim("longest task of the page's main thread", used["task"], 100.0, "limit", "ms"),
        Claim("memory of all renderers (PSS)", used["Pss"], 300.0, "limit", "MB"),
        Claim(
            "the same, each with all that it shares (RSS)", used["Rss"], 300.0, "limit", "MB", None
        ),
    ]


def _opening(browser: Browser, folder: str) -> tuple[float, float, float]:
    """Milliseconds from navigation to the first paint, to the map, and to all records.

    The server was started a second and a half before, and reads meanwhile.
    """
    with _page(browser, folder) as page:
        page.wait_for_function("() => seen.choices")
        page.wait_for_function(_COUNT)
        whole = page.evaluate("() => performance.now()")
        return page.evaluate(PAINTED), page.evaluate("() => seen.choices"), whole


def _use(browser: Browser, folder: str, rng: random.Random) -> dict[str, Any]:
    """Drag the slider to anywhere, scroll, sort and play; what was slow, and what it took."""
    with _page(browser, folder) as page:
        page.wait_for_function("() => seen.choices")
        page.wait_for_function(_COUNT)
        _drag(page, rng)
        page.locator(".heat-scroll").hover()
        for _ in range(20):
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(30)
        page.get_by_role("columnheader", name="Entropy").get_by_role("button").click()
        page.get_by_role("button", name="Play").click()
        page.wait_for_timeout(3_000)
        movements = page.evaluate("() => seen.movements")
        assert all(movement["shown"] for movement in movements)
        task = longest_task(page)
        memory = _memory_of_renderers()
    return {
        "movements": [movement["milliseconds"] for movement in movements],
        "task": task,
        **memory,
    }


def _drag(page: Page, rng: random.Random) -> None:
    box = page.get_by_role("slider", name="Record").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 8, y)
    page.mouse.down()
    for done in range(1, MOVEMENTS + 1):
        page.mouse.move(box["x"] + 8 + rng.random() * (box["width"] - 16), y)
        page.wait_for_function(f"() => seen.movements.length >= {done}")
        page.wait_for_timeout(rng.choice((0, 100)))  # the exact record comes, or it does not
    page.mouse.up()


def _page(browser: Browser, folder: str) -> AbstractContextManager[Page]:
    return opened(browser, "--logdir", folder, view="choices", watch=_WATCH)


def _memory_of_renderers() -> dict[str, float]:
    """Megabytes of all processes that draw pages, of browsers that this process started.

    PSS counts a page of memory that several processes share in parts, RSS in each of them whole.
    """
    total = {"Pss": 0.0, "Rss": 0.0}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            drawing = b"--type=renderer" in (folder / "cmdline").read_bytes()
            if not drawing or not _is_ours(int(folder.name)):
                continue
            rollup = (folder / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        for line in rollup.splitlines():
            name, _, rest = line.partition(":")
            if name in total:
                total[name] += int(rest.split()[0]) * 1024 / 1e6
    assert total["Pss"] > 0
    return total


def _is_ours(process: int) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        stat = Path(f"/proc/{process}/stat").read_text()
        process = int(stat.rpartition(")")[2].split()[1])
    return False


def _write_log(path: Path, seed: int) -> None:
    """Probabilities of logits that drift, each in a direction of its own, with noise."""
    rng = np.random.default_rng(seed)
    shape = (len(KEYS), CANDIDATES)
    drift = rng.normal(size=shape) * 4 / RECORDS
    logits = np.zeros(shape)
    with path.open("w") as file:
        for begin in range(0, RECORDS, _CHUNK):
            noise = rng.normal(size=(_CHUNK, *shape)) * 2 / RECORDS**0.5
            walk = logits + np.cumsum(drift + noise, axis=0)
            logits = walk[-1]
            weights = np.exp(walk - walk.max(axis=-1, keepdims=True))
            weights = np.round(weights / weights.sum(axis=-1, keepdims=True), 4)
            for step, rows in enumerate(weights.tolist(), begin):
                record = {
                    "step": step,
                    "epoch": step * EPOCHS // RECORDS,
                    "time": 1.7e9 + step,
                    "kind": "probability",
                    "status": dict(zip(KEYS, rows, strict=True)),
                }
                file.write(json.dumps(record, separators=(",", ":")) + "\n")
