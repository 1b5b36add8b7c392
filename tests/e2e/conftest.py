"""A real browser in front of the real server."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import recordings
from tests.e2e.kit import Opened, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; tests are skipped where there is none.

    It is ended after each file: its driver leaves threads, which tests of other files look for.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # what the driver's process leaves would be told in a test of another file


@pytest.fixture
def opened(browser: Browser) -> Iterator[Opened]:
    """Opens pages; the test fails if one of them had an error or asked another host."""
    opened = Opened(browser)
    yield opened
    opened.close()


@pytest.fixture
def view() -> Iterator[Callable[..., Server]]:
    """Starts ``nas-tuners view`` with some arguments; it is ended after the test."""
    servers: list[Server] = []

    def start(*arguments: object) -> Server:
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a search, which all processes of this run of the tests make once.

    ``recorded("darts")``, ``recorded("enas")``, ``recorded("experiment")``.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(kind: str) -> Path:
        folder = shared / f"recorded-{kind}"
        with (shared / f"{kind}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished = folder.with_suffix(".new")
                recordings.MAKERS[kind](unfinished)
                unfinished.rename(folder)
        return folder

    return made
