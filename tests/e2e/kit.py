"""Starting the viewer and looking at its page as people do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page

_URL = re.compile(r"https?://\S+")
_PATIENCE = 60  # seconds

# What Chromium says of a server that was ended while a page was open.
_ENDED = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")


class Server:
    """The command ``nas-tuners view`` in a process of its own, on any free port.

    Attributes:
        url: What it printed.
    """

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, "-m", "nas_tuners.cli", "view", *map(str, arguments)]
        command += [] if "--port" in command else ["--port", "0"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self.url = self._wait_for_url()

    def stop(self) -> int:
        """End it as Ctrl-C does.

        Returns:
            Its exit code.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        code = self._process.wait(_PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()
        return code

    def _wait_for_url(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := _URL.search(line):
                return found[0]
        self._errors.seek(0)
        raise AssertionError(f"no URL was printed: {self._errors.read().decode()}")


class Opened:
    """Pages of a browser, whose errors are collected.

    A window has the size of a small laptop's unless told otherwise.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []
        self.requests: list[str] = []

    def __call__(self, url: str, **options: Any) -> Page:
        """A new window that shows a page; ``options`` as ``color_scheme="dark"``."""
        settings = {"viewport": {"width": 1280, "height": 720}, **options}
        context = self._browser.new_context(**settings)
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(url)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()
        assert not self.errors, self.errors

    def _note(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type in ("error", "warning") and not any(end in text for end in _ENDED):
            self.errors.append(f"{message.location.get('url', '')}: {text}")


def screenshot(page: Page, name: str) -> None:
    """Keep a picture of a page, for people to look at, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")


# Resolves once nothing of the document has changed for some frames.
_QUIET = """() => new Promise((done) => {
  let frames = 0;
  const seen = new MutationObserver(() => { frames = 0; });
  const anything = { attributes: true, characterData: true, childList: true, subtree: true };
  seen.observe(document, anything);
  const next = () => {
    frames += 1;
    if (frames < 6) requestAnimationFrame(next);
    else { seen.disconnect(); done(); }
  };
  requestAnimationFrame(next);
})"""


def quiet(page: Page | Frame) -> None:
    """Wait until a page, whose drawings are made in slices, has come to rest."""
    page.evaluate(_QUIET)


def wait_until(holds: Any, what: str, seconds: float = _PATIENCE) -> None:
    """Wait for a function to give something true."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
