"""The viewer's page in Chromium, as `nas-tuners view` serves it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.kit import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Notes tasks that took long, and gives the moment after the frame in which something is painted.
WATCH = """
window.seen = { tasks: [] };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) seen.tasks.push(duration);
}).observe({ type: "longtask", buffered: true });

const afterFrame = (work) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = work;
  port2.postMessage(null);
});
window.afterFrame = afterFrame; // for what is asked later
const whenShown = (selector, name) => new MutationObserver((_, observer) => {
  if (!document.querySelector(selector)) return;
  observer.disconnect();
  afterFrame(() => { seen[name] = performance.now(); });
}).observe(document, { childList: true, subtree: true, attributes: true });
"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


@contextmanager
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, *arguments: str, view: str, watch: str, settle: float = 1.5
) -> Iterator[Page]:
    """A page of a server that has just been started, from the moment of navigation on."""
    server = Server(*arguments)
    time.sleep(settle)
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(WATCH + watch)
    try:
        page = context.new_page()
        page.goto(f"{server.url}#view={view}", wait_until="commit")
        yield page
    finally:
        context.close()
        server.stop()


def longest_task(page: Page) -> float:
    """Milliseconds; none is told of up to 50 ms."""
    return float(page.evaluate("() => Math.max(0, ...seen.tasks)"))
