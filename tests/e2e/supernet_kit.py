"""Recorded searches of graphs that are made up, and what the supernet view says of itself."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

NODE = Path(playwright.__file__).parent / "driver" / "node"  # the browser's driver brings one
GRAPHS = Path(__file__).parents[1] / "viewer" / "page" / "graphs.js"


def synthetic(call: str) -> dict[str, Any]:
    """A graph of `tests/viewer/page/graphs.js`, such as `dartsGraph({cells: 2})`."""
    graph: dict[str, Any] = json.loads(_made(call))
    return graph


@cache
def _made(call: str) -> bytes:
    names = "cyclicGraph, dartsGraph, deepGraph, flatGraph, treeOnly"
    script = (
        f"import {{ {names} }} from {json.dumps(GRAPHS.as_uri())};"
        f"process.stdout.write(JSON.stringify({call}));"
    )
    command = [NODE, "--input-type=module", "--eval", script]
    return subprocess.run(command, check=True, capture_output=True).stdout


def record(folder: Path, graph: dict[str, Any], records: int = 5) -> Path:
    """Write a search in which candidate `i + 1` of key `i` becomes the strongest.

    Returns:
        The folder.
    """
    folder.mkdir(exist_ok=True)
    (folder / "graph.json").write_text(json.dumps(graph), encoding="utf-8")
    lines = [_line(graph, at / max(1, records - 1), at) for at in range(records)]
    (folder / "log").write_text("".join(lines), encoding="utf-8")
    return folder


def _line(graph: dict[str, Any], share: float, at: int) -> str:
    status = {}
    for number, (key, choice) in enumerate(graph["choices"].items()):
        count = len(choice["names"])
        strong = (number + 1) % max(1, count)
        rest = (1 - share) / max(1, count)
        status[key] = [rest + share * (i == strong) for i in range(count)]
    head = {"step": 10 * at, "epoch": at, "time": 1.8e9 + at, "kind": "probability"}
    return json.dumps({**head, "status": status}) + "\n"


def open_supernet(page: Page) -> None:
    """Show the view, and wait for its first drawing."""
    page.get_by_role("tab", name="Supernet").click()
    settled(page)


def settled(page: Page) -> int:
    """Wait until what is open is drawn.

    Returns:
        How many boxes there are.
    """
    page.wait_for_function(
        "() => document.querySelector('.graph-canvas')?.dataset.boxes"
        " && !document.querySelector('.supernet-busy')"
    )
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return int(page.locator(".graph-canvas").get_attribute("data-boxes") or 0)


def picture(page: Page) -> str:
    """What is painted, as text that is equal for equal paintings."""
    settled(page)
    text: str = page.evaluate("() => document.querySelector('.graph-canvas').toDataURL()")
    return text


def selected(page: Page) -> str:
    """Name of the selected box."""
    return page.locator(".supernet-trail [aria-current]").inner_text()
